/** Where a run stands, counted for people. */
import type { RunState } from "../../../kernel/state.ts";

/** Calls that have their outcome: nothing makes them again. */
export function callsDone({ toolCalls, calls }: RunState): number {
  return toolCalls - calls.filter(({ status }) => status !== "ended").length;
}

/** The step it is in, from 1: an answered one while its calls are open, else the next. */
export function currentStep({ step, calls, limits }: RunState): number {
  const isAtCalls = calls.some(({ status }) => status !== "ended");
  return Math.min(isAtCalls ? step : step + 1, limits.maxSteps);
}
