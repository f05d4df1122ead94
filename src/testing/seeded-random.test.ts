import { describe, expect, it } from "vitest";
import { createFakeClock } from "./fake-clock.ts";
import { seededRandom } from "./seeded-random.ts";

const draw = (seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: 5 }, () => random.below(1000));
};

describe("seeded randomness", () => {
  it("gives the same numbers for the same seed, here and elsewhere", () => {
    expect(draw(1)).toEqual([627, 2, 527, 981, 968]);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(2)).not.toEqual(draw(1));
  });

  it("is that of the fake clock", () => {
    const clock = createFakeClock(9);
    const random = seededRandom(9);
    expect([clock.random(), clock.random()]).toEqual([random.next(), random.next()]);
  });

  it("spreads over what there is to pick from, and says so when there is nothing", () => {
    const random = seededRandom(3);
    const picked = new Set(Array.from({ length: 100 }, () => random.pick(["a", "b", "c"])));
    expect([...picked].toSorted()).toEqual(["a", "b", "c"]);
    expect(() => random.pick([])).toThrow(RangeError);
  });

  it("is true about as often as asked", () => {
    const random = seededRandom(4);
    const hits = Array.from({ length: 10_000 }, () => random.chance(0.2)).filter(Boolean).length;
    expect(hits).toBeGreaterThan(1_800);
    expect(hits).toBeLessThan(2_200);
    expect(seededRandom(4).chance(0)).toBe(false);
    expect(seededRandom(4).chance(1)).toBe(true);
  });
});
