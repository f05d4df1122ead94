/** The wire formats under test: the real provider package, and where its stream can be broken. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { LLMock } from "@copilotkit/aimock";
import type { LanguageModel } from "../../src/adapters/models/language-model.ts";

export const API_KEY = "sk-test-0123456789abcdef";
export const TEXT = "The quick brown fox jumps over the lazy dog.";

export interface Wire {
  readonly name: string;
  /** A model id with `tools` in it answers with two parallel calls, any other one with TEXT. */
  model(url: string, id: string): LanguageModel;
  /** The event that says the answer is complete. */
  readonly finish: RegExp;
  /** An event in the middle of a call's arguments. */
  readonly middleOfArguments: RegExp;
  /** An event whose data is no JSON. */
  readonly garbage: string;
}

export const WIRES: readonly Wire[] = [
  {
    name: "openai",
    model: (url, id) => createOpenAI({ baseURL: `${url}/v1`, apiKey: API_KEY })(id),
    finish: /event: response\.completed/,
    middleOfArguments: /"delta":"b/,
    garbage: "data: {nonsense",
  },
  {
    name: "anthropic",
    model: (url, id) => createAnthropic({ baseURL: `${url}/v1`, apiKey: API_KEY })(id),
    finish: /event: message_delta/,
    middleOfArguments: /"partial_json":"b/,
    garbage: "event: content_block_delta\ndata: {nonsense",
  },
  {
    name: "openai-compatible",
    model: (url, id) => createOpenAICompatible({ name: "local", baseURL: `${url}/v1`, apiKey: API_KEY, includeUsage: true })(id),
    finish: /"finish_reason":"/,
    middleOfArguments: /"arguments":"b/,
    garbage: "data: {nonsense",
  },
];

/** A server that speaks every wire properly and answers by model id. */
export async function startModelServer(): Promise<LLMock> {
  const server = new LLMock({ port: 0, chunkSize: 8, logLevel: "silent" });
  const usage = { prompt_tokens: 12, completion_tokens: 7, input_tokens: 12, output_tokens: 7 };
  server.on({}, (request) => {
    if (!request.model.includes("tools")) return { content: TEXT, usage };
    const calls = [
      { id: "call_a", name: "add", arguments: '{"a":1,"b":2}' },
      { id: "call_b", name: "add", arguments: '{"a":3,"b":4}' },
    ];
    return { content: "Adding.", toolCalls: calls, usage };
  });
  await server.start();
  return server;
}
