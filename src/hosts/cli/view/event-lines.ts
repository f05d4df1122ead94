/** What an event says to somebody who watches. */
import { callOf, isOpenChild } from "../../../kernel/children.ts";
import { evolve } from "../../../kernel/evolve.ts";
import type { CallState, RunState } from "../../../kernel/state.ts";
import { totalTokens } from "../../../kernel/state.ts";
import type {
  AttemptStarted,
  ChildEnded,
  ChildStarted,
  LimitName,
  ModelAnswered,
  ModelFailed,
  PhaseEnded,
  PhaseStarted,
  RunEvent,
  RunStarted,
  ToolEnded,
} from "../../../ports/events.ts";
import type { Limits } from "../../../ports/limits.ts";
import type { ToolCallPart, UserPart } from "../../../ports/messages.ts";
import type { SupervisorDecided } from "../../../ports/supervision.ts";
import type { CallOutcome, FinalStatus } from "../../../ports/view.ts";
import { callArguments, callOutput, count, duration, plural, spent, money } from "./figures.ts";
import type { Line, Span } from "./line.ts";
import { callsDone, currentStep } from "./standing.ts";
import type { Marks, Tone } from "./terminal.ts";
import { fit, oneLine, padEnd, padStart } from "./text.ts";
import { waitingText } from "./waiting-lines.ts";

export interface EventView {
  readonly marks: Marks;
  readonly columns: number;
  /** Say when a call begins, not only how it ended. Default true. */
  readonly showsStarts?: boolean;
}

/** `before` is the state before the event; undefined only for the first one. */
export function linesOf(event: RunEvent, before: RunState | undefined, view: EventView): readonly Line[] {
  if (event.type === "run.started") return [started(event, view)];
  if (before === undefined) return [];
  switch (event.type) {
    case "model.answered":
      return answered(event, view);
    case "tool.ended":
      return ended(event, before, view);
    case "child.started":
      return childStarted(event, before, view);
    case "child.ended":
      return childEnded(event, before, view);
    case "attempt.started":
      return [continued(event, before, view)];
    case "phase.started":
      return [phaseStarted(event, before, view)];
    case "run.finished":
      return [finished(event.status, before, view)];
    default:
      return remark(event, before, view);
  }
}

// --- start and end ---------------------------------------------------------------------------------------------------

function started(event: RunStarted, { marks }: EventView): Line {
  const { agent, models } = event;
  return [
    ["bold", oneLine(agent.name)],
    ["plain", ` ${event.run} `],
    ["dim", `${marks.dot} ${models.join(", ") || agent.tier} ${marks.dot} ${bounds(event.limits)}`],
  ];
}

export function bounds(limits: Limits): string {
  const { maxSteps, timeMs, tokens, costUsd } = limits;
  const bound = [`up to ${plural(maxSteps, "step")}`, duration(timeMs)];
  if (tokens !== undefined) bound.push(`${count(tokens)} tokens`);
  if (costUsd !== undefined) bound.push(`$${costUsd}`);
  return bound.join(", ");
}

/** What a new process found: what was done stays done, and what was under way. */
function continued(event: AttemptStarted, before: RunState, view: EventView): Line {
  const how = event.after === "crash" ? "after a crash" : "in order";
  const done = `${plural(before.step, "step")} and ${plural(callsDone(before), "call")} done, none repeated`;
  const text = `${event.process} took the run over ${how}: ${[done, ...leftUnderWay(before)].join(", ")}`;
  return [
    ["accent", `   ${view.marks.call} `],
    ["accent", text],
  ];
}

/** What the process before had begun: done again, or not dared to do again. */
export function leftUnderWay(state: RunState): readonly string[] {
  const facts: string[] = [];
  if (state.model.inFlight) facts.push("the model call under way is made again");
  const children = [...state.calls, ...state.background].filter(isOpenChild);
  if (children.length > 0) facts.push(`${callNames(children)} goes on in its own run`);
  const doubtful = state.calls.filter(
    ({ status, child }) => child === undefined && (status === "started" || status === "in-doubt"),
  );
  if (doubtful.length > 0) facts.push(`not known whether ${callNames(doubtful)} happened`);
  const open = state.calls.filter((call) => call.status === "ready");
  if (open.length > 0) facts.push(`${plural(open.length, "call")} still to make`);
  return facts;
}

/** `gate`, `gate and 2 calls of record`: without ids, which only commands need. */
export function callNames(calls: readonly Pick<CallState, "name">[]): string {
  const names = [...new Set(calls.map(({ name }) => name))];
  const counted = names.map((name) => {
    const times = calls.filter((call) => call.name === name).length;
    return times === 1 ? name : `${times} calls of ${name}`;
  });
  const last = counted.pop() ?? "";
  return counted.length === 0 ? last : `${counted.join(", ")} and ${last}`;
}

