/**
 * Delegation: which calls are runs of their own, what of the parent's limits they get, and what their end means.
 *
 * CH1 A child's id follows from its parent and the call, so a parent that starts again finds the child it had.
 * CH2 What open children may still use is kept back from everybody else; what they used is added once, at their end.
 * CH3 A run settles only when none of its children is open.
 * CH4 A call in the background is answered with its child's start; the child's end is told once, as a message.
 */
import type { ChildEnded, ChildStarted, EventBody } from "../ports/events.ts";
import type { CallOutcome, Cost, UsageTotal } from "../ports/view.ts";
import { wrapUpReserveMs } from "./limits.ts";
import { sha256 } from "./sha256.ts";
import { type CallState, type ChildLink, type Draft, type RunState, totalTokens } from "./state.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID_LENGTH = 26;

/** 130 bits of the hash, in the letters of other run ids. */
export function childRunId(parent: string, call: string): string {
  const bytes = sha256(new TextEncoder().encode(`${parent} ${call}`));
  let id = "";
  for (let i = 0; i < ID_LENGTH; i++) {
    const bit = i * 5;
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    id += ALPHABET[(pair >> (11 - (bit & 7))) & 31] ?? "0";
  }
  return `run_${id}`;
}

/** Agents are always runs of their own; a skill is one where it says so, or when it is given something to do. */
export function isChildCall(state: RunState, call: CallState): boolean {
  if (call.child !== undefined) return true;
  const tool = state.agent.tools.find(({ name }) => name === call.name);
  if (tool?.delegate === undefined) return false;
  return tool.delegate === "agent" || tool.forks === true || hasPrompt(call);
}

function hasPrompt({ input }: CallState): boolean {
  if (typeof input !== "object" || input === null || !("prompt" in input)) return false;
  const { prompt } = input as { readonly prompt?: unknown };
  return typeof prompt === "string" && prompt.trim() !== "";
}

export function isOpenChild(call: CallState): boolean {
  return call.child !== undefined && call.status !== "ended";
}

export function isInBackground({ background }: Pick<RunState, "background">, call: string): boolean {
  return background.some(({ id }) => id === call);
}

/** The call of this id as far as it can still change: one of the last answer, or one whose child works in the background. */
export function callOf({ background, calls }: Pick<RunState, "background" | "calls">, id: string): CallState | undefined {
  return (
    (background.length === 0 ? undefined : background.find((call) => call.id === id)) ?? calls.find((call) => call.id === id)
  );
}

export function depthOf(state: RunState): number {
  return state.request.depth ?? 0;
}

/** Why a call cannot be handed on, as the model is told; undefined when it can. */
export function refusalOfChild(state: RunState, call: CallState): string | undefined {
  const { limits } = state;
  const depth = depthOf(state) + 1;
  if (depth > limits.depth) {
    return `Not run: delegates may be ${limits.depth} deep, and this run is at depth ${depthOf(state)} already. Do the work here.`;
  }
  const before = state.calls.filter(({ status, id }) => status === "ready" && id !== call.id);
  const earlier = before.slice(0, Math.max(0, state.calls.filter(({ status }) => status === "ready").indexOf(call)));
  const ordinal = state.children + earlier.filter((other) => isChildCall(state, other)).length;
  if (ordinal >= limits.children) {
    return `Not run: this run may hand on work ${limits.children} times, and it has. Do the work here, or finish with what you have.`;
  }
  const share = shareOf(state, 0);
  if (share.tokens !== undefined && share.tokens <= 0) return nothingLeft("tokens");
  if (share.costUsd !== undefined && share.costUsd <= 0) return nothingLeft("money");
  return undefined;
}

function nothingLeft(what: string): string {
  return `Not run: there are not enough ${what} left in this run to hand on work. Finish with what you have.`;
}

