/** A run's result, folded from what is known of it. */
import { evolve, initialState } from "../kernel/evolve.ts";
import type { RunState } from "../kernel/state.ts";
import { StepLog } from "../kernel/steps.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Limits } from "../ports/limits.ts";
import type { RunError } from "../ports/view.ts";
import { NO_USAGE } from "../kernel/state.ts";
import { toStatusView } from "./status.ts";
import type { RunResult } from "./types.ts";

export interface Folded {
  readonly state: RunState;
  readonly steps: StepLog;
}

/** State and steps of a journal, going on from what was folded before; undefined when there is nothing. */
export function foldJournal(events: readonly RunEvent[], from?: Folded): Folded | undefined {
  let state = from?.state;
  let steps = from?.steps;
  for (const event of events) {
    if (state === undefined) {
      if (event.type === "run.started") state = initialState(event, event);
      continue;
    }
    steps ??= new StepLog(state);
    const next = evolve(state, event, event);
    steps.record(state, next, event);
    state = next;
  }
  return state === undefined ? undefined : { state, steps: steps ?? new StepLog(state) };
}

export function toResult({ state, steps }: Folded, error?: RunError): RunResult {
  const view = toStatusView(state);
  const cause = error ?? state.settling?.error;
  return {
    run: state.run,
    agent: state.agent.name,
    status: view.status === "running" || view.status === "queued" ? "interrupted" : view.status,
    output: state.output,
    ...(cause === undefined ? {} : { error: cause }),
    ...(view.waitingFor === undefined ? {} : { waitingFor: view.waitingFor }),
    steps: steps.views(state),
    toolCalls: state.toolCalls,
    toolErrors: state.toolErrors,
    usage: state.usage,
    costUsd: state.costUsd,
    activeMs: state.activeMs,
    artifacts: state.artifacts,
    limits: state.limits,
    seq: state.seq,
  };
}

/** The result of a run that never came to be: refused at the door, or a port failed before anything was recorded. */
export function refusedResult(
  about: { readonly run: string; readonly agent: string; readonly limits: Limits },
  error: RunError,
): RunResult {
  return {
    ...about,
    status: error.code === "budget_refused" ? "over_budget" : "failed",
    output: "",
    error,
    steps: [],
    toolCalls: 0,
    toolErrors: 0,
    usage: NO_USAGE,
    costUsd: 0,
    activeMs: 0,
    artifacts: [],
    seq: -1,
  };
}
