/** A conversation that a provider refuses as too long, over HTTP and through its real package: shortened, and the step tried again. */
import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createExecutor, createMemoryStore, defineAgent, defineTool, fromAiSdkModel, type RunEvent } from "../../src/index.ts";
import { startFaultServer } from "./fault-server.ts";
import { WIRES } from "./wires.ts";

const REFUSALS: Readonly<Record<string, { readonly status: number; readonly error: object }>> = {
  openai: {
    status: 400,
    error: {
      message: "Your input exceeds the context window of this model. Please adjust your input and try again.",
      type: "invalid_request_error",
      param: "input",
      code: "context_length_exceeded",
    },
  },
  anthropic: {
    status: 400,
    error: { type: "invalid_request_error", message: "prompt is too long: 205123 tokens > 200000 maximum" },
  },
  "openai-compatible": {
    status: 400,
    error: {
      code: 400,
      message: "request (9021 tokens) exceeds the available context size (8192 tokens), try increasing it",
      type: "exceed_context_size_error",
    },
  },
};

const usage = { prompt_tokens: 12, completion_tokens: 7, input_tokens: 12, output_tokens: 7 };
const PAGES = 3;

let upstream: LLMock;

/** Reads three pages, writes a summary where it is asked for one, and answers. */
beforeAll(async () => {
  upstream = new LLMock({ port: 0, chunkSize: 64, logLevel: "silent" });
  upstream.on({}, ({ messages }) => {
    const text = JSON.stringify(messages);
    if (text.includes("<conversation>")) return { content: "Pages 0 and 1 say nothing.", usage };
    const read = messages.filter(({ role }) => role === "tool").length;
    if (read >= PAGES || text.includes("[SUMMARY of")) return { content: "There is nothing in them.", usage };
    return { content: "", toolCalls: [{ id: `call_${read}`, name: "read_page", arguments: `{"page":${read}}` }], usage };
  });
  await upstream.start();
});

afterAll(async () => {
  await upstream.stop();
});

test.each(WIRES)("S22 an overflow over $name is shortened by the run's own model and tried again", async (wire) => {
  await using server = await startFaultServer(upstream.url);
  await using store = createMemoryStore();
  const refusal = REFUSALS[wire.name];
  const body = JSON.stringify({ type: "error", error: refusal?.error });
  server.fail(...Array.from({ length: PAGES }, () => ({ type: "none" }) as const), {
    type: "reply",
    status: refusal?.status ?? 400,
    headers: { "content-type": "application/json" },
    body,
  });
  const model = fromAiSdkModel(wire.model(server.url, "m"));
  const executor = createExecutor({ models: { resolve: async () => [model] }, store });
  const readPage = defineTool({
    name: "read_page",
    description: "Reads a page.",
    input: { type: "object", properties: { page: { type: "number" } }, required: ["page"] },
    effect: "read",
    execute: ({ page }: { readonly page: number }) => `page ${page} `.repeat(400),
  });
  const agent = defineAgent({ name: "reader", instructions: "Read.", tools: [readPage] });
  const result = await executor.run(agent, { input: "Read all pages.", id: "r" });
  expect(result).toMatchObject({ status: "completed", output: "There is nothing in them.", toolCalls: PAGES });
  const events: readonly RunEvent[] = await store.journal.read("r");
  const failed = events.find(({ type }) => type === "model.failed");
  expect(failed).toMatchObject({ step: PAGES, retryable: false, error: { code: "model_context_overflow" } });
  expect(events.find(({ type }) => type === "context.compacted")).toMatchObject({
    reason: "overflow",
    summary: "[SUMMARY of the conversation up to here]\nPages 0 and 1 say nothing.",
    spent: { model: model.id, usage: { inputTokens: 12, outputTokens: 7 } },
  });
  expect(server.requests).toHaveLength(PAGES + 3);
  expect(result.usage.inputTokens).toBe(12 * (PAGES + 2));
  await executor.shutdown();
});
