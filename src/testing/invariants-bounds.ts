/** Invariant 5: what a run may use, and what it used. */
import { callOf, isOpenChild } from "../kernel/children.ts";
import { type RunState, totalTokens } from "../kernel/state.ts";
import type { RunEvent } from "../ports/events.ts";
import type { TokenUsage } from "../ports/models.ts";
import { foldJournal } from "../run/result.ts";
import type { Check, Report, RunRecord, Step } from "./invariants.ts";

export const boundsHold: Check = (report) => {
  let tokens = 0;
  return (step) => {
    const { event, before, after } = step;
    if (event.type === "model.started" && before !== undefined) nothingIsUsedUp(report, event.seq, before);
    if (event.type === "child.started") keptFits(report, event.seq, after);
    tokens += tokensOf(step);
    if (tokens !== totalTokens(after.usage)) {
      report(5, event.seq, `the journal has answers of ${tokens} tokens, and the run counts ${totalTokens(after.usage)}`);
      tokens = totalTokens(after.usage);
    }
  };
};

/** So a bound is overrun by one call at most. */
function nothingIsUsedUp(report: Report, seq: number, { step, limits, usage, costUsd }: RunState): void {
  const { maxSteps, tokens, costUsd: dollars } = limits;
  if (step >= maxSteps) report(5, seq, `a model call begins after ${step} of ${maxSteps} steps`);
  if (tokens !== undefined && totalTokens(usage) >= tokens)
    report(5, seq, `a model call begins after ${totalTokens(usage)} of ${tokens} tokens`);
  if (dollars === undefined) return;
  if (costUsd === "unknown" || costUsd >= dollars) report(5, seq, `a model call begins after $${costUsd} of $${dollars}`);
}

/** Rounding of dollars, not of promises. */
const NEARLY = 1e-9;

function keptFits(report: Report, seq: number, { calls, background, limits, usage, costUsd }: RunState): void {
  const open = [...calls, ...background].filter(isOpenChild);
  const kept = (field: "tokens" | "costUsd"): number => open.reduce((sum, { child }) => sum + (child?.[field] ?? 0), 0);
  const tokens = totalTokens(usage) + kept("tokens");
  if (limits.tokens !== undefined && tokens > limits.tokens)
    report(5, seq, `${tokens} of ${limits.tokens} tokens are used or kept for children`);
  const dollars = costUsd === "unknown" ? 0 : costUsd + kept("costUsd");
  if (limits.costUsd !== undefined && dollars > limits.costUsd + NEARLY)
    report(5, seq, `$${dollars} of $${limits.costUsd} are used or kept for children`);
}

function tokensOf({ event, before }: Step): number {
  switch (event.type) {
    case "model.answered":
    case "supervisor.decided":
      return sum(event.usage);
    case "context.compacted":
    case "compaction.failed":
      return sum(event.spent?.usage);
    case "child.ended": {
      const call = before === undefined ? undefined : callOf(before, event.call);
      return call === undefined || call.status === "ended" ? 0 : totalTokens(event.usage);
    }
    default:
      return 0;
  }
}

function sum({ inputTokens = 0, outputTokens = 0 }: TokenUsage = {}): number {
  return inputTokens + outputTokens;
}

/** What the parent was told is what the child's own journal says. */
export function childrenCount({ events, children = [] }: RunRecord, _state: RunState, report: Report): void {
  const ends = new Map(events.filter(isChildEnd).map((event) => [event.run, event]));
  for (const child of children) {
    const state = foldJournal(child.events)?.state;
    const end = state === undefined ? undefined : ends.get(state.run);
    if (state === undefined || end?.id === undefined) continue;
    if (!state.finished) report(5, end.seq, `the child ${state.run} has not ended`);
    else if (totalTokens(state.usage) !== totalTokens(end.usage))
      report(5, end.seq, `the child ${state.run} used ${totalTokens(state.usage)} tokens, not ${totalTokens(end.usage)}`);
  }
}

function isChildEnd(event: RunEvent): event is Extract<RunEvent, { readonly type: "child.ended" }> {
  return event.type === "child.ended";
}
