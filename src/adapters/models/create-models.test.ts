import { readFile } from "node:fs/promises";
import { createOpenAI } from "@ai-sdk/openai";
import { MockLanguageModelV4 } from "ai/test";
import { expect, test } from "vitest";
import type { ModelCandidate } from "../../ports/models.ts";
import { createModels } from "./create-models.ts";
import { importProvider, PROVIDER_PACKAGES } from "./providers.ts";

const KEYS = { ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o", GEMINI_API_KEY: "g", EXECUTUS_BASE_URL: "http://127.0.0.1:1/v1" };

test("S43 S07 a tier is its candidates in order, with what is known about them", async () => {
  const tiers = {
    smart: ["anthropic/claude-haiku-4-5", "openai/gpt-5-mini", "google/gemini-2.5-flash", "local/llama", "ollama/qwen3"],
  };
  const candidates = await createModels({ tiers, env: KEYS }).resolve("smart");
  expect(candidates.map(({ id }) => id)).toEqual(tiers.smart);
  expect(candidates.map(({ price }) => price?.input)).toEqual([1, 0.25, 0.3, undefined, undefined]);
  expect(candidates[0]?.contextTokens).toBe(200_000);
});

test("a model may be asked for without a tier, and is the same candidate every time", async () => {
  const models = createModels({ tiers: { fast: ["openai/gpt-5-mini"] }, env: KEYS });
  const [byTier] = await models.resolve("fast");
  const [byId] = await models.resolve("openai/gpt-5-mini");
  expect(byId).toBe(byTier);
});

test("models and candidates given as objects are found again by their id, as a resumed run asks for them", async () => {
  const own: ModelCandidate = { id: "scripted", call: async () => Promise.reject(new Error("not called")) };
  const model = new MockLanguageModelV4({ provider: "mock.chat", modelId: "two" });
  const models = createModels({ tiers: { fast: [own, model] }, env: {} });
  const [first, second] = await models.resolve("fast");
  expect(first).toBe(own);
  expect(second?.id).toBe("mock/two");
  expect(await models.resolve("scripted")).toEqual([own]);
  expect(await models.resolve("mock/two")).toEqual([second]);
});

test("S39 providers may be AI SDK providers, functions, or addresses of servers", async () => {
  const named = (modelId: string): MockLanguageModelV4 => new MockLanguageModelV4({ modelId });
  const providers = {
    proxy: createOpenAI({ apiKey: "x" }),
    lookup: { languageModel: named },
    made: named,
    vllm: { baseUrl: "http://127.0.0.1:1/v1" },
    openai: named,
  };
  const models = createModels({ providers, env: {} });
  for (const name of Object.keys(providers)) {
    expect((await models.resolve(`${name}/meta/llama-3`)).map(({ id }) => id)).toEqual([`${name}/meta/llama-3`]);
  }
});

test("S43 prices of the configuration go before those that ship", async () => {
  const price = { input: 9, output: 9, asOf: "2026-11-22" };
  const models = createModels({ env: KEYS, models: { "openai/gpt-5-mini": { price }, "local/llama": { price } } });
  expect((await models.resolve("openai/gpt-5-mini"))[0]).toMatchObject({ price, contextTokens: 400_000 });
  expect((await models.resolve("local/llama"))[0]).toMatchObject({ price });
});

test.each([
  [
    "smrt",
    { OPENAI_API_KEY: "x" },
    "model_unknown",
    'there is no model tier "smrt" (known tiers: fast, smart)',
    'Did you mean "smart"?',
  ],
  [
    "smart",
    {},
    "model_unknown",
    'there is no model tier "smart" (no tiers are configured)',
    /^Set ANTHROPIC_API_KEY, .*EXECUTUS_MODEL\.$/,
  ],
  ["toString", { OPENAI_API_KEY: "x" }, "model_unknown", 'there is no model tier "toString"', "Use a known tier"],
  [
    "opnai/gpt",
    {},
    "model_unknown",
    'there is no model provider "opnai"',
    /^Did you mean "openai"\? Known providers: anthropic, google/,
  ],
  [
    "openai/gpt",
    { OPENAI_API_KEY: "" },
    "provider_key_missing",
    "need OPENAI_API_KEY, which is not set",
    "export OPENAI_API_KEY=...",
  ],
  ["anthropic/x", {}, "provider_key_missing", "need ANTHROPIC_API_KEY, which is not set", "export ANTHROPIC_API_KEY=..."],
  [
    "google/x",
    {},
    "provider_key_missing",
    "need GOOGLE_GENERATIVE_AI_API_KEY or GEMINI_API_KEY",
    "export GOOGLE_GENERATIVE_AI_API_KEY",
  ],
  ["local/x", {}, "provider_key_missing", "need EXECUTUS_BASE_URL, which is not set", "export EXECUTUS_BASE_URL=..."],
])("%s with %j says what is wrong and what to do", async (...[tier, env, code, message, hint]) => {
  const error: unknown = await createModels({ env })
    .resolve(tier)
    .catch((error: unknown) => error);
  expect(error).toMatchObject({ name: "ExecutusError", code });
  expect((error as Error).message).toContain(message);
  expect((error as { hint: string }).hint).toMatch(hint);
});

test("S07 a tier without candidates, or with one that is no model, is named", async () => {
  const models = createModels({ tiers: { none: [], odd: ["gpt-5"] }, env: {} });
  await expect(models.resolve("none")).rejects.toThrow('the model tier "none" has no candidates');
  await expect(models.resolve("odd")).rejects.toThrow('the model tier "odd" lists "gpt-5", which is not provider/model');
});

test("one candidate without a key fails the tier: models must not change without anybody noticing", async () => {
  const models = createModels({ tiers: { fast: ["openai/gpt-5-mini", "anthropic/x"] }, env: { OPENAI_API_KEY: "x" } });
  await expect(models.resolve("fast")).rejects.toMatchObject({ code: "provider_key_missing" });
});

test("what failed is tried again: the key may be there by then", async () => {
  const env: Record<string, string> = {};
  const models = createModels({ env });
  await expect(models.resolve("openai/gpt-5-mini")).rejects.toMatchObject({ code: "provider_key_missing" });
  env["OPENAI_API_KEY"] = "x";
  expect(await models.resolve("openai/gpt-5-mini")).toHaveLength(1);
});

test("a package that is not installed is named with the command that installs it", async () => {
  const name = "@ai-sdk/not-installed";
  await expect(importProvider(name, () => import(name) as Promise<unknown>)).rejects.toMatchObject({
    code: "provider_missing",
    message: "the package @ai-sdk/not-installed is not installed",
    hint: "npm install @ai-sdk/not-installed",
  });
});

test("a package that is there and fails is not called missing", async () => {
  const broken = async (): Promise<never> => Promise.reject(new SyntaxError("broken package"));
  await expect(importProvider("@ai-sdk/openai", broken)).rejects.toThrow("broken package");
});

test("install commands name the versions the package is tested with", async () => {
  const text = await readFile(new URL("../../../package.json", import.meta.url), "utf8");
  const { devDependencies } = JSON.parse(text) as { readonly devDependencies: Readonly<Record<string, string>> };
  expect(devDependencies).toMatchObject(PROVIDER_PACKAGES);
});
