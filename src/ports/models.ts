/** Models port: a tier or `provider/model` becomes an ordered list of candidates, each of which can make one call. */
import type { JsonObject } from "./json.ts";
import type { AssistantPart, Message } from "./messages.ts";
import type { OutputSnapshot } from "./output.ts";
import type { ToolEffect } from "./tools.ts";

/** US dollars per million tokens. A missing part costs what `input` costs (cache) or what `output` costs (reasoning). */
export interface ModelRates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
}

export interface ModelPrice extends ModelRates {
  /** Dearer rates of a call whose whole input is longer than `inputTokens`; they apply to all of its tokens. */
  readonly above?: ModelRates & { readonly inputTokens: number };
  /** ISO date the price was read from the provider's list. */
  readonly asOf: string;
}

/** Tokens of one call. A figure that the provider did not report is absent, never 0. */
export interface TokenUsage {
  /** All input tokens, cached ones included. */
  readonly inputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  /** All output tokens, reasoning included. */
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
}

export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "other";

/** A complete answer. A stream that broke, ended early or finished with `error` rejects instead (see ModelCallError). */
export interface ModelAnswer {
  readonly content: readonly AssistantPart[];
  readonly finish: FinishReason;
  /** The provider's own word for it. */
  readonly rawFinish?: string;
  readonly usage: TokenUsage;
  readonly providerMetadata?: JsonObject;
  readonly response?: { readonly id?: string; readonly model?: string };
  readonly warnings?: readonly string[];
}

/** Call settings passed through to the provider. */
export interface ModelSettings {
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stopSequences?: readonly string[];
  readonly seed?: number;
  /** How much to reason: `provider-default`, `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. */
  readonly reasoning?: string;
  /** Per provider, passed on with every call: `{ openai: { reasoningEffort: "low" } }`. */
  readonly providerOptions?: JsonObject;
  /** The same for the system prompt alone: `{ anthropic: { cacheControl: { type: "ephemeral" } } }`. */
  readonly instructionsProviderOptions?: JsonObject;
}

export interface ToolSchema {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly effect: ToolEffect;
}

export interface ModelCall {
  readonly run: string;
  /** 0-based step of the run. */
  readonly step: number;
  /** 1-based try at this step, over all candidates. */
  readonly attempt: number;
  readonly instructions: string;
  /** Read it during the call and keep a copy, if any: the array is the run's own and grows with it. */
  readonly messages: readonly Message[];
  readonly tools: readonly ToolSchema[];
  readonly toolChoice: "auto" | "none" | "required";
  readonly settings: ModelSettings;
  /** The shape of the final answer. The instructions say it too. */
  readonly output?: OutputSnapshot;
}

/** Something streamed before the answer is complete. Never journaled. */
export type ModelDelta =
  | { readonly type: "text.delta"; readonly text: string }
  | { readonly type: "reasoning.delta"; readonly text: string }
  | { readonly type: "tool-input.delta"; readonly toolName: string; readonly text: string };

export interface ModelCallOptions {
  readonly signal: AbortSignal;
  /** Called for every sign of life of the stream; `delta` is absent for parts that carry nothing to show. */
  readonly onPart: (delta?: ModelDelta) => void;
}

/** One model that can be called. */
export interface ModelCandidate {
  /** `provider/model`. */
  readonly id: string;
  readonly price?: ModelPrice;
  /** Context window in tokens. */
  readonly contextTokens?: number;
  /** Rejects with an error that may carry `retryable`, `statusCode`, `retryAfterMs` (see `toModelFailure`). */
  call(call: ModelCall, options: ModelCallOptions): Promise<ModelAnswer>;
}

export interface Models {
  /**
   * Ordered candidates for a tier name or a `provider/model`; the first is tried first. Rejects with an ExecutusError that
   * names the tier when there is none.
   */
  resolve(tier: string): Promise<readonly ModelCandidate[]>;
}
