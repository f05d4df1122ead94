import type { LanguageModelV2, LanguageModelV3, LanguageModelV4, LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { convertArrayToReadableStream, MockLanguageModelV3, MockLanguageModelV4 } from "ai/test";
import { expect, test } from "vitest";
import type { Blobs } from "../../ports/blobs.ts";
import type { ModelAnswer, ModelCall, ModelDelta } from "../../ports/models.ts";
import { fromAiSdkModel } from "./ai-sdk.ts";
import type { LanguageModel } from "./language-model.ts";

const CALL: ModelCall = {
  run: "run_test",
  step: 0,
  attempt: 1,
  instructions: "Be brief.",
  messages: [{ role: "user", content: [{ type: "text", text: "Hi." }] }],
  tools: [],
  toolChoice: "auto",
  settings: {},
};
const FINISH = {
  type: "finish",
  finishReason: { unified: "stop", raw: "end_turn" },
  usage: { inputTokens: { total: 10 }, outputTokens: { total: 5 } },
};

function streamOf(parts: readonly object[]): ReadableStream<LanguageModelV4StreamPart> {
  return convertArrayToReadableStream(parts as LanguageModelV4StreamPart[]);
}

function v4(...parts: readonly object[]): MockLanguageModelV4 {
  return new MockLanguageModelV4({ provider: "anthropic.messages", doStream: async () => ({ stream: streamOf(parts) }) });
}

async function ask(
  model: LanguageModel,
  options: { blobs?: Blobs; deltas?: (ModelDelta | undefined)[] } = {},
): Promise<ModelAnswer> {
  const candidate = fromAiSdkModel(model, options.blobs === undefined ? {} : { blobs: options.blobs });
  return candidate.call(CALL, { signal: new AbortController().signal, onPart: (delta) => options.deltas?.push(delta) });
}

test("S39 models of all three versions fit without a cast", () => {
  const accepts = (model: LanguageModel): LanguageModel => model;
  const models = (v2: LanguageModelV2, v3: LanguageModelV3, v4: LanguageModelV4): LanguageModel[] => [v2, v3, v4].map(accepts);
  expect(models).toBeTypeOf("function");
});

test("something that is no model is refused by name", () => {
  const doStream = async (): Promise<never> => Promise.reject(new Error("not called"));
  const odd: LanguageModel = { specificationVersion: "v1", provider: "old", modelId: "m", doStream };
  expect(() => fromAiSdkModel(odd)).toThrow("old/m (specificationVersion v1) is no AI SDK language model");
});

test("a candidate is named by provider and model unless it is given a name", () => {
  const model = new MockLanguageModelV4({ provider: "openai.responses", modelId: "gpt-5" });
  expect(fromAiSdkModel(model).id).toBe("openai/gpt-5");
  expect(fromAiSdkModel(model, { id: "azure/own" }).id).toBe("azure/own");
});

test("interleaved blocks are put together by id and stay where they began", async () => {
  const deltas: (ModelDelta | undefined)[] = [];
  const answer = await ask(
    v4(
      { type: "stream-start", warnings: [{ type: "unsupported", feature: "seed", details: "ignored" }] },
      { type: "response-metadata", id: "msg_1", modelId: "claude-x", timestamp: new Date(0) },
      { type: "reasoning-start", id: "0" },
      { type: "text-start", id: "0" },
      { type: "reasoning-delta", id: "0", delta: "Hm" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "B" },
      { type: "text-delta", id: "0", delta: "A" },
      { type: "reasoning-delta", id: "0", delta: "m", providerMetadata: { anthropic: { signature: "s" } } },
      { type: "ping" },
      { type: "raw", rawValue: {} },
      { type: "text-end", id: "1" },
      { type: "reasoning-end", id: "0" },
      { type: "text-end", id: "0" },
      FINISH,
    ),
    { deltas },
  );
  expect(answer).toEqual({
    content: [
      { type: "reasoning", text: "Hmm", providerMetadata: { anthropic: { signature: "s" } } },
      { type: "text", text: "A" },
      { type: "text", text: "B" },
    ],
    finish: "stop",
    rawFinish: "end_turn",
    usage: { inputTokens: 10, outputTokens: 5 },
    response: { id: "msg_1", model: "claude-x" },
    warnings: ["unsupported: seed: ignored"],
  });
  expect(deltas).toHaveLength(15);
  expect(deltas.filter((delta) => delta !== undefined)).toEqual([
    { type: "reasoning.delta", text: "Hm" },
    { type: "text.delta", text: "B" },
    { type: "text.delta", text: "A" },
    { type: "reasoning.delta", text: "m" },
  ]);
});

test("arguments are parsed, no text means none, and what does not parse stays text", async () => {
  const call = (toolCallId: string, input: string): object => ({ type: "tool-call", toolCallId, toolName: "t", input });
  const start = { type: "tool-input-start", id: "a", toolName: "t" };
  const deltas: (ModelDelta | undefined)[] = [];
  const answer = await ask(
    v4(
      start,
      { type: "tool-input-delta", id: "a", delta: '{"x"' },
      { type: "tool-input-end", id: "a" },
      call("a", '{"x":1}'),
      call("b", ""),
      call("c", '{"x":'),
      FINISH,
    ),
    { deltas },
  );
  expect(answer.content).toEqual([
    { type: "tool-call", toolCallId: "a", toolName: "t", input: { x: 1 } },
    { type: "tool-call", toolCallId: "b", toolName: "t", input: {} },
    { type: "tool-call", toolCallId: "c", toolName: "t", input: '{"x":' },
  ]);
  expect(deltas).toContainEqual({ type: "tool-input.delta", toolName: "t", text: '{"x"' });
});

test("calls that the provider ran come with their results; preliminary results do not count", async () => {
  const result = (fields: object): object => ({ type: "tool-result", toolCallId: "s", toolName: "search", ...fields });
  const answer = await ask(
    v4(
      { type: "tool-call", toolCallId: "s", toolName: "search", input: '{"q":1}', providerExecuted: true, dynamic: true },
      result({ result: { partial: 1 }, preliminary: true }),
      result({ result: [{ url: "u" }] }),
      result({ result: "plain" }),
      result({ result: { errorCode: "busy" }, isError: true }),
      FINISH,
    ),
  );
  expect(answer.content.map((part) => (part.type === "tool-result" ? part.output : part.type))).toEqual([
    "tool-call",
    { type: "json", value: [{ url: "u" }] },
    { type: "text", value: "plain" },
    { type: "error-json", value: { errorCode: "busy" } },
  ]);
  expect(answer.content[0]).toMatchObject({ providerExecuted: true });
});

test("sources and parts of unknown kinds are kept as they came, without what JSON cannot hold", async () => {
  const answer = await ask(
    v4(
      { type: "source", sourceType: "url", id: "1", url: "https://x", providerMetadata: { a: { at: new Date(0), big: 1n } } },
      { type: "hologram", pixels: new Uint8Array(2), depth: 3, skip: undefined },
      FINISH,
    ),
  );
  expect(answer.content).toEqual([
    {
      type: "opaque",
      part: {
        type: "source",
        sourceType: "url",
        id: "1",
        url: "https://x",
        providerMetadata: { a: { at: "1970-01-01T00:00:00.000Z" } },
      },
    },
    { type: "opaque", part: { type: "hologram", depth: 3 } },
  ]);
});

test("empty blocks are dropped unless they carry metadata", async () => {
  const answer = await ask(
    v4(
      { type: "text-start", id: "0" },
      { type: "text-end", id: "0" },
      { type: "reasoning-start", id: "1" },
      { type: "reasoning-end", id: "1", providerMetadata: { openai: { itemId: "rs_1", reasoningEncryptedContent: "xyz" } } },
      FINISH,
    ),
  );
  expect(answer.content).toEqual([
    { type: "reasoning", text: "", providerMetadata: { openai: { itemId: "rs_1", reasoningEncryptedContent: "xyz" } } },
  ]);
});

test("an answer says everything about itself in JSON", async () => {
  const answer = await ask(v4({ ...FINISH, providerMetadata: { p: { f: () => 1, n: Number.NaN, deep: [undefined, 1] } } }));
  expect(answer.providerMetadata).toEqual({ p: { deep: [null, 1] } });
  expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
});

test.each(["length", "content-filter", "other", "tool-calls"])("finish %s is told as it is", async (unified) => {
  expect(await ask(v4({ ...FINISH, finishReason: { unified, raw: undefined } }))).toMatchObject({ finish: unified });
});

test.each([
  ["finish error", [{ ...FINISH, finishReason: { unified: "error", raw: "boom" } }], "the answer broke off (boom)"],
  ["finish interrupted", [{ ...FINISH, finishReason: { unified: "interrupted", raw: undefined } }], "the answer broke off"],
  ["no finish", [{ type: "tool-call", toolCallId: "a", toolName: "t", input: "{}" }], "the stream ended without a finish"],
  ["an error part", [{ type: "error", error: new Error("boom") }, FINISH], "boom"],
])("%s rejects as incomplete and retryable", async (_, parts, message) => {
  const asked = ask(v4({ type: "text-start", id: "0" }, { type: "text-delta", id: "0", delta: "x" }, ...parts));
  await expect(asked).rejects.toMatchObject({ code: "model_incomplete", retryable: true });
  await expect(asked).rejects.toThrow(message);
});

test("figures of a V3 answer are read like those of V4", async () => {
  const usage = {
    inputTokens: { total: 100, noCache: 20, cacheRead: 70, cacheWrite: 10 },
    outputTokens: { total: 50, text: undefined, reasoning: 30 },
  };
  const finish = { ...FINISH, usage } as const;
  const model = new MockLanguageModelV3({ doStream: async () => ({ stream: streamOf([finish]) as never }) });
  expect((await ask(model)).usage).toEqual({
    inputTokens: 100,
    cacheReadTokens: 70,
    cacheWriteTokens: 10,
    outputTokens: 50,
    reasoningTokens: 30,
  });
});

test("reasoning that a server leaves out of its completion tokens is added to the output", async () => {
  const outputTokens = { total: 2, reasoning: 340 };
  const raw = { prompt_tokens: 12, completion_tokens: 2, total_tokens: 354 };
  const { usage } = await ask(v4({ ...FINISH, usage: { inputTokens: { total: 12 }, outputTokens, raw } }));
  expect(usage).toEqual({ inputTokens: 12, outputTokens: 342, reasoningTokens: 340 });
});

function v2(provider: string, finish: object): LanguageModel {
  const stream = (): ReadableStream<unknown> =>
    streamOf([
      { type: "stream-start", warnings: [{ type: "unsupported-setting", setting: "topK" }] },
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "Hello" },
      { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
      { type: "finish", ...finish },
    ]);
  return { specificationVersion: "v2", provider, modelId: "m", doStream: async () => ({ stream: stream() }) };
}

function memoryBlobs(): Blobs & { readonly stored: Map<string, Uint8Array> } {
  const stored = new Map<string, Uint8Array>();
  return {
    stored,
    async put(bytes) {
      const hash = `hash-${stored.size}`;
      stored.set(hash, bytes);
      return hash;
    },
    async get(hash) {
      return stored.get(hash) ?? new Uint8Array();
    },
    async collect() {
      return 0;
    },
  };
}

test("a V2 answer has flat figures, a word as finish, and its files go to the blob store", async () => {
  const blobs = memoryBlobs();
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cachedInputTokens: 4, reasoningTokens: undefined };
  const answer = await ask(v2("openai.chat", { finishReason: "unknown", usage }), { blobs });
  expect(answer).toEqual({
    content: [
      { type: "text", text: "Hello" },
      { type: "file", mediaType: "image/png", data: { type: "blob", hash: "hash-0", bytes: 3 } },
    ],
    finish: "other",
    usage: { inputTokens: 10, cacheReadTokens: 4, outputTokens: 5 },
    warnings: ["unsupported-setting: topK"],
  });
  expect(blobs.stored.get("hash-0")).toEqual(new Uint8Array([1, 2, 3]));
});

