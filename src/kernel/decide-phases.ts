/** When a bound of the current phase, or the reserve inside it, is reached. */
import { toolsOf } from "./file-tool.ts";
import type { PhaseLimits } from "../ports/agent.ts";
import type { LimitReached } from "../ports/events.ts";
import type { Now } from "./decide.ts";
import { isRepairing } from "./output.ts";
import { wrapUpReserveMs } from "./limits.ts";
import { type PhaseState, type RunState, totalTokens } from "./state.ts";

export function phaseLimitReached(state: RunState, now: Now, isBetweenSteps: boolean): LimitReached | undefined {
  const { phase } = state;
  if (phase === undefined || phase.isOver) return undefined;
  const time = timeReached(state, phase, now);
  if (time !== undefined || state.ending !== undefined || !isBetweenSteps) return time;
  return stepsReached(state, phase) ?? tokensReached(state, phase) ?? costReached(state, phase);
}

type Bound<Key extends keyof PhaseLimits> = PhaseLimits & { readonly [K in Key]-?: number };

function has<Key extends keyof PhaseLimits>(limits: PhaseLimits, key: Key): limits is Bound<Key> {
  return limits[key] !== undefined;
}

function timeReached(state: RunState, phase: PhaseState, now: Now): LimitReached | undefined {
  const { limits, name } = phase;
  if (!has(limits, "timeMs")) return undefined;
  const used = now.activeMs - phase.activeMs;
  const message = `The running time limit of ${Math.round(limits.timeMs / 100) / 10} s of the phase ${name} is reached.`;
  if (used >= limits.timeMs)
    return state.ending?.wrapUp === false ? undefined : reached(phase, "time", { message, wrapUp: false });
  if (state.ending !== undefined || state.answered || used < limits.timeMs - wrapUpReserveMs(limits)) return undefined;
  return reached(phase, "time", { message, wrapUp: true });
}

/** Running time at which the current phase comes to its bound. */
export function phaseDeadline({ phase, ending }: RunState): number {
  if (phase === undefined || phase.isOver || !has(phase.limits, "timeMs")) return Infinity;
  const { limits } = phase;
  return phase.activeMs + limits.timeMs - (ending === undefined ? wrapUpReserveMs(limits) : 0);
}

/** Steps until the current phase comes to its bound. */
export function phaseStepsLeft({ phase, step }: RunState): number {
  return phase?.limits.maxSteps === undefined ? Infinity : phase.limits.maxSteps - (step - phase.step);
}

function stepsReached(state: RunState, phase: PhaseState): LimitReached | undefined {
  const { limits, name } = phase;
  if (!has(limits, "maxSteps")) return undefined;
  const left = phaseStepsLeft(state);
  const reserve = toolsOf(state).length > 0 && left < limits.maxSteps && !isRepairing(state) ? 1 : 0;
  if (left > reserve) return undefined;
  const steps = limits.maxSteps === 1 ? "1 step" : `${limits.maxSteps} steps`;
  return reached(phase, "steps", { message: `The limit of ${steps} of the phase ${name} is reached.`, wrapUp: left > 0 });
}

function tokensReached(state: RunState, phase: PhaseState): LimitReached | undefined {
  const { limits, name } = phase;
  if (!has(limits, "tokens")) return undefined;
  const left = limits.tokens - (totalTokens(state.usage) - phase.tokens);
  if (left > 0 && left >= 2 * state.lastCallTokens) return undefined;
  return reached(phase, "tokens", {
    message: `The limit of ${limits.tokens} tokens of the phase ${name} is reached.`,
    wrapUp: left > 0,
  });
}

function costReached(state: RunState, phase: PhaseState): LimitReached | undefined {
  const { limits, name } = phase;
  if (!has(limits, "costUsd")) return undefined;
  const spent = state.costUsd === "unknown" || phase.costUsd === "unknown" ? Infinity : state.costUsd - phase.costUsd;
  const left = limits.costUsd - spent;
  if (left > 0 && left >= 2 * state.lastCallCostUsd) return undefined;
  return reached(phase, "usd", {
    message: `The cost limit of $${limits.costUsd} of the phase ${name} is reached.`,
    wrapUp: left > 0,
  });
}

function reached(
  phase: PhaseState,
  limit: LimitReached["limit"],
  what: { readonly message: string; readonly wrapUp: boolean },
): LimitReached {
  return { type: "limit.reached", limit, ...what, phase: phase.name };
}
