/** How tool calls change a run. */
import type {
  CallResolved,
  ChildEnded,
  ChildParked,
  ChildStarted,
  ToolEnded,
  ToolInterrupted,
  ToolReconciled,
  ToolStarted,
} from "../ports/events.ts";
import type { ToolOutput, ToolResultPart } from "../ports/messages.ts";
import { evolveBackground, startedInBackground, startedOutput } from "./evolve-background.ts";
import { countChild, isInBackground, outcomeOfChild, toLink } from "./children.ts";
import { toolOf } from "./effects.ts";
import { equalResults, type History, remember } from "./guards.ts";
import { append } from "./list.ts";
import { progressed } from "./progress.ts";
import type { CallState, Draft } from "./state.ts";

export type CallEvent =
  | ToolStarted
  | ToolReconciled
  | ToolInterrupted
  | ToolEnded
  | CallResolved
  | ChildStarted
  | ChildParked
  | ChildEnded;

export function evolveCalls(next: Draft, event: CallEvent): void {
  if (event.type === "child.started" || event.type === "child.ended") countChild(next, event);
  if (isInBackground(next, event.call)) return evolveBackground(next, event);
  if (event.type === "child.started" && event.background === true) next.background = startedInBackground(next, event);
  next.calls = next.calls.map((call) => (call.id === event.call && call.status !== "ended" ? evolveCall(call, event) : call));
  closeStep(next);
}

function evolveCall(call: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "tool.started":
      return { ...call, status: "started" };
    case "tool.reconciled":
      return event.outcome === "not-done" ? ready(call) : { ...call, reconciled: true };
    case "tool.interrupted":
      return { ...inDoubt(call), unanswered: call.unanswered + 1 };
    case "tool.ended":
      return { ...call, status: "ended", outcome: event.outcome, output: event.output, pinned: event.pinned === true };
    case "child.started":
      if (event.background === true) return { ...call, status: "ended", outcome: "ok", output: startedOutput(event) };
      return { ...call, status: "started", child: toLink(event) };
    case "child.parked":
      return call.status === "started" ? { ...call, status: "parked" } : call;
    case "child.ended":
      return { ...call, status: "ended", outcome: outcomeOfChild(event), output: event.output };
    case "call.resolved":
      return call.status === "in-doubt" ? resolved(call, event) : call;
  }
}

function ready(call: CallState): CallState {
  return { ...call, status: "ready", reconciled: false };
}

export function inDoubt(call: CallState): CallState {
  return { ...call, status: "in-doubt", reconciled: false, interruptions: call.interruptions + 1 };
}

function resolved(call: CallState, event: CallResolved): CallState {
  if (event.outcome === "retry") return { ...ready(call), unanswered: 0 };
  const failed = event.outcome === "failed";
  return { ...call, status: "ended", outcome: failed ? "error" : "ok", output: resolvedOutput(event, failed) };
}

function resolvedOutput(event: CallResolved, failed: boolean): ToolOutput {
  const note = failed ? "A person checked: the call did not succeed." : "A person checked: the call succeeded.";
  if (event.output === undefined) return { type: failed ? "error-text" : "text", value: note };
  if (typeof event.output === "string") return { type: failed ? "error-text" : "text", value: event.output };
  return { type: failed ? "error-json" : "json", value: event.output };
}

/** Once every call of the step has its outcome, the results enter the conversation together, in call order. */
export function closeStep(next: Draft): void {
  const { calls } = next;
  if (calls.length === 0 || calls.some((call) => call.status !== "ended")) return;
  tally(next, calls);
  next.messages = append(next.messages, { role: "tool", content: calls.map(toResultPart) });
  next.calls = [];
}

const NO_OUTPUT: ToolOutput = { type: "text", value: "" };

function toResultPart(call: CallState): ToolResultPart {
  const { toolCallId, name: toolName, output = NO_OUTPUT } = call;
  return { type: "tool-result", toolCallId, toolName, output, ...(call.pinned ? { pinned: true } : {}) };
}

function tally(next: Draft, calls: readonly CallState[]): void {
  for (const { outcome } of calls) {
    if (outcome === "error" || outcome === "invalid") {
      next.consecutiveErrors++;
      next.toolErrors++;
    } else if (outcome === "ok") {
      next.consecutiveErrors = 0;
      next.errorsHinted = false;
    }
  }
  if (next.agent.supervision !== undefined) next.progress = progressed(next, calls);
  if (next.request.unguarded === true) return;
  const entries = calls.map((call) => toEntry(next, call));
  next.history = remember(next.history, entries, next.limits.repeats);
  if (next.resultsHinted && equalResults(next.history) <= 1) next.resultsHinted = false;
}

/** A blocked call counts as one more of the same: its result is that of the call it repeats, or of the row it would go on with. */
function toEntry(next: Draft, call: CallState): History[number] {
  const { history } = next;
  if (call.outcome === "blocked") {
    const repeated = history.findLast((entry) => entry.call === call.key);
    if (repeated !== undefined) return repeated;
    const last = history[history.length - 1];
    if (last !== undefined) return { ...last, call: call.key };
  }
  const tool = call.outcome === "ok" ? toolOf(next, call.name) : undefined;
  const read = tool?.effect === "read" && tool.polling !== true ? call.name : undefined;
  return { call: call.key, result: call.output ?? NO_OUTPUT, read };
}
