/** When a bound, or the reserve inside it, is reached. */
import { toolsOf } from "./file-tool.ts";
import type { LimitReached } from "../ports/events.ts";
import type { Deadline, Now } from "./decide.ts";
import { phaseDeadline, phaseLimitReached, phaseStepsLeft } from "./decide-phases.ts";
import { compactionTokens } from "./compaction.ts";
import { keptForChildren } from "./children.ts";
import { wrapUpReserveMs } from "./limits.ts";
import { isRepairing } from "./output.ts";
import { type RunState, totalTokens } from "./state.ts";

export function limitReached(state: RunState, now: Now): LimitReached | undefined {
  const time = timeReached(state, now);
  if (time !== undefined) return time;
  const betweenSteps = state.calls.length === 0 && !state.model.inFlight && !(state.answered && state.steers.length === 0);
  const ofRun = betweenSteps && state.ending === undefined ? (stepsReached(state) ?? budgetReached(state)) : undefined;
  return ofRun ?? (state.phase === undefined ? undefined : phaseLimitReached(state, now, betweenSteps));
}

/** A phase that wraps up is no end of the run: its bounds still count. */
function isEnding({ ending }: RunState): boolean {
  return ending !== undefined && ending.phase !== true;
}

/** Past the reserve: wrap up. Past the limit itself: stop. */
function timeReached(state: RunState, now: Now): LimitReached | undefined {
  const { timeMs } = state.limits;
  const past = now.activeMs >= timeMs;
  const message = `The running time limit of ${seconds(timeMs)} is reached.`;
  if (past)
    return isEnding(state) && state.ending?.wrapUp === false
      ? undefined
      : { type: "limit.reached", limit: "time", message, wrapUp: false };
  if (isEnding(state) || now.activeMs < timeMs - wrapUpReserveMs(state.limits) || state.answered) return undefined;
  return { type: "limit.reached", limit: "time", message, wrapUp: true };
}

/** When time alone will change the decision. */
export function nextDeadline(state: RunState): Deadline {
  const { timeMs } = state.limits;
  const ofRun = isEnding(state) ? timeMs : timeMs - wrapUpReserveMs(state.limits);
  return { activeMs: state.phase === undefined ? ofRun : Math.min(ofRun, phaseDeadline(state)) };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** The last step is the reserve. Without tools there is nothing to wrap up, so every step is an ordinary one. */
function stepsReached(state: RunState): LimitReached | undefined {
  const { maxSteps } = state.limits;
  const left = maxSteps - state.step;
  // A phase whose own bound comes no later keeps its own reserve.
  const keepsOne = toolsOf(state).length > 0 && state.step > 0 && !isRepairing(state) && phaseStepsLeft(state) > left;
  const reserve = keepsOne ? 1 : 0;
  if (left > reserve) return undefined;
  return { type: "limit.reached", limit: "steps", message: `The limit of ${maxSteps} steps is reached.`, wrapUp: left > 0 };
}

/** Nothing is left: not even a last word may be asked for. */
export function isUsedUp({ limits, usage, costUsd }: RunState): boolean {
  if (limits.tokens !== undefined && totalTokens(usage) >= limits.tokens) return true;
  return limits.costUsd !== undefined && (costUsd === "unknown" || costUsd >= limits.costUsd);
}

/**
 * A summary that is wanted now needs room for itself and for a call as long as the last one after it, which the summary can only make
 * shorter. Undefined when there is.
 */
export function limitBeforeCompaction(state: RunState): LimitReached | undefined {
  const { limits, usage, costUsd, lastCallTokens, lastCallCostUsd } = state;
  const needed = compactionTokens(state) + lastCallTokens;
  const wrapUp = !isUsedUp(state);
  if (limits.tokens !== undefined) {
    const left = limits.tokens - totalTokens(usage) - keptForChildren(state, "tokens");
    const message = `The limit of ${limits.tokens} tokens is reached.`;
    if (left < needed) return { type: "limit.reached", limit: "tokens", message, wrapUp };
  }
  if (limits.costUsd === undefined || costUsd === "unknown" || lastCallTokens === 0) return undefined;
  const left = limits.costUsd - costUsd - keptForChildren(state, "costUsd");
  const message = `The cost limit of $${limits.costUsd} is reached.`;
  return left < (needed * lastCallCostUsd) / lastCallTokens
    ? { type: "limit.reached", limit: "usd", message, wrapUp }
    : undefined;
}

/** Tokens and dollars: there must be room for the next call and for a wrap-up of the same size. */
function budgetReached(state: RunState): LimitReached | undefined {
  const { tokens, costUsd } = state.limits;
  if (tokens !== undefined) {
    const left = tokens - totalTokens(state.usage) - keptForChildren(state, "tokens");
    const message = `The limit of ${tokens} tokens is reached.`;
    if (left < 2 * state.lastCallTokens) return { type: "limit.reached", limit: "tokens", message, wrapUp: left > 0 };
    if (left <= 0) return { type: "limit.reached", limit: "tokens", message, wrapUp: false };
  }
  if (costUsd === undefined) return undefined;
  if (state.costUsd === "unknown") {
    const message = `The cost limit of $${costUsd} cannot be held: the provider did not report what a call used.`;
    return { type: "limit.reached", limit: "usd", message, wrapUp: false };
  }
  const left = costUsd - state.costUsd - keptForChildren(state, "costUsd");
  if (left > 0 && left >= 2 * state.lastCallCostUsd) return undefined;
  return { type: "limit.reached", limit: "usd", message: `The cost limit of $${costUsd} is reached.`, wrapUp: left > 0 };
}
