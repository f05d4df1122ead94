import { expect, test } from "vitest";
import { factsOf, loadCatalog, priceOf } from "./catalog.ts";
import { tiersFromEnvironment } from "./environment.ts";

test("the shipped table is short, and every entry is dated and sourced", async () => {
  const catalog = Object.entries(await loadCatalog());
  expect(catalog.length).toBeGreaterThan(20);
  expect(catalog.length).toBeLessThanOrEqual(60);
  const undated = catalog.filter(([, facts]) => !/^20\d\d-/.test(facts.price?.asOf ?? "") || (facts.source ?? "") === "");
  expect(undated).toEqual([]);
});

test("output costs more than input, a cached token less, and a long input more", async () => {
  const prices = Object.values(await loadCatalog()).flatMap(({ price }) => price ?? []);
  const odd = prices.filter(({ input, output, cacheRead = 0, above = { input: Infinity } }) => {
    return output <= input || cacheRead >= input || above.input <= input;
  });
  expect(odd).toEqual([]);
});

test("a dated id has the facts of its alias", async () => {
  const alias = await priceOf("anthropic/claude-haiku-4-5");
  expect(alias).toMatchObject({ input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 });
  expect(await priceOf("anthropic/claude-haiku-4-5-20251001")).toEqual(alias);
  expect(await priceOf("openai/gpt-5-mini-2025-08-07")).toEqual(await priceOf("openai/gpt-5-mini"));
});

test("an unknown model has no price, and neither has one that only looks like a property", async () => {
  expect(await priceOf("ollama/qwen3")).toBeUndefined();
  expect(await priceOf("constructor")).toBeUndefined();
});

test("an override replaces the field it names and no other", async () => {
  const price = { input: 0, output: 0, asOf: "2026-11-22" };
  const overrides = { "ollama/qwen3": { price }, "anthropic/claude-haiku-4-5": { contextTokens: 1000 } };
  expect(await priceOf("ollama/qwen3", overrides)).toEqual(price);
  expect(await factsOf("anthropic/claude-haiku-4-5", overrides)).toMatchObject({ contextTokens: 1000, price: { input: 1 } });
});

test.each(["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"])("the default tiers of %s have prices", async (key) => {
  const ids = Object.values(tiersFromEnvironment({ [key]: "x" })).flat();
  const prices = await Promise.all(ids.map((id) => priceOf(id)));
  expect(prices).toHaveLength(2);
  expect(prices).not.toContain(undefined);
});
