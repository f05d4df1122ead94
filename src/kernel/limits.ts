/** Defaults of a run's bounds, and how they are resolved: once, at the start. */
import type { Limits, LimitsInput } from "../ports/limits.ts";
import type { SupervisionSettings } from "../ports/supervision.ts";

export const DEFAULT_LIMITS: Limits = {
  maxSteps: 12,
  timeMs: 60_000,
  toolErrors: 3,
  repeats: 3,
  parallelCalls: 8,
  toolTimeoutMs: 30_000,
  graceMs: 2_000,
  idleMs: 90_000,
  firstTokenMs: 60_000,
  idleTokenMs: 60_000,
  modelCallMs: 600_000,
  modelAttempts: 3,
  retryBaseMs: 500,
  compactionRatio: 0.7,
  depth: 3,
  children: 32,
  parallelChildren: 4,
  settleMs: 30_000,
  recoveries: 5,
};

export const DEFAULT_SUPERVISION: SupervisionSettings = {
  afterSteps: 3,
  costFactor: 3,
  decisions: 10,
  deadlineMs: 30_000,
  atLimits: true,
};

/** JSON has no Infinity; this stands for "no limit" in a journal (about 285 years in ms). */
export const NO_LIMIT: number = Number.MAX_SAFE_INTEGER;

const OPTIONAL = ["tokens", "costUsd"] as const;

/**
 * Merge what the sources say, earlier sources first; zero, negative, NaN and missing mean "ask the next one", the last being
 * the defaults. `Infinity` becomes `NO_LIMIT`.
 */
export function resolveLimits(...sources: readonly (LimitsInput | undefined)[]): Limits {
  const resolved: Record<string, number> = {};
  for (const key of [...(Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]), ...OPTIONAL]) {
    const value = firstPositive(key, sources) ?? DEFAULT_LIMITS[key];
    if (value !== undefined) resolved[key] = Math.min(value, NO_LIMIT);
  }
  return resolved as unknown as Limits;
}

function firstPositive(key: keyof Limits, sources: readonly (LimitsInput | undefined)[]): number | undefined {
  for (const source of sources) {
    const value = source?.[key];
    if (typeof value === "number" && value > 0) return value;
  }
  return undefined;
}

/** Part of the running time kept for the wrap-up step: a sixth, at most 10 s (so 10 s of the default minute). */
export function wrapUpReserveMs(limits: Pick<Limits, "timeMs">): number {
  return Math.min(limits.timeMs / 6, 10_000);
}
