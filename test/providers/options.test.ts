/** What a caller says to a provider arrives on the wire: caching hints, reasoning, shapes of answers. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import type { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExecutor, createMemoryBlobs, defineAgent, fromAiSdkModel, type RunRequest } from "../../src/index.ts";
import type { Agent } from "../../src/ports/definition.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { API_KEY, startModelServer, TEXT, WIRES, type Wire } from "./wires.ts";

const CACHE = { cacheControl: { type: "ephemeral" } } as const;
const MODELS: Readonly<Record<string, string>> = {
  openai: "gpt-5-mini",
  anthropic: "claude-sonnet-4-5",
  "openai-compatible": "qwen3",
  google: "gemini-2.5-flash",
};

interface Body {
  readonly [field: string]: unknown;
  readonly system?: readonly { readonly text: string; readonly cache_control?: unknown }[];
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
}

let upstream: LLMock;
let server: FaultServer;

beforeAll(async () => {
  upstream = await startModelServer();
  server = await startFaultServer(upstream.url);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await upstream.stop();
});

const GOOGLE: Pick<Wire, "name" | "model"> = {
  name: "google",
  model: (url, id) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: API_KEY })(id),
};

function wireOf(name: string): Pick<Wire, "model"> {
  const wire = [...WIRES, GOOGLE].find((candidate) => candidate.name === name);
  if (wire === undefined) throw new Error(`no wire ${name}`);
  return wire;
}

/** The body of the last request that a run of this agent made. */
async function sent(name: string, agent: Omit<Agent, "name">, request: RunRequest = {}): Promise<Body> {
  const blobs = createMemoryBlobs();
  const candidate = fromAiSdkModel(wireOf(name).model(server.url, MODELS[name] ?? ""), { blobs });
  const executor = createExecutor({ models: { resolve: () => Promise.resolve([candidate]) }, blobs });
  const result = await executor.run(defineAgent({ name: "asker", ...agent }), { input: "Question", ...request });
  expect(result.error?.code ?? "").not.toBe("model_failed");
  return server.requests.at(-1)?.body as Body;
}

describe("a caching hint", () => {
  test("for the instructions arrives at Anthropic", async () => {
    const settings = { instructionsProviderOptions: { anthropic: CACHE } };
    const body = await sent("anthropic", { instructions: "Long instructions.", settings });
    expect(body.system).toEqual([{ type: "text", text: "Long instructions.", cache_control: { type: "ephemeral" } }]);
  });

  test("for a part of the request arrives at Anthropic, and another provider never sees it", async () => {
    const input = [
      { type: "text", text: "A long document.", providerOptions: { anthropic: CACHE } },
      { type: "text", text: "Question" },
    ] as const;
    const body = await sent("anthropic", { instructions: "Be brief." }, { input });
    expect(body.messages?.[0]?.content).toEqual([
      { type: "text", text: "A long document.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Question" },
    ]);
    for (const name of ["openai", "openai-compatible"]) {
      expect(JSON.stringify(await sent(name, { instructions: "Be brief." }, { input }))).not.toContain("ephemeral");
    }
  });

  test("for a whole message arrives at Anthropic", async () => {
    const history = [
      { role: "user", content: [{ type: "text", text: "Earlier" }], providerOptions: { anthropic: CACHE } },
      { role: "assistant", content: [{ type: "text", text: "Yes." }] },
    ] as const;
    const body = await sent("anthropic", { instructions: "Be brief." }, { history });
    expect(JSON.stringify(body.messages?.[0])).toContain('"cache_control":{"type":"ephemeral"}');
  });
});

