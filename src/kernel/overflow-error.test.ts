import { describe, expect, it } from "vitest";
import { toModelFailure, toStreamError } from "./model-error.ts";

/** What providers say, word for word, with the status they say it with; without a status inside a stream. */
const TOO_LONG: readonly (readonly [who: string, error: object])[] = [
  [
    "OpenAI, chat",
    {
      statusCode: 400,
      message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 130112 tokens.",
      data: { error: { code: "context_length_exceeded", type: "invalid_request_error" } },
    },
  ],
  [
    "OpenAI, by its code alone",
    { statusCode: 400, message: "Bad", responseBody: '{"error":{"message":"Bad","code":"context_length_exceeded"}}' },
  ],
  [
    "OpenAI, responses",
    { statusCode: 400, message: "Your input exceeds the context window of this model. Please adjust your input and try again." },
  ],
  ["OpenAI, in a stream", { type: "error", code: "context_length_exceeded", message: "Your input exceeds the context window." }],
  ["Anthropic", { statusCode: 400, message: "prompt is too long: 205123 tokens > 200000 maximum" }],
  [
    "Anthropic, with its answer",
    {
      statusCode: 400,
      message: "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length",
    },
  ],
  [
    "Anthropic, in a stream",
    { error: { type: "invalid_request_error", message: "prompt is too long: 205123 tokens > 200000 maximum" } },
  ],
  [
    "Google",
    { statusCode: 400, message: "The input token count (1200345) exceeds the maximum number of tokens allowed (1048576)." },
  ],
  [
    "llama.cpp",
    {
      statusCode: 400,
      message: "request (9021 tokens) exceeds the available context size (8192 tokens), try increasing it",
      data: { error: { type: "exceed_context_size_error" } },
    },
  ],
  [
    "llama.cpp, earlier",
    { statusCode: 500, message: "the request exceeds the available context size. try increasing the context size" },
  ],
  ["vLLM", { statusCode: 400, message: "The decoder prompt (length 5021) is longer than the maximum model length of 4096." }],
  ["Ollama", { statusCode: 400, message: "the input length exceeds the context length" }],
  [
    "LM Studio",
    {
      statusCode: 400,
      message:
        "Trying to keep the first 5021 tokens when context overflows. However, the model is loaded with context length of only 4096 tokens",
    },
  ],
  [
    "Mistral",
    {
      statusCode: 400,
      message: "Prompt contains 40012 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    },
  ],
  ["xAI", { statusCode: 400, message: "This model's maximum prompt length is 131072 but the request contains 537812 tokens." }],
  ["Bedrock", { statusCode: 400, message: "Input is too long for requested model." }],
  ["Groq", { statusCode: 400, message: "Please reduce the length of the messages or completion." }],
  ["GitHub Models", { statusCode: 413, message: "Request body too large", data: { error: { code: "tokens_limit_reached" } } }],
];

/** What sounds like it and is not. */
const OTHERWISE: readonly (readonly [what: string, error: object, code: string])[] = [
  [
    "a rate limit in tokens",
    { statusCode: 429, message: "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 41000." },
    "model_overloaded",
  ],
  ["a rate limit that names the window", { statusCode: 429, message: "maximum context length" }, "model_overloaded"],
  ["a body that is too large", { statusCode: 413, message: "Request exceeds the maximum size" }, "model_failed"],
  ["an argument that is too long", { statusCode: 400, message: "Invalid 'tools[0].name': string too long" }, "model_failed"],
  ["a limit on the answer", { statusCode: 400, message: "max_tokens: 100000 > 8192, which is the maximum" }, "model_failed"],
  ["a key without rights", { statusCode: 403, message: "context length feature not enabled" }, "model_unauthorized"],
  ["a body that is no JSON", { statusCode: 400, message: "no", responseBody: "{<html>" }, "model_failed"],
];

describe("a conversation that is too long for the model", () => {
  it.each(TOO_LONG)("S22 is recognised as %s says it, and trying the same again is no use", (_who, error) => {
    const failure = toModelFailure(error);
    expect([failure.error.code, failure.retryable]).toEqual(["model_context_overflow", false]);
    expect(toStreamError("x/y", error)).toMatchObject({ code: "model_context_overflow" });
  });

  it.each(OTHERWISE)("is not %s", (_what, error, code) => {
    expect(toModelFailure(error).error.code).toBe(code);
  });
});
