/** What to do about the calls of the current step. */
import type { EventBody } from "../ports/events.ts";
import type { CallOutcome } from "../ports/view.ts";
import { backgroundStarts } from "./decide-background.ts";
import { isChildCall, isOpenChild, refusalOfChild, runsInBackground } from "./children.ts";
import type { Decision, Now } from "./decide.ts";
import { decideWaiting, nextWaitAt, toWaitingFor } from "./decide-waiting.ts";
import { type Effect, type EndChildEffect, type ToolCallEffect, toolOf } from "./effects.ts";
import { fence } from "./fork.ts";
import { equalResults, repetition } from "./guards.ts";
import type { CallState, RunState } from "./state.ts";

export function decideCalls(state: RunState, now: Now): Decision {
  const decided = state.calls.flatMap((call) => decideWithoutRunning(state, call, now));
  if (decided.length > 0) return { append: decided, effects: [], done: false };
  const starts = backgroundStarts(state);
  if (starts.length > 0) return { append: starts, effects: [], done: false };
  const effects = wantedCalls(state);
  const at = nextWaitAt(state);
  const deadline = at === undefined ? {} : { deadline: { at } };
  if (effects.length > 0) return { append: [], effects, ...deadline, done: false };
  return { append: [], effects: [], waiting: toWaitingFor(state), ...deadline, done: false };
}

/** Calls that are answered without running anything: blocked by a guard, waiting, or in doubt with the policy `report` or `rerun`. */
function decideWithoutRunning(state: RunState, call: CallState, now: Now): readonly EventBody[] {
  switch (call.status) {
    case "started":
    case "ended":
    case "parked":
      return [];
    case "ready":
      return beforeRunning(state, call);
    case "in-doubt":
      return decideDoubt(state, call);
    case "asked": {
      // Nobody is asked about a call that would not be run anyway.
      const answered = notRun(state, call);
      return answered.length > 0 ? answered : decideWaiting(state, call, now);
    }
    default:
      return decideWaiting(state, call, now);
  }
}

/** A call that does not say what it did is made so often; what is never answered would be made for ever. */
const MOST_TRIES = 3;

function beforeRunning(state: RunState, call: CallState): readonly EventBody[] {
  if (call.unanswered >= MOST_TRIES) return [ended(call, "error", unansweredMessage(call))];
  const answered = call.waits > 0 ? refusedChild(state, call) : notRun(state, call);
  return answered.length > 0 ? answered : fence(state, call);
}

function decideDoubt(state: RunState, call: CallState): readonly EventBody[] {
  const tool = toolOf(state, call.name);
  if (tool?.reconcile === true && !call.reconciled) return [];
  if (tool?.onUnknown === "ask") return [];
  if (tool?.onUnknown === "rerun" && call.unanswered < MOST_TRIES)
    return [{ type: "tool.reconciled", call: call.id, outcome: "not-done" }];
  return [ended(call, "unknown", unknownMessage(call))];
}

function unknownMessage(call: CallState): string {
  return `The outcome of this call is unknown: ${call.name} was interrupted after it had started, so it may or may not have taken effect. It was not repeated. Check before you call it again.`;
}

function unansweredMessage({ name, unanswered }: CallState): string {
  return `${name} was made ${unanswered} times, did not say what it did, and turned out not to have happened. It was not made again.`;
}

function notRun(state: RunState, call: CallState): readonly EventBody[] {
  const guarded = blocked(state, call);
  return guarded.length > 0 ? guarded : refusedChild(state, call);
}

function refusedChild(state: RunState, call: CallState): readonly EventBody[] {
  const refusal = isChildCall(state, call) ? refusalOfChild(state, call) : undefined;
  return refusal === undefined ? [] : [ended(call, "error", refusal)];
}

function blocked(state: RunState, call: CallState): readonly EventBody[] {
  if (state.request.unguarded === true) return [];
  const seen = repetition(state.history, call.key);
  if (seen === undefined || seen.count < state.limits.repeats) return withoutNews(state, call);
  const message = `Not run: this call has already been made ${seen.count - 1} times with the same result. Use that result or do something else.`;
  return [{ type: "guard.tripped", guard: seen.guard, action: "block", call: call.id, message }, ended(call, "blocked", message)];
}

/** The model was told, and goes on asking the same tool in other words. */
function withoutNews(state: RunState, call: CallState): readonly EventBody[] {
  const { history, limits, resultsHinted } = state;
  if (!resultsHinted || history[history.length - 1]?.read !== call.name) return [];
  const count = equalResults(history) + 1;
  if (count < 3 * limits.repeats) return [];
  const message = `Not run: the last ${count - 1} calls of ${call.name}, all different, gave the same result. Use another tool or answer with what you have.`;
  return [{ type: "guard.tripped", guard: "results", action: "block", call: call.id, message }, ended(call, "blocked", message)];
}

