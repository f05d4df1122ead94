/** How tool calls change a run. */
import type { CallResolved, ToolEnded, ToolInterrupted, ToolReconciled, ToolStarted } from "../ports/events.ts";
import type { ToolOutput } from "../ports/messages.ts";
import { type History, remember, resultKey } from "./guards.ts";
import { append } from "./list.ts";
import type { CallState, RunState } from "./state.ts";

type CallEvent = ToolStarted | ToolReconciled | ToolInterrupted | ToolEnded | CallResolved;

export function evolveCalls(state: RunState, event: CallEvent): RunState {
  const calls = state.calls.map((call) => (call.id === event.call && call.status !== "ended" ? evolveCall(call, event) : call));
  return closeStep({ ...state, calls });
}

function evolveCall(call: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "tool.started":
      return { ...call, status: "started" };
    case "tool.reconciled":
      return event.outcome === "not-done" ? ready(call) : { ...call, reconciled: true };
    case "tool.interrupted":
      return inDoubt(call);
    case "tool.ended":
      return { ...call, status: "ended", outcome: event.outcome, output: event.output };
    case "call.resolved":
      return call.status === "in-doubt" ? resolved(call, event) : call;
  }
}

function ready(call: CallState): CallState {
  const { reconciled: _asked, ...rest } = call;
  return { ...rest, status: "ready" };
}

export function inDoubt(call: CallState): CallState {
  const { reconciled: _asked, ...rest } = call;
  return { ...rest, status: "in-doubt", interruptions: call.interruptions + 1 };
}

function resolved(call: CallState, event: CallResolved): CallState {
  if (event.outcome === "retry") return ready(call);
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
export function closeStep(state: RunState): RunState {
  const { calls } = state;
  if (calls.length === 0 || calls.some((call) => call.status !== "ended")) return state;
  const content = calls.map((call) => ({
    type: "tool-result" as const,
    toolCallId: call.toolCallId,
    toolName: call.name,
    output: call.output ?? { type: "error-text" as const, value: "" },
  }));
  return { ...tally(state, calls), messages: append(state.messages, { role: "tool", content }), calls: [] };
}

function tally(state: RunState, calls: readonly CallState[]): RunState {
  let consecutive = state.consecutiveErrors;
  let errors = state.toolErrors;
  for (const call of calls) {
    if (call.outcome === "error" || call.outcome === "invalid") {
      consecutive++;
      errors++;
    } else if (call.outcome === "ok") consecutive = 0;
  }
  const entries = state.request.unguarded === true ? [] : calls.map((call) => toEntry(call, state.history));
  return {
    ...state,
    consecutiveErrors: consecutive,
    toolErrors: errors,
    history: remember(state.history, entries, state.limits.repeats),
  };
}

/** A blocked call counts as one more of the same: its result is that of the call it repeats. */
function toEntry(call: CallState, history: History): History[number] {
  const repeated = call.outcome === "blocked" ? history.findLast((entry) => entry.call === call.key) : undefined;
  const output = call.output ?? { type: "text", value: "" };
  return repeated ?? { call: call.key, result: resultKey(output) };
}
