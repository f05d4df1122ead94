/** What a run looks like on each wire: how its provider is configured, and what its requests say. */
import { createGoogle } from "@ai-sdk/google";
import type { Environment, ProviderSource } from "../../src/adapters/models/providers.ts";
import { API_KEY, type Wire, WIRES } from "./wires.ts";

/** A tool call as a request repeats it, with the result that answers it. */
export interface SentCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly result: string;
}

export interface EndToEndWire extends Pick<Wire, "name" | "finish" | "middleOfArguments"> {
  /** `provider/model`. */
  readonly model: string;
  /** What makes the built-in provider of `model` talk to the server at `url`. */
  env(url: string): Environment;
  /** For a provider whose address is not read from the environment. */
  providers?(url: string): Readonly<Record<string, ProviderSource>>;
  /** The conversation of a request, in its own format. */
  conversationOf(body: unknown): readonly unknown[];
  callsOf(conversation: readonly unknown[]): readonly Omit<SentCall, "result">[];
  resultsOf(conversation: readonly unknown[]): readonly { readonly id: string; readonly result: string }[];
  /** The event that ends the answer, saying that it was cut at its length limit. */
  cutByLength(event: string): string;
  /** The event that counts tokens, saying that `CACHED` of the input came from the cache. */
  withCache(event: string): string;
  /** What the provider must get back as it was: found in the events of an answer. */
  readonly tokensOfAnswer: RegExp;
}

/** Of an input of 1,000 tokens. Anthropic also counts written ones, and reports fresh ones alone. */
export const CACHED = { read: 400, written: 500 } as const;

interface Item {
  readonly type?: string;
  readonly role?: string;
  readonly id?: string;
  readonly call_id?: string;
  readonly tool_use_id?: string;
  readonly tool_call_id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly output?: string;
  readonly input?: unknown;
  readonly content?: string | readonly Item[];
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}

type Own = Omit<EndToEndWire, "name" | "finish" | "middleOfArguments">;

const openai: Own = {
  model: "openai/gpt-5-mini",
  env: (url) => ({ OPENAI_API_KEY: API_KEY, OPENAI_BASE_URL: `${url}/v1` }),
  conversationOf: (body) => (body as { readonly input: readonly unknown[] }).input,
  callsOf: (conversation) =>
    (conversation as readonly Item[])
      .filter((item) => item.type === "function_call")
      .map((item) => ({ id: item.call_id ?? "", name: item.name ?? "", input: JSON.parse(item.arguments ?? "") as unknown })),
  resultsOf: (conversation) =>
    (conversation as readonly Item[])
      .filter((item) => item.type === "function_call_output")
      .map((item) => ({ id: item.call_id ?? "", result: item.output ?? "" })),
  cutByLength: (event) =>
    event.startsWith("event: response.completed")
      ? event
          .replaceAll("response.completed", "response.incomplete")
          .replace('"usage":', '"incomplete_details":{"reason":"max_output_tokens"},"usage":')
      : event,
  withCache: (event) =>
    event.replace('"usage":{"input_tokens":1000,', `$&"input_tokens_details":{"cached_tokens":${CACHED.read}},`),
  tokensOfAnswer: /"type":"response\.output_item\.done".*"id":"((?:rs|msg)[^"]+)"/,
};

const anthropic: Own = {
  model: "anthropic/claude-sonnet-4-5",
  env: (url) => ({ ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: `${url}/v1` }),
  conversationOf: (body) => (body as { readonly messages: readonly unknown[] }).messages,
  callsOf: (conversation) => blocksOf(conversation, "tool_use").map(({ id = "", name = "", input }) => ({ id, name, input })),
  resultsOf: (conversation) =>
    blocksOf(conversation, "tool_result").map((block) => ({ id: block.tool_use_id ?? "", result: textOf(block) })),
  cutByLength: (event) => event.replace('"stop_reason":"tool_use"', '"stop_reason":"max_tokens"'),
  withCache: (event) =>
    event.replace(
      '"usage":{"input_tokens":1000,',
      `"usage":{"input_tokens":100,"cache_read_input_tokens":${CACHED.read},"cache_creation_input_tokens":${CACHED.written},`,
    ),
  tokensOfAnswer: /"signature":"([^"]+)"/,
};