/** The first calls in call order, up to the limits on parallel calls of the run and of each tool, and on children at once. */
function wantedCalls(state: RunState): readonly Effect[] {
  const effects: Effect[] = [];
  let children = 0;
  const places = state.limits.parallelChildren - state.background.filter(({ status }) => status === "started").length;
  for (const call of state.calls) {
    const effect = effectOf(state, call);
    if (effect === undefined) continue;
    if (effect.kind === "child") {
      // One that was started is attached to again, however many there are.
      if (call.child === undefined && children >= places) continue;
      // Its start is a decision, and waits for a free place.
      if (runsInBackground(state, call)) continue;
      children++;
      effects.push(effect);
      continue;
    }
    if (effects.length - children >= state.limits.parallelCalls) continue;
    const { concurrency } = toolOf(state, call.name) ?? NO_TOOL;
    if (concurrency !== undefined && callsOf(call.name, effects) >= concurrency) continue;
    effects.push(effect);
  }
  return effects;
}

const NO_TOOL: { readonly concurrency?: number } = {};

function callsOf(tool: string, effects: readonly Effect[]): number {
  let count = 0;
  for (const effect of effects) if ("call" in effect && effect.call.name === tool) count++;
  return count;
}

/** The id changes with every interruption and wait, so that an abandoned run of the call is never mistaken for the new one. */
function effectOf(state: RunState, call: CallState): Effect | undefined {
  if (call.status === "ready" || call.status === "started") {
    if (isChildCall(state, call)) return { kind: "child", id: `child:${call.id}`, call };
    return toolEffect(call);
  }
  if (call.status !== "in-doubt" || call.reconciled) return undefined;
  if (toolOf(state, call.name)?.reconcile !== true) return undefined;
  return { kind: "reconcile", id: `reconcile:${call.id}#${call.interruptions}`, call };
}

function toolEffect(call: CallState): ToolCallEffect {
  const { id, interruptions, waits } = call;
  return { kind: "tool", id: waits === 0 ? `tool:${id}#${interruptions}` : `tool:${id}#${interruptions}.${waits}`, call };
}

/**
 * Calls whose intent is durable and that are not wanted any more: whoever drives the run answers for them. One that is not under way
 * with its driver was never run.
 */
export function abandonedCalls({ calls }: RunState, wanted: readonly Effect[]): readonly ToolCallEffect[] {
  const abandoned: ToolCallEffect[] = [];
  for (const call of calls) {
    if (call.status !== "started" || call.child !== undefined) continue;
    const effect = toolEffect(call);
    if (!wanted.some(({ id }) => id === effect.id)) abandoned.push(effect);
  }
  return abandoned;
}

export function neverRun(call: CallState): EventBody {
  return ended(call, "cancelled", "Not run: the run ended before the call could start.");
}

/**
 * On the way to an end: calls that never started or wait are cancelled, calls in doubt are unknown, and a `once` call under way is
 * waited for (its signal is aborted; the driver answers for it within the grace time) unless the run is killed. Children are ended
 * and waited for.
 */
export function closeOpenCalls(
  state: RunState,
  options: {
    readonly abandonStarted: boolean;
    readonly reason: string;
    readonly mode?: "cancel" | "kill";
    /** It is a phase that ends, not the run. */
    readonly keepBackground?: boolean;
  },
): Decision | undefined {
  const calls = state.calls.filter((call) => call.status !== "ended");
  const open = options.keepBackground === true ? calls : [...calls, ...state.background];
  if (open.length === 0) return undefined;
  const events = open.flatMap((call) => {
    if (isOpenChild(call)) return [];
    if (call.status !== "in-doubt" && call.status !== "started") {
      return [ended(call, "cancelled", `Not run to its end. ${options.reason}`)];
    }
    if (call.status === "in-doubt" || options.abandonStarted) return [ended(call, "unknown", unknownMessage(call))];
    return [];
  });
  const children = events.length > 0 ? [] : open.filter(isOpenChild).map((call) => endChild(call, options));
  return { append: events, effects: children, done: false };
}

function endChild(
  call: CallState,
  { mode = "cancel", reason }: { readonly mode?: "cancel" | "kill"; readonly reason: string },
): EndChildEffect {
  return { kind: "end-child", id: `end-child:${call.id}:${mode}`, call, mode, reason };
}

function ended(call: CallState, outcome: CallOutcome, message: string): EventBody {
  return { type: "tool.ended", call: call.id, outcome, output: { type: "error-text", value: message } };
}
