/** Views of a run, folded from its state. */
import { decide } from "../kernel/decide.ts";
import { type RunState, totalTokens } from "../kernel/state.ts";
import type { RunRowChange } from "../ports/store.ts";
import type { RunStatusView, WaitingFor } from "../ports/view.ts";

export function toStatusView(state: RunState, activeMs: number = state.activeMs): RunStatusView {
  const waitingFor = waitingOf(state);
  return {
    run: state.run,
    agent: state.agent.name,
    status: statusOf(state, waitingFor),
    seq: state.seq,
    step: state.step,
    limits: state.limits,
    usage: state.usage,
    costUsd: state.costUsd,
    activeMs,
    toolCalls: state.toolCalls,
    toolErrors: state.toolErrors,
    ...(waitingFor === undefined ? {} : { waitingFor }),
  };
}

function waitingOf(state: RunState): WaitingFor | undefined {
  return decide(state, { activeMs: state.activeMs, at: 0 }).waiting;
}

function statusOf(state: RunState, waitingFor: WaitingFor | undefined): Exclude<RunStatusView["status"], "interrupted"> {
  if (state.finished) return state.settling?.status ?? "failed";
  return waitingFor === undefined ? "running" : "waiting";
}

/** The columns of the run's row that follow from its state. */
export function toRowChange(state: RunState, waitingFor: WaitingFor | undefined): RunRowChange {
  return {
    status: statusOf(state, waitingFor),
    step: state.step,
    tokens: totalTokens(state.usage),
    costUsd: state.costUsd,
    waitingFor: waitingFor ?? null,
  };
}