const END_TONES: Readonly<Record<FinalStatus, Tone>> = {
  completed: "good",
  failed: "bad",
  poisoned: "bad",
  killed: "warn",
  cancelled: "warn",
  timed_out: "warn",
  out_of_steps: "warn",
  over_budget: "warn",
  looping: "warn",
};

export function toneOfEnd(status: string): Tone {
  return END_TONES[status as FinalStatus] ?? "accent";
}

export function statusWords(status: string): string {
  return status.replaceAll("_", " ");
}

function finished(status: FinalStatus, state: RunState, { marks }: EventView): Line {
  const isGood = status === "completed";
  const tokens = `${count(totalTokens(state.usage))} tokens`;
  const used = [plural(state.step, "step"), plural(state.toolCalls, "call"), tokens, spent(state), duration(state.activeMs)];
  const line: Span[] = [
    [toneOfEnd(status), `${isGood ? marks.ok : marks.error} ${statusWords(status)}`],
    ["dim", ` ${marks.dot} ${used.join(` ${marks.dot} `)}`],
  ];
  const error = state.settling?.error;
  if (error !== undefined && !isGood) line.splice(1, 0, ["plain", `: ${oneLine(error.message)}`]);
  return line;
}

// --- steps and calls -------------------------------------------------------------------------------------------------

function answered(event: ModelAnswered, view: EventView): readonly Line[] {
  const { marks, columns } = view;
  const { content, finish, step } = event;
  const calls = content.filter((part): part is ToolCallPart => part.type === "tool-call" && part.providerExecuted !== true);
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const said = fit(oneLine(text.slice(0, 1_000)), columns - 8);
  const lines: Line[] = [];
  if (calls.length > 0 && said !== "") lines.push(atStep(step, "dim", " ", [["dim", said]]));
  if (finish === "length" || finish === "content-filter") {
    lines.push(atStep(step, "warn", marks.note, [["warn", `the answer was cut off (${finish})`]]));
  }
  return [...lines, ...calls.flatMap((call, ordinal) => askedLine(event, { call, ordinal }, view))];
}

function askedLine(
  { step, refused }: ModelAnswered,
  { call, ordinal }: { readonly call: ToolCallPart; readonly ordinal: number },
  { marks, columns, showsStarts = true }: EventView,
): readonly Line[] {
  const refusal = refused?.find((candidate) => candidate.call === ordinal)?.message;
  const head = callHead(call.toolName, call.input, columns - 8);
  if (refusal === undefined) return showsStarts ? [atStep(step, "dim", marks.call, [["dim", head]])] : [];
  const spans: Span[] = [
    ["plain", head],
    ["bad", `  ${oneLine(refusal)}`],
  ];
  return [atStep(step, "bad", marks.error, spans)];
}

const OUTCOMES: Readonly<Record<CallOutcome, readonly [Tone, keyof Pick<Marks, "ok" | "error" | "doubt" | "note">]>> = {
  ok: ["good", "ok"],
  error: ["bad", "error"],
  invalid: ["bad", "error"],
  blocked: ["warn", "note"],
  cancelled: ["warn", "note"],
  denied: ["warn", "note"],
  unknown: ["warn", "doubt"],
};

function ended(event: ToolEnded, before: RunState, view: EventView): readonly Line[] {
  const call = before.calls.find(({ id }) => id === event.call);
  if (call === undefined) return [];
  const { marks, columns } = view;
  const [tone, mark] = OUTCOMES[event.outcome];
  const room = event.outcome === "ok" ? Math.max(20, columns - 30) : Math.max(20, Math.floor(columns / 3));
  const spans: Span[] = [["plain", callHead(call.name, call.input, room)]];
  if (event.outcome !== "ok") spans.push([tone, `  ${event.outcome}: ${callOutput(event.output.value, columns)}`]);
  if (event.reconciled === true) spans.push(["accent", "  had been done before the crash; not repeated"]);
  else if (event.durationMs !== undefined) spans.push(["dim", `  ${duration(event.durationMs)}`]);
  return [atStep(stepOfCall(event.call), tone, marks[mark], spans)];
}

function childStarted({ call, run }: ChildStarted, before: RunState, { marks, columns }: EventView): readonly Line[] {
  const name = callOf(before, call)?.name ?? call;
  return [atStep(stepOfCall(call), "dim", marks.call, [["dim", fit(`${name} is run ${run}`, columns - 8)]])];
}

