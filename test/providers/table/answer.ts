/** An answer of a model in no provider's words, and the wire formats that it can be sent in. */
import type { LanguageModel } from "../../../src/adapters/models/language-model.ts";
import type { EndToEndWire } from "../end-to-end-wires.ts";

export interface NeutralCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, in pieces where the format has pieces. */
  readonly args: readonly string[];
}

export interface NeutralAnswer {
  readonly text: readonly string[];
  readonly calls: readonly NeutralCall[];
  /** A word of `FINISH` as the format says it, any other one as it is, null: none. */
  readonly finish: string | null;
  /** Null: the answer says nothing about it. Values are sent as they are. */
  readonly usage: { readonly input: unknown; readonly output: unknown } | null;
}

/** Where an event stands in an answer. Formats without pieces of arguments send a call as one event of `args`. */
export type At = "start" | "text" | "call" | "args" | "called" | "finish" | "end";

export interface WireEvent {
  readonly at: At;
  /** As it is sent, without the empty line after it. */
  readonly text: string;
}

export interface WireFormat {
  readonly wire: EndToEndWire;
  /** The real provider package, talking to `url`. */
  model(url: string): LanguageModel;
  render(answer: NeutralAnswer): readonly WireEvent[];
  /** An error as a body. */
  errorBody(message: string, type: string): string;
  /** An error as an event in a stream. */
  errorEvent(message: string, type: string): string;
  /** An event that is allowed and says nothing: no choices, no candidates, a ping. */
  readonly nothing: string;
}

export function sse(event: string | undefined, data: unknown): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return event === undefined ? `data: ${text}` : `event: ${event}\ndata: ${text}`;
}

/** What a well-behaved answer of each kind is called, by format. */
export function finishWord(words: Readonly<Record<string, string>>, finish: string): string {
  return words[finish] ?? finish;
}
