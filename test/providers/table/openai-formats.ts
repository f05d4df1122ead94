/** OpenAI's two formats: responses, and the chat completions that most other servers speak. */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { END_TO_END_WIRES, type EndToEndWire } from "../end-to-end-wires.ts";
import { API_KEY } from "../wires.ts";
import { finishWord, type NeutralAnswer, type NeutralCall, sse, type WireEvent, type WireFormat } from "./answer.ts";

export function wireNamed(name: string): EndToEndWire {
  const wire = END_TO_END_WIRES.find((one) => one.name === name);
  if (wire === undefined) throw new Error(`no wire ${name}`);
  return wire;
}

const RESPONSE = { id: "resp_1", object: "response", created_at: 1_700_000_000, model: "m", status: "in_progress", output: [] };

export const responses: WireFormat = {
  wire: wireNamed("openai"),
  model: (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: API_KEY })("m"),
  render: ({ text, calls, finish, usage }) => [
    typed("start", { type: "response.created", response: RESPONSE }),
    typed("start", { type: "response.output_item.added", output_index: 0, item: { ...MESSAGE, status: "in_progress" } }),
    ...text.map((delta) =>
      typed("text", { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta }),
    ),
    typed("text", {
      type: "response.output_item.done",
      output_index: 0,
      item: { ...MESSAGE, content: [{ type: "output_text", text: text.join(""), annotations: [] }] },
    }),
    ...calls.flatMap(functionCall),
    ...completed(finish, usage),
  ],
  errorBody: (message, type) => JSON.stringify({ error: { message, type, code: type } }),
  errorEvent: (message, type) =>
    sse("error", { type: "error", sequence_number: 9, error: { type, code: type, message, param: null } }),
  nothing: sse("response.in_progress", { type: "response.in_progress", response: RESPONSE }),
};

const MESSAGE = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [] };

function typed(at: WireEvent["at"], data: { readonly type: string; readonly [field: string]: unknown }): WireEvent {
  return { at, text: sse(data.type, data) };
}

function functionCall({ id, name, args }: NeutralCall, index: number): readonly WireEvent[] {
  const item = { type: "function_call", id: `fc_${index}`, call_id: id, name };
  const place = { output_index: index + 1, item_id: item.id };
  const full = args.join("");
  return [
    typed("call", { type: "response.output_item.added", ...place, item: { ...item, arguments: "", status: "in_progress" } }),
    ...args.map((delta) => typed("args", { type: "response.function_call_arguments.delta", ...place, delta })),
    typed("called", { type: "response.function_call_arguments.done", ...place, arguments: full }),
    typed("called", { type: "response.output_item.done", ...place, item: { ...item, arguments: full, status: "completed" } }),
  ];
}

/** `stop` and `tool-calls` are one word here: complete. Null: the last event never says that it is. */
function completed(finish: string | null, usage: NeutralAnswer["usage"]): readonly WireEvent[] {
  if (finish === null) return [];
  const told = usage === null ? {} : { usage: { input_tokens: usage.input, output_tokens: usage.output } };
  if (finish === "stop" || finish === "tool-calls") {
    return [typed("finish", { type: "response.completed", response: { ...RESPONSE, status: "completed", ...told } })];
  }
  const reason = finishWord({ length: "max_output_tokens", "content-filter": "content_filter" }, finish);
  const response = { ...RESPONSE, status: "incomplete", incomplete_details: { reason }, ...told };
  return [typed("finish", { type: "response.incomplete", response })];
}

export const chat: WireFormat = {
  wire: wireNamed("openai-compatible"),
  model: (url) =>
    createOpenAICompatible({ name: "local", baseURL: `${url}/v1`, apiKey: API_KEY, includeUsage: true }).chatModel("m"),
  render: ({ text, calls, finish, usage }) => [
    choice("start", { role: "assistant", content: "" }),
    ...text.map((content) => choice("text", { content })),
    ...calls.flatMap(({ id, name, args }, index) => [
      choice("call", { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...args.map((piece) => choice("args", { tool_calls: [{ index, function: { arguments: piece } }] })),
    ]),
    ...(finish === null ? [] : [choice("finish", {}, finishWord(CHAT_WORDS, finish))]),
    ...(usage === null ? [] : [chunk("end", { choices: [], usage: chatUsage(usage) })]),
    { at: "end", text: "data: [DONE]" },
  ],
  errorBody: (message, type) => JSON.stringify({ error: { message, type } }),
  errorEvent: (message, type) => sse(undefined, { error: { message, type } }),
  nothing: chunk("text", { choices: [] }).text,
};

const CHAT_WORDS = { "tool-calls": "tool_calls", "content-filter": "content_filter" };

const chatUsage = ({ input, output }: { readonly input: unknown; readonly output: unknown }): object => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: Number(input) + Number(output),
});

function chunk(at: WireEvent["at"], data: object): WireEvent {
  return { at, text: sse(undefined, { id: "c1", object: "chat.completion.chunk", created: 1_700_000_000, model: "m", ...data }) };
}

function choice(at: WireEvent["at"], delta: object, finish: string | null = null): WireEvent {
  return chunk(at, { choices: [{ index: 0, delta, finish_reason: finish }] });
}