function childEnded(event: ChildEnded, before: RunState, view: EventView): readonly Line[] {
  const call = callOf(before, event.call);
  if (call === undefined || call.status === "ended") return [];
  const { marks, columns } = view;
  const isGood = event.status === "completed";
  const tone = toneOfEnd(event.status);
  const used = [plural(event.steps, "step"), `${count(totalTokens(event.usage))} tokens`, money(event.costUsd)];
  const spans: Span[] = [["plain", callHead(call.name, call.input, Math.max(20, columns - 60))]];
  if (!isGood)
    spans.push([tone, `  ${statusWords(event.status)}: ${callOutput(event.output.value, Math.max(20, columns - 60))}`]);
  spans.push(["dim", `  ${duration(event.durationMs)} ${marks.dot} ${used.join(` ${marks.dot} `)}`]);
  return [atStep(stepOfCall(event.call), tone, isGood ? marks.ok : marks.error, spans)];
}

/** Name and arguments, the latter in the room there is. */
export function callHead(name: string, input: unknown, columns: number): string {
  return `${name} ${callArguments(input, columns)}`.trimEnd();
}

/** People count steps from 1. The id of a call, which counts from 0, is shown only where a command takes it. */
export function atStep(step: number, tone: Tone, mark: string, spans: readonly Span[]): Line {
  return [["dim", padStart(String(step + 1), 3)], [tone, ` ${padEnd(mark, 1)} `], ...spans];
}

/** Index of the step that asked for the call. */
export function stepOfCall(call: string): number {
  return Number(call.split(".")[0]);
}

export function outcomeMark(outcome: CallOutcome, marks: Marks): Span {
  const [tone, mark] = OUTCOMES[outcome];
  return [tone, marks[mark]];
}

// --- phases ----------------------------------------------------------------------------------------------------------

function phaseStarted(event: PhaseStarted, { definition, agent }: RunState, { marks }: EventView): Line {
  const names = definition.phases?.map(({ name }) => name) ?? [];
  const index = names.indexOf(event.phase);
  const models = definition.phases?.[index]?.models.join(", ") ?? agent.tier;
  return [
    ["accent", `   ${marks.call} phase ${oneLine(event.phase)}`],
    ["dim", ` (${index + 1} of ${names.length}) ${marks.dot} ${models}`],
  ];
}

const BOUNDS: Readonly<Record<LimitName, string>> = { steps: "steps", time: "time", tokens: "tokens", usd: "cost" };

function phaseEnded({ phase, output, limit }: PhaseEnded, columns: number): string {
  const how = limit === undefined ? "" : ` at its limit of ${BOUNDS[limit]}`;
  return `phase ${phase} ended${how}: ${fit(oneLine(output.slice(0, 1_000)), columns)}`;
}

// --- everything else -------------------------------------------------------------------------------------------------

const ORDINARY: readonly RunEvent["type"][] = ["steer.received", "limits.extended", "phase.ended"];

function remark(event: RunEvent, before: RunState, view: EventView): readonly Line[] {
  const text = remarkText(event, before, view.columns);
  if (text === undefined) return [];
  const tone: Tone = ORDINARY.includes(event.type) ? "accent" : "warn";
  return [atStep(stepOfRemark(event, before), tone, view.marks.note, [[tone, oneLine(text)]])];
}

/** That of the call it is about; otherwise the one the run is in. */
function stepOfRemark(event: RunEvent, before: RunState): number {
  if ("call" in event && event.call !== undefined) return stepOfCall(event.call);
  // Its last answer has moved the run on.
  if (event.type === "phase.ended") return before.step - 1;
  return currentStep(before) - 1;
}

function definitionText(event: RunEvent): string | undefined {
  if (event.type === "run.forked") {
    const edits = event.edits.length === 0 ? "" : `, with ${event.edits.join(", ")}`;
    return `up to here it is a copy of ${event.from.run}, event ${event.from.seq}${edits}`;
  }
  if (event.type === "agent.changed") return `its agent changed; a person is asked: ${event.changes.join("; ")}`;
  if (event.type === "agent.adopted") return `goes on with its changed agent: ${event.changes.join("; ")}`;
  if (event.type !== "agent.decided") return undefined;
  return `${event.decision === "adopt" ? "adopts its changed agent" : "stays with the agent it began with"}${by(event.from)}`;
}

