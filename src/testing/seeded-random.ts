/** Randomness that can be had again: the same seed gives the same numbers, on every machine. */
export interface SeededRandom {
  /** In [0, 1), like `Clock.random`. */
  next(): number;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of these; throws a RangeError when there are none. */
  pick<T>(from: readonly T[]): T;
}

/**
 * Mulberry32: 32 bits of state, period 2^32, good enough to draw test cases and worthless for secrets. The seed is taken modulo
 * 2^32.
 *
 * @example
 * const random = seededRandom(7);
 * const tool = random.pick(["search", "write"]);
 */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: <T>(from: readonly T[]): T => {
      if (from.length === 0) throw new RangeError("nothing to pick from");
      return from[below(from.length)] as T;
    },
  };
}
