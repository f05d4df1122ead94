import { expect, it } from "vitest";
import { Circuits } from "./circuits.ts";

const COOLDOWN_MS = 30_000;

function failing(): Circuits {
  const circuits = new Circuits();
  for (let i = 0; i < 5; i++) circuits.failed("m", 0);
  return circuits;
}

it("S07 lets one call try a failing model after the cooldown, and the others go on passing it over", () => {
  const circuits = failing();
  expect(circuits.isOpen("m", COOLDOWN_MS - 1)).toBe(true);
  expect([circuits.isOpen("m", COOLDOWN_MS), circuits.isOpen("m", COOLDOWN_MS)]).toEqual([false, true]);
});

it("S07 lets the next call try when the one that tried was not wanted any more", () => {
  const circuits = failing();
  expect(circuits.isOpen("m", COOLDOWN_MS)).toBe(false);
  circuits.untold("m");
  expect(circuits.isOpen("m", COOLDOWN_MS)).toBe(false);
});

it("S07 leaves a model alone for as long as its provider asked for", () => {
  const circuits = failing();
  circuits.failed("m", 0, 2 * COOLDOWN_MS);
  expect([circuits.isOpen("m", COOLDOWN_MS), circuits.isOpen("m", 2 * COOLDOWN_MS)]).toEqual([true, false]);
});