test("V2 of the Anthropic provider does not count cached tokens as input, so they are added", async () => {
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cachedInputTokens: 4 };
  const providerMetadata = { anthropic: { cacheCreationInputTokens: 3 } };
  const answer = await ask(v2("anthropic.messages", { finishReason: "stop", usage, providerMetadata }), { blobs: memoryBlobs() });
  expect(answer.usage).toEqual({ inputTokens: 17, cacheReadTokens: 4, cacheWriteTokens: 3, outputTokens: 5 });
});

test("a V2 stream that just ended is told by having neither a reason nor usage", async () => {
  const silent = v2("openai.chat", { finishReason: "unknown", usage: { inputTokens: undefined, outputTokens: undefined } });
  await expect(ask(silent)).rejects.toMatchObject({ code: "model_incomplete" });
});

test("files of a V4 answer are base64 or addresses, also those of reasoning", async () => {
  const blobs = memoryBlobs();
  const answer = await ask(
    v4(
      { type: "file", mediaType: "image/png", data: { type: "data", data: "AQID" } },
      { type: "file", mediaType: "image/png", data: { type: "url", url: new URL("https://x.example/a.png") } },
      { type: "reasoning-file", mediaType: "image/png", data: { type: "data", data: new Uint8Array([4]) } },
      FINISH,
    ),
    { blobs },
  );
  expect(answer.content).toEqual([
    { type: "file", mediaType: "image/png", data: { type: "blob", hash: "hash-0", bytes: 3 } },
    { type: "file", mediaType: "image/png", data: { type: "url", url: "https://x.example/a.png" } },
    {
      type: "opaque",
      part: { type: "reasoning-file", mediaType: "image/png", data: { type: "blob", hash: "hash-1", bytes: 1 } },
    },
  ]);
});

