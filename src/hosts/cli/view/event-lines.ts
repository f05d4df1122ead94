/** What an event says to somebody who watches. */
import type { CallState, RunState } from "../../../kernel/state.ts";
import { totalTokens } from "../../../kernel/state.ts";
import type { AttemptStarted, EventBody, ModelAnswered, RunStarted, ToolEnded } from "../../../ports/events.ts";
import type { Limits } from "../../../ports/limits.ts";
import type { ToolCallPart, UserPart } from "../../../ports/messages.ts";
import type { CallOutcome, FinalStatus } from "../../../ports/view.ts";
import { callArguments, callOutput, count, duration, money, plural } from "./figures.ts";
import type { Line, Span } from "./line.ts";
import { callsDone } from "./standing.ts";
import type { Marks, Tone } from "./terminal.ts";
import { fit, oneLine, padEnd, padStart } from "./text.ts";

export interface EventView {
  readonly marks: Marks;
  readonly columns: number;
  /** Say when a call begins, not only how it ended. Default true. */
  readonly showsStarts?: boolean;
}

/** `before` is the state before the event; undefined only for the first one. */
export function linesOf(event: EventBody, before: RunState | undefined, view: EventView): readonly Line[] {
  if (event.type === "run.started") return [started(event, view)];
  if (before === undefined) return [];
  switch (event.type) {
    case "model.answered":
      return answered(event, view);
    case "tool.ended":
      return ended(event, before, view);
    case "attempt.started":
      return [continued(event, before, view)];
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
  const doubtful = state.calls.filter((call) => call.status === "started" || call.status === "in-doubt");
  if (doubtful.length > 0) facts.push(`not known whether ${doubtful.map(callName).join(", ")} happened`);
  const open = state.calls.filter((call) => call.status === "ready");
  if (open.length > 0) facts.push(`${plural(open.length, "call")} still to make`);
  return facts;
}

function callName(call: CallState): string {
  return `${call.name} (${call.id})`;
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
  const spent = [plural(state.step, "step"), plural(state.toolCalls, "call"), ...spentAmounts(state), duration(state.activeMs)];
  const line: Span[] = [
    [toneOfEnd(status), `${isGood ? marks.ok : marks.error} ${statusWords(status)}`],
    ["dim", ` ${marks.dot} ${spent.join(` ${marks.dot} `)}`],
  ];
  const error = state.settling?.error;
  if (error !== undefined && !isGood) line.splice(1, 0, ["plain", `: ${oneLine(error.message)}`]);
  return line;
}

function spentAmounts(state: RunState): readonly string[] {
  return [`${count(totalTokens(state.usage))} tokens`, money(state.costUsd)];
}

// --- steps and calls -------------------------------------------------------------------------------------------------

function answered(event: ModelAnswered, view: EventView): readonly Line[] {
  const { marks, columns } = view;
  const { content, finish, step } = event;
  const calls = content.filter((part): part is ToolCallPart => part.type === "tool-call" && part.providerExecuted !== true);
  const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const said = fit(oneLine(text.slice(0, 1_000)), columns - 8, marks.ellipsis);
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
  const head = callHead(call.toolName, call.input, { marks, columns: columns - 8 });
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
  unknown: ["warn", "doubt"],
};

function ended(event: ToolEnded, before: RunState, view: EventView): readonly Line[] {
  const call = before.calls.find(({ id }) => id === event.call);
  if (call === undefined) return [];
  const { marks, columns } = view;
  const [tone, mark] = OUTCOMES[event.outcome];
  const room = event.outcome === "ok" ? Math.max(20, columns - 30) : Math.max(20, Math.floor(columns / 3));
  const spans: Span[] = [["plain", callHead(call.name, call.input, { ...view, columns: room })]];
  if (event.outcome !== "ok")
    spans.push([tone, `  ${event.outcome}: ${callOutput(event.output.value, columns, marks.ellipsis)}`]);
  if (event.reconciled === true) spans.push(["accent", "  had been done before the crash; not repeated"]);
  else if (event.durationMs !== undefined) spans.push(["dim", `  ${duration(event.durationMs)}`]);
  return [atStep(stepOf(event.call), tone, marks[mark], spans)];
}

/** Name and arguments, the latter in the room there is. */
export function callHead(name: string, input: unknown, { marks, columns }: Pick<EventView, "marks" | "columns">): string {
  return `${name} ${callArguments(input, columns, marks.ellipsis)}`.trimEnd();
}

/** Steps are counted from 1 for people. */
export function atStep(step: number, tone: Tone, mark: string, spans: readonly Span[]): Line {
  return [["dim", padStart(String(step + 1), 3)], [tone, ` ${padEnd(mark, 1)} `], ...spans];
}

function stepOf(call: string): number {
  return Number(call.split(".")[0]);
}

export function outcomeMark(outcome: CallOutcome, marks: Marks): Span {
  const [tone, mark] = OUTCOMES[outcome];
  return [tone, marks[mark]];
}

// --- everything else -------------------------------------------------------------------------------------------------

function remark(event: EventBody, before: RunState, view: EventView): readonly Line[] {
  const text = remarkText(event, before);
  if (text === undefined) return [];
  const tone: Tone = event.type === "steer.received" || event.type === "limits.extended" ? "accent" : "warn";
  return [atStep(before.step, tone, view.marks.note, [[tone, oneLine(text)]])];
}

function remarkText(event: EventBody, before: RunState): string | undefined {
  switch (event.type) {
    case "model.failed":
      return `${event.model}: ${event.error.message}${event.retryable ? "; trying again" : ""}`;
    case "tool.interrupted":
      return `${nameOf(event.call, before)} was interrupted and may or may not have happened: ${event.reason}`;
    case "tool.reconciled":
      return event.outcome === "not-done"
        ? `${nameOf(event.call, before)} had not happened: it may run`
        : `${nameOf(event.call, before)}: nobody can tell whether it happened${event.error === undefined ? "" : ` (${event.error})`}`;
    case "steer.received":
      return `message${by(event.from)}: ${textOf(event.content)}`;
    case "cancel.requested":
      return `${event.mode}${by(event.from)}${event.reason === undefined ? "" : `: ${event.reason}`}`;
    case "limits.extended":
      return `more room${by(event.from)}: ${extension(event)}`;
    case "call.resolved":
      return `${nameOf(event.call, before)} resolved as ${event.outcome}${by(event.from)}`;
    case "compaction.failed":
      return `the conversation could not be shortened: ${event.error.message}`;
    case "context.compacted":
      return `the conversation was shortened from ${event.messagesBefore} messages to a summary and ${event.keep}`;
    case "limit.reached":
      return `${event.message}${event.wrapUp ? " One last answer without tools." : ""}`;
    case "guard.tripped":
      return event.action === "block" ? undefined : event.message;
    case "tools.missing":
      return `no code here for ${event.names.join(", ")}`;
    default:
      return undefined;
  }
}

function nameOf(call: string, state: RunState): string {
  return `${state.calls.find(({ id }) => id === call)?.name ?? "call"} (${call})`;
}

function by(from: string | undefined): string {
  return from === undefined ? "" : ` from ${from}`;
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
