/** When a delivery is tried again: the schedule of Standard Webhooks, in ms. The first attempt is the first entry. */
export const SCHEDULE_MS: readonly number[] = [
  0,
  5_000,
  5 * 60_000,
  30 * 60_000,
  2 * 3_600_000,
  5 * 3_600_000,
  10 * 3_600_000,
  14 * 3_600_000,
  20 * 3_600_000,
  24 * 3_600_000,
];

/** Added to a delay at most, so that what failed together does not come back together. */
const JITTER = 0.2;

/** Attempts that ended with their process are not failures; but one that ends every process it is made in has to end, too. */
const ATTEMPTS_PER_ENTRY = 3;

export function isTriedTooOften(attempts: number, schedule: readonly number[] = SCHEDULE_MS): boolean {
  return attempts > schedule.length * ATTEMPTS_PER_ENTRY;
}

/** Delay before the next attempt, after so many failures; undefined when the schedule is exhausted. `random` is in [0, 1). */
export function delayMs(failures: number, random: number, schedule: readonly number[] = SCHEDULE_MS): number | undefined {
  const delay = schedule[failures];
  return delay === undefined ? undefined : Math.round(delay * (1 + JITTER * random));
}
