/** Structured answers: the JSON in an answer's text, and what happens when it is not what was asked for. */
import type { OutputRefused } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { OutputSnapshot } from "../ports/output.ts";
import { isDue } from "./evolve-model.ts";
import type { Draft, RunState } from "./state.ts";

/** How often the model is told what is wrong with its answer. */
const MOST_REPAIRS = 1;

export function wantedOutput(state: Pick<RunState, "definition" | "request">): OutputSnapshot | undefined {
  return state.request.output ?? state.definition.output;
}

/** Only the last phase gives the run's answer. */
export function isCheckedNow(state: RunState): boolean {
  const { phases } = state.definition;
  return wantedOutput(state) !== undefined && (phases === undefined || state.phase?.index === phases.length - 1);
}

/** The whole text as JSON, with or without a code fence around it; undefined when it is not JSON. */
export function jsonIn(text: string): JsonValue | undefined {
  const fenced = /^```(?:json)?\s*\n([^]*?)\n?```$/.exec(text.trim());
  try {
    return JSON.parse(fenced?.[1] ?? text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** The value of a valid answer. */
export function dataOf({ verdict, output }: RunState): JsonValue | undefined {
  if (verdict?.ok !== true) return undefined;
  return verdict.data === undefined ? jsonIn(output) : verdict.data;
}

/** The next answer puts an earlier one right: no tools, and the step kept back for a last answer is this one. */
export function isRepairing(state: RunState): boolean {
  if (state.verdict?.ok !== false || state.answered) return false;
  return !state.steers.some((steer) => isDue(steer, state));
}

export function mayRepair(state: RunState): boolean {
  if (state.repairs >= MOST_REPAIRS || state.step >= state.limits.maxSteps) return false;
  const cap = state.phase?.limits.maxSteps;
  return cap === undefined || state.step - (state.phase?.step ?? 0) < cap;
}

export function outputRefused(next: Draft, event: OutputRefused): void {
  const note = `That answer does not have the shape that was asked for: ${event.problem} Answer again: only the corrected JSON, without any other text.`;
  next.notes = [...next.notes, note];
  next.answered = false;
  next.repairs++;
}