test("a file without a store to put it in is an error that says so", async () => {
  const asked = ask(v4({ type: "file", mediaType: "image/png", data: { type: "data", data: "AQID" } }, FINISH));
  await expect(asked).rejects.toThrow("there is no blob store");
});

test("settings are passed through, and tools only with a choice among them", async () => {
  const model = v4(FINISH);
  const candidate = fromAiSdkModel(model);
  const options = { signal: new AbortController().signal, onPart: () => {} };
  const settings = { temperature: 0.5, maxOutputTokens: 100, reasoning: "high", providerOptions: { anthropic: { a: 1 } } };
  const tools = [{ name: "t", description: "d", inputSchema: { type: "object" }, effect: "read" }] as const;
  await candidate.call({ ...CALL, settings }, options);
  await candidate.call({ ...CALL, tools, toolChoice: "none" }, options);
  await candidate.call({ ...CALL, tools }, options);
  const [bare, none, auto] = model.doStreamCalls;
  expect(bare).toMatchObject(settings);
  expect(bare).not.toHaveProperty("toolChoice");
  expect(none).toMatchObject({ toolChoice: { type: "none" } });
  expect(none?.tools).toEqual([{ type: "function", name: "t", description: "d", inputSchema: { type: "object" } }]);
  expect(auto?.tools).toBe(none?.tools);
});

test("a setting that a version does not know is left out and told", async () => {
  const model = new MockLanguageModelV3({ doStream: async () => ({ stream: streamOf([FINISH]) as never }) });
  const candidate = fromAiSdkModel(model);
  const call = { ...CALL, settings: { reasoning: "high" } };
  const answer = await candidate.call(call, { signal: new AbortController().signal, onPart: () => {} });
  expect(model.doStreamCalls[0]).not.toHaveProperty("reasoning");
  expect(answer.warnings).toEqual(['setting "reasoning" was not sent: the model speaks AI SDK v3']);
});
