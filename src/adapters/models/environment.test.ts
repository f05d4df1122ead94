import { expect, test } from "vitest";
import { tiersFromEnvironment } from "./environment.ts";

const MODEL = { EXECUTUS_MODEL: "qwen3:4b" };

test.each([
  [{ ANTHROPIC_API_KEY: "x", OPENAI_API_KEY: "x", GEMINI_API_KEY: "x" }, "anthropic"],
  [{ OPENAI_API_KEY: "x", GEMINI_API_KEY: "x", EXECUTUS_BASE_URL: "http://x", ...MODEL }, "openai"],
  [{ GEMINI_API_KEY: "x", EXECUTUS_BASE_URL: "http://x", ...MODEL }, "google"],
  [{ GOOGLE_GENERATIVE_AI_API_KEY: "x" }, "google"],
  [{ EXECUTUS_BASE_URL: "http://x", OLLAMA_BASE_URL: "http://x", ...MODEL }, "local"],
  [{ OLLAMA_BASE_URL: "http://x", ...MODEL }, "ollama"],
])("%j gives both tiers to %s", (env, provider) => {
  const tiers = tiersFromEnvironment(env);
  expect(Object.keys(tiers)).toEqual(["fast", "smart"]);
  for (const ids of Object.values(tiers)) expect(ids[0]).toMatch(new RegExp(`^${provider}/.`));
});

test("an empty variable counts as not set, and a server without a model gives nothing", () => {
  expect(tiersFromEnvironment({ ANTHROPIC_API_KEY: "", EXECUTUS_BASE_URL: "http://x" })).toEqual({});
  expect(tiersFromEnvironment({ EXECUTUS_TIER_FAST: "", ...MODEL })).toEqual({});
});

test("S43 a tier variable replaces a tier or makes one", () => {
  const env = { OPENAI_API_KEY: "x", EXECUTUS_TIER_FAST: "a/b, c/d/e", EXECUTUS_TIER_CHEAP: "ollama/x" };
  expect(tiersFromEnvironment(env)).toMatchObject({ fast: ["a/b", "c/d/e"], cheap: ["ollama/x"] });
});

test("a list that is none is refused with the variable's name", () => {
  expect(() => tiersFromEnvironment({ EXECUTUS_TIER_FAST: "a/b,gpt-5" })).toThrow(
    'EXECUTUS_TIER_FAST has "gpt-5", which is not provider/model',
  );
});