const compatible: Own = {
  model: "local/qwen3",
  env: (url) => ({ EXECUTUS_BASE_URL: `${url}/v1`, EXECUTUS_API_KEY: API_KEY }),
  conversationOf: (body) => (body as { readonly messages: readonly unknown[] }).messages,
  callsOf: (conversation) =>
    (conversation as readonly Item[])
      .flatMap((message) => message.tool_calls ?? [])
      .map((call) => ({ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) as unknown })),
  resultsOf: (conversation) =>
    (conversation as readonly Item[])
      .filter((message) => message.role === "tool")
      .map((message) => ({ id: message.tool_call_id ?? "", result: textOf(message) })),
  cutByLength: (event) => event.replace('"finish_reason":"tool_calls"', '"finish_reason":"length"'),
  withCache: (event) =>
    event.replace('"usage":{"prompt_tokens":1000,', `$&"prompt_tokens_details":{"cached_tokens":${CACHED.read}},`),
  tokensOfAnswer: /"reasoning_content":"([^"]+)"/,
};

interface GooglePart {
  readonly functionCall?: { readonly id: string; readonly name: string; readonly args: unknown };
  readonly functionResponse?: { readonly id: string; readonly response: unknown };
}

/** Its calls come in one piece and its address is not in the environment, so it takes part where the wire does not matter. */
export const GOOGLE: EndToEndWire = {
  name: "google",
  model: "google/gemini-3.5-flash",
  finish: /"finishReason":/,
  middleOfArguments: /"functionCall":/,
  env: () => ({}),
  providers: (url) => ({ google: createGoogle({ baseURL: `${url}/v1beta`, apiKey: API_KEY }) }),
  conversationOf: (body) => (body as { readonly contents: readonly unknown[] }).contents,
  callsOf: (conversation) =>
    googleParts(conversation).flatMap(({ functionCall: call }) =>
      call === undefined ? [] : [{ id: call.id, name: call.name, input: call.args }],
    ),
  resultsOf: (conversation) =>
    googleParts(conversation).flatMap(({ functionResponse: response }) =>
      response === undefined ? [] : [{ id: response.id, result: googleResult(response.response) }],
    ),
  cutByLength: (event) => event.replace(/"finishReason":"[A-Z_]+"/, '"finishReason":"MAX_TOKENS"'),
  withCache: (event) => event.replace('"usageMetadata":{"promptTokenCount":1000,', `$&"cachedContentTokenCount":${CACHED.read},`),
  tokensOfAnswer: /"thoughtSignature":"([^"]+)"/,
};

/** A result in the words of the others: the text, or JSON. */
function googleResult(response: unknown): string {
  const { content } = response as { readonly content?: unknown };
  return typeof content === "string" ? content : JSON.stringify(content ?? response);
}

function googleParts(conversation: readonly unknown[]): readonly GooglePart[] {
  return (conversation as readonly { readonly parts: readonly GooglePart[] }[]).flatMap(({ parts }) => parts);
}

function textOf({ content }: Item): string {
  return typeof content === "string" ? content : JSON.stringify(content);
}

function blocksOf(conversation: readonly unknown[], type: string): readonly Item[] {
  return (conversation as readonly Item[])
    .flatMap((message) => (typeof message.content === "string" ? [] : (message.content ?? [])))
    .filter((block) => block.type === type);
}

const OWN: Readonly<Record<string, Own>> = { openai, anthropic, "openai-compatible": compatible };

/** The wires of `wires.ts`, through the providers that `createModels` makes from the environment. */
export const END_TO_END_WIRES: readonly EndToEndWire[] = WIRES.map(({ name, finish, middleOfArguments }) => {
  const own = OWN[name];
  if (own === undefined) throw new Error(`the wire ${name} is not described here`);
  return { name, finish, middleOfArguments, ...own };
});

/** Every call of a request with its result; throws where the two do not pair off one to one and in order. */
export function pairedCalls(wire: EndToEndWire, body: unknown): readonly SentCall[] {
  const conversation = wire.conversationOf(body);
  const calls = wire.callsOf(conversation);
  const results = wire.resultsOf(conversation);
  const ids = calls.map(({ id }) => id);
  const answered = results.map(({ id }) => id);
  if (new Set(ids).size !== ids.length) throw new Error(`call ids are not unique: ${ids.join(", ")}`);
  if (ids.join() !== answered.join()) throw new Error(`calls ${ids.join(", ")} are answered by ${answered.join(", ")}`);
  return calls.map((call, index) => ({ ...call, result: results[index]?.result ?? "" }));
}