function remarkText(event: RunEvent, before: RunState, columns: number): string | undefined {
  const call = (id: string): string => doubtfulCall(id, before, columns);
  switch (event.type) {
    case "model.failed":
      return `${failure(event.model, event.error.message)}${afterFailure(event, before)}`;
    case "tool.interrupted":
      return `${call(event.call)} was interrupted and may or may not have happened: ${event.reason}`;
    case "tool.reconciled":
      return event.outcome === "not-done"
        ? `${call(event.call)} had not happened, so it runs`
        : `nobody can tell whether ${call(event.call)} happened${event.error === undefined ? "" : ` (${event.error})`}`;
    case "steer.received":
      return `message${by(event.from)}: ${textOf(event.content)}`;
    case "cancel.requested":
      return `${event.mode}${by(event.from)}${event.reason === undefined ? "" : `: ${event.reason}`}`;
    case "limits.extended":
      return `more room${by(event.from)}: ${extension(event)}`;
    case "child.parked":
      return `${call(event.call)} waits: its run ${event.run} does`;
    case "call.resolved":
      return `${call(event.call)} resolved as ${event.outcome}${by(event.from)}`;
    case "compaction.failed":
      return `the conversation could not be shortened: ${event.error.message}`;
    case "context.compacted":
      return `the conversation was shortened from ${event.messagesBefore} messages to ${event.messagesAfter}, ${count(event.tokensBefore)} tokens to ${count(event.tokensAfter)}`;
    case "compaction.requested":
      return event.reason === "overflow" ? "the conversation is too long for the model, so it is shortened" : undefined;
    case "limit.reached":
    case "budget.refused":
      return `${event.message}${event.wrapUp ? " One last answer without tools." : ""}`;
    case "guard.tripped":
      return event.action === "block" ? undefined : event.message;
    case "source.failed":
      return event.error.message;
    case "source.changed":
      return `the tools of ${event.source} changed: ${event.changes.join(", ")}`;
    case "source.decided":
      return `changed tools of ${event.source}: ${event.decision}${by(event.from)}`;
    case "source.settled":
      return event.error === undefined ? undefined : `${event.source} failed after the run: ${event.error}`;
    case "source.closed":
      return event.error === undefined ? undefined : `${event.source} could not be cleaned up: ${event.error}`;
    case "artifact.added":
      return `left ${event.name} (${event.mediaType}, ${count(event.data.bytes)} bytes)`;
    case "durability.lost":
      return `not kept: ${oneLine(event.reason)}`;
    case "phase.ended":
      return phaseEnded(event, columns);
    case "output.refused":
      return `the answer does not have the shape that was asked for, so it is asked for again: ${event.problem}`;
    case "stall.noticed":
      return event.message;
    case "supervisor.decided":
      return decision(event);
    case "tools.missing":
      return `no code here for ${event.names.join(", ")}`;
    default:
      return definitionText(event) ?? waitingText(event, before, columns);
  }
}

/** Messages of failed model calls mostly name the model themselves. */
export function failure(model: string, message: string): string {
  return message.startsWith(`${model}:`) || message.startsWith(`${model} `) ? message : `${model}: ${message}`;
}

function afterFailure(event: RunEvent & ModelFailed, before: RunState): string {
  const { model, models } = evolve(before, event, event);
  if (model.exhausted) return model.attempts > 1 ? `; given up after ${model.attempts} tries` : "";
  const isOther = model.candidate !== before.model.candidate;
  if (isOther) return `; going on with ${models[model.candidate] ?? "the next model"}`;
  const inMs = (model.retryAt ?? event.at) - event.at;
  return inMs >= 1_000 ? `; trying again in ${duration(inMs)}` : "; trying again";
}

function doubtfulCall(id: string, state: RunState, columns: number): string {
  const call = state.calls.find((candidate) => candidate.id === id);
  return call === undefined ? `call ${id}` : callHead(call.name, call.input, Math.max(20, Math.floor(columns / 3)));
}

function by(from: string | undefined): string {
  return from === undefined ? "" : ` from ${from}`;
}

function decision({ by, action, reason, message, question, extend }: SupervisorDecided): string {
  const what = {
    nudge: `: ${message ?? ""}`,
    ask: `: ${question ?? ""}`,
    extend: ` ${extension(extend ?? {})}`,
    kill: "",
    leave: "",
  };
  return `supervisor (${by}): ${action}${what[action]}; ${reason}`;
}

export function extension(more: { steps?: number; timeMs?: number; tokens?: number; costUsd?: number }): string {
  const parts: string[] = [];
  if (more.steps !== undefined) parts.push(plural(more.steps, "step"));
  if (more.timeMs !== undefined) parts.push(duration(more.timeMs));
  if (more.tokens !== undefined) parts.push(`${count(more.tokens)} tokens`);
  if (more.costUsd !== undefined) parts.push(`$${more.costUsd}`);
  return parts.join(", ");
}

export function textOf(parts: readonly UserPart[], columns = 400): string {
  const words = parts.map((part) => (part.type === "text" ? part.text : `[${part.mediaType}]`));
  return fit(oneLine(words.join(" ").slice(0, columns * 2)), columns);
}
