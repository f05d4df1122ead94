/** The steps of a run as they appear on a result: every call with exactly one outcome, in call order. */
import type { EventBody, ModelAnswered } from "../ports/events.ts";
import type { ToolCallPart } from "../ports/messages.ts";
import type { CallOutcome, CallView, StepView } from "../ports/view.ts";
import { callId, type RunState } from "./state.ts";

/**
 * Adds to `steps` what an event says, in place: a view, kept beside the state and derived from the same events. `state` is the
 * one before the event.
 */
export function collectSteps(steps: StepView[], state: RunState, event: EventBody): void {
  switch (event.type) {
    case "model.answered":
      steps.push(toStep(event, state.ending !== undefined));
      break;
    case "tool.ended":
      end(steps, event.call, { outcome: event.outcome, output: event.output.value, ...timed(event.durationMs) });
      break;
    case "call.resolved":
      if (event.outcome === "retry") break;
      end(steps, event.call, { outcome: event.outcome === "done" ? "ok" : "error", output: event.output ?? "" });
      break;
    default:
  }
}

function timed(durationMs: number | undefined): { durationMs?: number } {
  return durationMs === undefined ? {} : { durationMs };
}

function toStep(event: ModelAnswered, wrapUp: boolean): StepView {
  const calls: CallView[] = [];
  let text = "";
  for (const part of event.content) {
    if (part.type === "text") text += part.text;
    if (part.type === "tool-call" && part.providerExecuted !== true) calls.push(toCall(event, part, calls.length, wrapUp));
  }
  return { step: event.step, model: event.model, text, calls };
}

function toCall(event: ModelAnswered, part: ToolCallPart, ordinal: number, wrapUp: boolean): CallView {
  const refusal = event.refused?.find((candidate) => candidate.call === ordinal)?.message;
  const outcome: CallOutcome = refusal === undefined && wrapUp ? "cancelled" : "invalid";
  return { call: callId(event.step, ordinal), name: part.toolName, input: part.input, outcome, output: refusal ?? "" };
}

interface Ending {
  readonly outcome: CallOutcome;
  readonly output: unknown;
  readonly durationMs?: number;
}

function end(steps: StepView[], call: string, ending: Ending): void {
  const step = steps.at(-1);
  if (step === undefined) return;
  const calls = step.calls.map((view) => (view.call === call ? { ...view, ...ending } : view));
  steps[steps.length - 1] = { ...step, calls };
}
