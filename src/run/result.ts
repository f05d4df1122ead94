/** A run's result, folded from what is known of it. */
import { evolve, initialState } from "../kernel/evolve.ts";
import { dataOf } from "../kernel/output.ts";
import type { PhaseState, RunState, Thread } from "../kernel/state.ts";
import { StepLog } from "../kernel/steps.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Limits } from "../ports/limits.ts";
import type { PhaseView, RunError } from "../ports/view.ts";
import { NO_USAGE } from "../kernel/state.ts";
import { toStatusView } from "./status.ts";
import type { RunResult } from "./types.ts";

export interface Folded {
  readonly state: RunState;
  readonly steps: StepLog;
}

/**
 * State and steps of a journal, going on from what was folded before; undefined when there is nothing. `thread` is what the
 * run goes on from; only who reads or continues its conversation needs it.
 */
export function foldJournal(events: readonly RunEvent[], from?: Folded, thread?: Thread): Folded | undefined {
  let state = from?.state;
  let steps = from?.steps;
  for (const event of events) {
    if (state === undefined) {
      if (event.type === "run.started") state = initialState(event, event, thread);
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
  const data = dataOf(state);
  return {
    run: state.run,
    agent: state.agent.name,
    status: view.status === "running" ? "interrupted" : view.status,
    output: state.output,
    ...(data === undefined ? {} : { data }),
    ...(cause === undefined ? {} : { error: cause }),
    ...(view.waitingFor === undefined ? {} : { waitingFor: view.waitingFor }),
    steps: steps.views(state),
    ...(state.phase === undefined ? {} : { phases: toPhases(state, state.phase) }),
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

function toPhases(state: RunState, current: PhaseState): readonly PhaseView[] {
  const names = state.definition.phases?.map(({ name }) => name) ?? [];
  return names.map((name, index): PhaseView => {
    const ended = current.ended.find((phase) => phase.name === name);
    return ended ?? { name, steps: index === current.index ? state.step - current.step : 0 };
  });
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
