/** Anthropic's and Google's formats. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { GOOGLE } from "../end-to-end-wires.ts";
import { API_KEY } from "../wires.ts";
import { finishWord, sse, type WireEvent, type WireFormat } from "./answer.ts";
import { wireNamed } from "./openai-formats.ts";

export const anthropic: WireFormat = {
  wire: wireNamed("anthropic"),
  model: (url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: API_KEY })("m"),
  render: ({ text, calls, finish, usage }) => [
    typed("start", {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "m",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: usage?.input ?? 0, output_tokens: 1 },
      },
    }),
    typed("start", { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    ...text.map((piece) => typed("text", { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: piece } })),
    typed("text", { type: "content_block_stop", index: 0 }),
    ...calls.flatMap(({ id, name, args }, i) => {
      const index = i + 1;
      return [
        typed("call", { type: "content_block_start", index, content_block: { type: "tool_use", id, name, input: {} } }),
        ...args.map((piece) =>
          typed("args", { type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: piece } }),
        ),
        typed("called", { type: "content_block_stop", index }),
      ];
    }),
    ...(finish === null
      ? []
      : [
          typed("finish", {
            type: "message_delta",
            delta: { stop_reason: finishWord(ANTHROPIC_WORDS, finish), stop_sequence: null },
            usage: { output_tokens: usage?.output ?? 0 },
          }),
        ]),
    typed("end", { type: "message_stop" }),
  ],
  errorBody: (message, type) => JSON.stringify({ type: "error", error: { type, message } }),
  errorEvent: (message, type) => sse("error", { type: "error", error: { type, message } }),
  nothing: sse("ping", { type: "ping" }),
};

const ANTHROPIC_WORDS = { stop: "end_turn", "tool-calls": "tool_use", length: "max_tokens", "content-filter": "refusal" };

function typed(at: WireEvent["at"], data: { readonly type: string; readonly [field: string]: unknown }): WireEvent {
  return { at, text: sse(data.type, data) };
}

export const google: WireFormat = {
  wire: GOOGLE,
  model: (url) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: API_KEY })("gemini-3.5-flash"),
  render: ({ text, calls, finish, usage }) => {
    const usageMetadata =
      usage === null ? {} : { usageMetadata: { promptTokenCount: usage.input, candidatesTokenCount: usage.output } };
    return [
      ...text.map((piece) => candidate("text", [{ text: piece }])),
      ...calls.map(({ id, name, args }) => functionCall(id, name, args.join(""))),
      ...(finish === null
        ? []
        : [candidate("finish", [{ text: "" }], { finishReason: finishWord(GOOGLE_WORDS, finish) }, usageMetadata)]),
    ];
  },
  errorBody: (message, type) => JSON.stringify({ error: { code: 500, message, status: type.toUpperCase() } }),
  errorEvent: (message, type) => sse(undefined, { error: { code: 500, message, status: type.toUpperCase() } }),
  nothing: sse(undefined, { candidates: [], modelVersion: "m" }),
};

const GOOGLE_WORDS = { stop: "STOP", "tool-calls": "STOP", length: "MAX_TOKENS", "content-filter": "SAFETY" };

/** Arguments are part of the event's own JSON: text that is none makes an event that is none. */
function functionCall(id: string, name: string, args: string): WireEvent {
  const { text } = candidate("args", [{ functionCall: { id, name, args: "ARGS" } }]);
  return { at: "args", text: text.replace('"ARGS"', () => (args === "" ? "{}" : args)) };
}

function candidate(at: WireEvent["at"], parts: readonly object[], more: object = {}, usage: object = {}): WireEvent {
  return {
    at,
    text: sse(undefined, { candidates: [{ content: { parts, role: "model" }, index: 0, ...more }], ...usage, modelVersion: "m" }),
  };
}
