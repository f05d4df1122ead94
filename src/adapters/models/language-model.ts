/** What we need of an AI SDK model: enough of LanguageModelV2, V3 and V4, so that their packages stay optional. */

/**
 * Any AI SDK language model (`specificationVersion` v2, v3 or v4). Only `doStream` is called.
 *
 * @example
 * const model: LanguageModel = anthropic("claude-sonnet-4-5");
 */
export interface LanguageModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  /** URLs the provider fetches itself, by media type pattern. */
  readonly supportedUrls?: SupportedUrls | PromiseLike<SupportedUrls>;
  /** Typed loosely on purpose: the call options differ per version and are built by `fromAiSdkModel`. */
  doStream(options: never): PromiseLike<{ readonly stream: PartStream }>;
}

export type SupportedUrls = Readonly<Record<string, readonly RegExp[]>>;

export type SpecVersion = "v2" | "v3" | "v4";

/** The part of a web ReadableStream that is used. */
export interface PartStream {
  getReader(): PartReader;
}

export interface PartReader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
}

/** A stream part of any version; every union is open, so fields are read one by one. */
export interface StreamPart {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A message or a part as some version of the specification wants it. */
export interface PromptMessage {
  readonly role: string;
  readonly content: unknown;
}

export interface PromptPart {
  readonly type: string;
  readonly [field: string]: unknown;
}