/** The intent. What is left is shared equally among the calls of this step that are still to be handed on. */
export function childIntent(state: RunState, call: CallState): ChildStarted {
  const run = childRunId(state.run, call.id);
  if (!runsInBackground(state, call)) return { type: "child.started", call: call.id, run, ...shareOf(state, 0) };
  return { type: "child.started", call: call.id, run, ...shareOf(state, 1), background: true };
}

/** Its agent says so. A skill never does: what it is called for is its answer. */
export function runsInBackground({ agent }: RunState, { name }: CallState): boolean {
  return agent.tools.find((tool) => tool.name === name)?.background === true;
}

/** Of tokens or dollars: what open children may still use. */
export function keptForChildren({ calls, background }: RunState, field: "tokens" | "costUsd"): number {
  const kept = (open: readonly CallState[]): number =>
    open.reduce((sum, call) => sum + (isOpenChild(call) ? (call.child?.[field] ?? 0) : 0), 0);
  return kept(calls) + kept(background);
}

interface Share {
  readonly tokens?: number;
  readonly costUsd?: number;
}

/** Room for the next answer of this run and for its wrap-up is kept back first. `others`: who else goes on meanwhile. */
function shareOf(state: RunState, others: number): Share {
  const { limits, calls } = state;
  if (limits.tokens === undefined && limits.costUsd === undefined) return {};
  const ready = calls.filter((call) => call.status === "ready" && isChildCall(state, call)).length;
  const waiting = Math.max(1, ready) + others;
  const share: { tokens?: number; costUsd?: number } = {};
  if (limits.tokens !== undefined) {
    const left = limits.tokens - totalTokens(state.usage) - keptForChildren(state, "tokens") - 2 * state.lastCallTokens;
    share.tokens = Math.max(0, Math.floor(left / waiting));
  }
  if (limits.costUsd !== undefined) {
    const spent = state.costUsd === "unknown" ? Infinity : state.costUsd;
    const left = limits.costUsd - spent - keptForChildren(state, "costUsd") - 2 * state.lastCallCostUsd;
    share.costUsd = Math.max(0, left / waiting);
  }
  return share;
}

/** Running time a child may use: what this run has left without its own wrap-up, and without the grace in which it stops. */
export function timeForChild(state: RunState, activeMs: number): number {
  const { limits } = state;
  return Math.floor(limits.timeMs - wrapUpReserveMs(limits) - limits.graceMs - activeMs);
}

export function toLink({ run, tokens, costUsd }: ChildStarted): ChildLink {
  return { run, ...(tokens === undefined ? {} : { tokens }), ...(costUsd === undefined ? {} : { costUsd }) };
}

/** A child that was stopped because its parent ends is no mistake of the model. */
export function outcomeOfChild({ status }: ChildEnded): CallOutcome {
  if (status === "completed") return "ok";
  return status === "cancelled" || status === "killed" ? "cancelled" : "error";
}

export function countChild(next: Draft, event: ChildStarted | ChildEnded): void {
  const call = callOf(next, event.call);
  if (call === undefined || call.status === "ended") return;
  if (event.type === "child.started") {
    if (call.child === undefined) next.children++;
    return;
  }
  next.usage = plusUsage(next.usage, event.usage);
  next.costUsd = plusCost(next.costUsd, event.costUsd);
  next.delegated = {
    usage: plusUsage(next.delegated.usage, event.usage),
    costUsd: plusCost(next.delegated.costUsd, event.costUsd),
  };
}

function plusUsage(one: UsageTotal, other: UsageTotal): UsageTotal {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    unknownCalls: one.unknownCalls + other.unknownCalls,
  };
}

function plusCost(one: Cost, other: Cost): Cost {
  return one === "unknown" || other === "unknown" ? "unknown" : one + other;
}

/** The call of a child that nobody could end in time; the order to end is in its inbox. */
export function leftBehind(call: CallState, message: string): EventBody {
  return { type: "tool.ended", call: call.id, outcome: "unknown", output: { type: "error-text", value: message } };
}
