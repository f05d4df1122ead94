import { expect, test } from "vitest";
import type { ModelPrice } from "../ports/models.ts";
import { costUsd } from "./cost.ts";

const PRICE: ModelPrice = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, asOf: "2026-11-22" };

test("input and output tokens cost what a million of them costs", () => {
  expect(costUsd({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, PRICE)).toBe(18);
});

test("cached tokens are priced on their own and not once more as input", () => {
  const usage = { inputTokens: 1_000_000, cacheReadTokens: 600_000, cacheWriteTokens: 200_000, outputTokens: 0 };
  expect(costUsd(usage, PRICE)).toBeCloseTo(0.2 * 3 + 0.6 * 0.3 + 0.2 * 3.75, 10);
});

test("cached tokens without a price of their own cost what input costs", () => {
  const usage = { inputTokens: 1_000_000, cacheReadTokens: 1_000_000, outputTokens: 0 };
  expect(costUsd(usage, { input: 3, output: 15, asOf: "2026-11-22" })).toBe(3);
});

test("reasoning tokens are part of the output and not paid twice", () => {
  expect(costUsd({ inputTokens: 0, outputTokens: 1_000_000, reasoningTokens: 900_000 }, PRICE)).toBe(15);
});

test("a long input is priced at the dearer rates as a whole", () => {
  const price: ModelPrice = { ...PRICE, above: { inputTokens: 200_000, input: 6, output: 22.5 } };
  expect(costUsd({ inputTokens: 200_000, outputTokens: 0 }, price)).toBeCloseTo(0.6, 10);
  expect(costUsd({ inputTokens: 300_000, outputTokens: 100_000 }, price)).toBeCloseTo(1.8 + 2.25, 10);
});

test("a cost is unknown, and not 0, when either side of the usage was not reported", () => {
  expect(costUsd({}, PRICE)).toBeUndefined();
  expect(costUsd({ inputTokens: 10 }, PRICE)).toBeUndefined();
  expect(costUsd({ outputTokens: 10 }, PRICE)).toBeUndefined();
});

test("more cached tokens than input, as some servers report, never cost less than nothing", () => {
  expect(costUsd({ inputTokens: 10, cacheReadTokens: 20, outputTokens: 0 }, PRICE)).toBeCloseTo((20 * 0.3) / 1e6, 12);
});
