/**
 * The watchdog: what of a state and a time is a stall. Pure; asks only where a supervisor is set.
 *
 * W3 One stall at a time; the next one of the same making not before something could have changed.
 * W4 Nothing is a stall while the run waits for somebody, ends, or has used up its supervisor's decisions.
 */
import type { EventBody, LimitName } from "../ports/events.ts";
import type { SupervisionSettings, StallNoticed } from "../ports/supervision.ts";
import type { Decision, Now } from "./decide.ts";
import { repetition } from "./guards.ts";
import { wrapUpReserveMs } from "./limits.ts";
import { lastCost } from "./progress.ts";
import type { RunState } from "./state.ts";

type Noticed = Pick<StallNoticed, "kind" | "message" | "limit">;

export function stallNoticed(state: RunState, now: Now, decision: Decision): StallNoticed | undefined {
  const settings = state.agent.supervision;
  if (settings === undefined) return undefined;
  const noticed = isAtLimit(decision)
    ? limitNear(state, settings, decision.append[0])
    : (idle(state, now, decision) ?? timeNear(state, now, settings) ?? betweenSteps(state, settings, decision));
  return noticed === undefined ? undefined : { type: "stall.noticed", stall: state.supervision.noticed, ...noticed };
}

function isAtLimit(decision: Decision): boolean {
  return decision.append[0]?.type === "limit.reached";
}

// --- silence ---------------------------------------------------------------------------------------------------------

/** Running time at which the silence has lasted too long. A pause before another try is no silence; a child is watched by its own run. */
export function idleAt(state: RunState, now: Now, { effects }: Decision): number {
  if (effects.length === 0 || effects.some(({ kind }) => kind === "child")) return Infinity;
  if (state.calls.length === 0 && !state.model.inFlight) return Infinity;
  return Math.max(state.activeMs, now.heardMs ?? 0) + state.limits.idleMs;
}

function idle(state: RunState, now: Now, decision: Decision): Noticed | undefined {
  if (now.activeMs < idleAt(state, now, decision)) return undefined;
  const seconds = Math.round(state.limits.idleMs / 1000);
  return { kind: "idle", message: `Nothing has been heard of what is under way for ${seconds} s.` };
}

// --- no progress -----------------------------------------------------------------------------------------------------

/** Before a model call: what the steps so far have come to. */
function betweenSteps(state: RunState, settings: SupervisionSettings, decision: Decision): Noticed | undefined {
  if (!decision.effects.some(({ kind }) => kind === "model") || state.model.inFlight || state.ending !== undefined)
    return undefined;
  if (state.step < state.supervision.quietUntilStep) return undefined;
  return repeating(state) ?? fruitless(state, settings) ?? dearer(state, settings);
}

function repeating(state: RunState): Noticed | undefined {
  if (state.request.unguarded === true) return undefined;
  const seen = repetition(state.history);
  if (seen === undefined || seen.count < state.limits.repeats) return undefined;
  return { kind: "repeats", message: `The same calls were made ${seen.count} times with the same results, in spite of a hint.` };
}

function fruitless({ progress }: RunState, { afterSteps }: SupervisionSettings): Noticed | undefined {
  if (progress.stale < afterSteps) return undefined;
  return { kind: "no-progress", message: `${progress.stale} steps in a row have brought nothing new.` };
}

/** One step without news proves nothing. */
const LEAST_STALE = 2;

function dearer(state: RunState, { costFactor }: SupervisionSettings): Noticed | undefined {
  const { stale, fruitfulCost } = state.progress;
  const cost = lastCost(state);
  if (stale < LEAST_STALE || fruitfulCost === 0 || cost < costFactor * fruitfulCost) return undefined;
  const times = Math.round((cost / fruitfulCost) * 10) / 10;
  return {
    kind: "cost",
    message: `A step costs ${times} times what the last fruitful one did, and ${stale} in a row have brought nothing new.`,
  };
}

// --- near a limit ----------------------------------------------------------------------------------------------------

/** Steps, tokens and money: the supervisor is asked when only the reserve is left, and the run stands still for its answer. */
function limitNear(state: RunState, { atLimits }: SupervisionSettings, reached: EventBody | undefined): Noticed | undefined {
  if (!atLimits || reached?.type !== "limit.reached" || reached.limit === "time" || !reached.wrapUp) return undefined;
  // Bounds of a phase are how the agent is made: what it has then is what the next one gets.
  if (reached.phase !== undefined) return undefined;
  if (isAsked(state, reached.limit)) return undefined;
  return { kind: "limit", limit: reached.limit, message: reached.message };
}

/** Time does not stand still: it is asked early enough to answer before the reserve is touched. */
function timeNear(state: RunState, now: Now, settings: SupervisionSettings): Noticed | undefined {
  if (now.activeMs < timeNoticeAt(state, settings) || isAsked(state, "time")) return undefined;
  const left = Math.round((state.limits.timeMs - now.activeMs) / 1000);
  return { kind: "limit", limit: "time", message: `The running time limit is reached in ${left} s.` };
}

/** Running time at which the supervisor is asked about the time; Infinity when it is not, or was. */
export function timeNoticeAt(state: RunState, { atLimits, deadlineMs }: SupervisionSettings): number {
  if (!atLimits || state.answered || isAsked(state, "time")) return Infinity;
  const { timeMs } = state.limits;
  return timeMs - wrapUpReserveMs(state.limits) - Math.min(deadlineMs, timeMs / 6);
}

/** Once for each limit as it stands: an extended one may be asked about again. */
function isAsked(state: RunState, limit: LimitName): boolean {
  return state.supervision.askedAbout.includes(limitKey(state, limit));
}

export function limitKey({ limits }: Pick<RunState, "limits">, limit: LimitName): string {
  const values = { steps: limits.maxSteps, time: limits.timeMs, tokens: limits.tokens, usd: limits.costUsd };
  return `${limit} ${values[limit] ?? ""}`;
}
