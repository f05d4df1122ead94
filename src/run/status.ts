/** Views of a run, folded from its state. */
import { type Decision, decide } from "../kernel/decide.ts";
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
    ...(state.phase === undefined ? {} : { phase: state.phase.name }),
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
  return asLeftWaiting(state).waiting;
}

/** What a run waits for, and until when, even if that has come by now: its wait is over once an event says so. */
export function asLeftWaiting(state: RunState): Decision {
  return decide(state, { activeMs: state.activeMs, at: 0 });
}

function statusOf(state: RunState, waitingFor: WaitingFor | undefined): Exclude<RunStatusView["status"], "interrupted"> {
  if (state.finished) return state.settling?.status ?? "failed";
  if (waitingFor === undefined) return "running";
  return waitingFor.kind === "lane" ? "queued" : "waiting";
}

/** The columns of the run's row that follow from its state and from what it wants. */
export function toRowChange(state: RunState, { waiting, deadline }: Pick<Decision, "waiting" | "deadline">): RunRowChange {
  return {
    status: statusOf(state, waiting),
    step: state.step,
    tokens: totalTokens(state.usage),
    costUsd: state.costUsd,
    waitingFor: waiting ?? null,
    dueAt: (waiting === undefined ? undefined : deadline?.at) ?? null,
  };
}