describe("how much to reason", () => {
  test("arrives as each provider says it", async () => {
    const agent = { instructions: "Think.", settings: { reasoning: "low" } };
    expect((await sent("openai", agent))["reasoning"]).toMatchObject({ effort: "low" });
    expect((await sent("openai-compatible", agent))["reasoning_effort"]).toBe("low");
    expect(JSON.stringify(await sent("anthropic", agent))).toMatch(/"thinking"|"effort":"low"/);
    const google = await sent("google", agent);
    expect(google["generationConfig"]).toMatchObject({ thinkingConfig: { thinkingBudget: expect.any(Number) as number } });
  });

  test("and options of a provider are merged: the agent's, the phase's, the request's", async () => {
    const agent = {
      instructions: "",
      settings: { providerOptions: { openai: { reasoningEffort: "high", store: false } } },
      phases: [{ name: "Only", instructions: "Think.", settings: { providerOptions: { openai: { user: "ann" } } } }],
    };
    const body = await sent("openai", agent, { settings: { providerOptions: { openai: { reasoningEffort: "minimal" } } } });
    expect(body).toMatchObject({ reasoning: { effort: "minimal" }, store: false, user: "ann" });
    const safety = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }];
    const google = { thinkingConfig: { thinkingBudget: 64 }, safetySettings: safety };
    const settings = { providerOptions: { google, openai: { user: "ann" } }, topK: 3 };
    expect(await sent("google", { instructions: "Think.", settings })).toMatchObject({
      generationConfig: { thinkingConfig: { thinkingBudget: 64 }, topK: 3 },
      safetySettings: safety,
    });
  });
});

describe("the shape of an answer", () => {
  const schema = {
    type: "object",
    title: "Count",
    properties: { count: { type: "integer" } },
    required: ["count"],
    additionalProperties: false,
  };

  test("arrives in the provider's own way, and in words for those that have none", async () => {
    const openai = await sent("openai", { instructions: "Count.", output: schema });
    expect(openai["text"]).toMatchObject({ format: { type: "json_schema", name: "Count", schema } });
    const anthropic = await sent("anthropic", { instructions: "Count.", output: schema });
    expect(JSON.stringify(anthropic)).toContain('"output_config":{"format":{"type":"json_schema"');
    const google = await sent("google", { instructions: "Count.", output: schema });
    expect(google["generationConfig"]).toMatchObject({
      responseMimeType: "application/json",
      responseJsonSchema: schema,
    });
    const compatible = await sent("openai-compatible", { instructions: "Count.", output: schema });
    expect(compatible["response_format"]).toEqual({ type: "json_object" });
    expect(JSON.stringify(compatible.messages?.[0])).toContain("must be JSON that fits this JSON Schema");
  });
});

test("a model of an older specification gets the same", async () => {
  const model = createAnthropic({ baseURL: `${server.url}/v1`, apiKey: API_KEY })("claude-sonnet-4-5");
  const prompts: unknown[] = [];
  const old = {
    specificationVersion: "v2",
    provider: model.provider,
    modelId: model.modelId,
    supportedUrls: {},
    doStream: async (options: { readonly prompt: unknown; readonly responseFormat?: unknown }) => {
      prompts.push([options.prompt, options.responseFormat]);
      const parts = [
        { type: "stream-start", warnings: [] },
        { type: "text-start", id: "1" },
        { type: "text-delta", id: "1", delta: TEXT },
        { type: "text-end", id: "1" },
        { type: "finish", finishReason: "stop", usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } },
      ];
      return { stream: ReadableStream.from(parts) };
    },
  };
  const candidate = fromAiSdkModel(old);
  const executor = createExecutor({ models: { resolve: () => Promise.resolve([candidate]) } });
  const hint = { anthropic: CACHE };
  const agent = { name: "asker", instructions: "Be brief.", settings: { instructionsProviderOptions: hint } };
  await executor.run(agent, {
    input: [{ type: "text", text: "Question", providerOptions: hint }],
    output: { type: "object" },
    limits: { maxSteps: 1 },
  });
  expect(prompts[0]).toEqual([
    [
      { role: "system", content: expect.stringMatching(/^Be brief\./) as string, providerOptions: hint },
      { role: "user", content: [{ type: "text", text: "Question", providerOptions: hint }] },
    ],
    { type: "json", schema: { type: "object" } },
  ]);
});
