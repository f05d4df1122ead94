/**
 * The journal's own message format: JSON only.
 *
 * It is shaped so that, for text and tool traffic, it *is* what an AI SDK model takes (PEERS: LanguageModelV4 prompt); only
 * parts that carry provider metadata or binary data are converted on the way out. Unknown parts pass through untouched.
 */
import type { JsonObject, JsonValue } from "./json.ts";

/** Everything a provider said about a part, kept verbatim: reasoning signatures, item ids, thought signatures. */
export type ProviderMetadata = JsonObject;

/** Reference to bytes in the content-addressed blob store. `hash` is the SHA-256 in lower-case hex. */
export interface BlobReference {
  readonly type: "blob";
  readonly hash: string;
  readonly bytes: number;
}

export type FileData =
  | BlobReference
  | { readonly type: "url"; readonly url: string }
  | { readonly type: "text"; readonly text: string };

interface PartBase {
  readonly providerMetadata?: ProviderMetadata;
  /** What a provider is told about this part, per provider: a caching hint, the detail of an image. */
  readonly providerOptions?: JsonObject;
}

export interface TextPart extends PartBase {
  readonly type: "text";
  readonly text: string;
}

export interface ReasoningPart extends PartBase {
  readonly type: "reasoning";
  readonly text: string;
}

export interface FilePart extends PartBase {
  readonly type: "file";
  readonly mediaType: string;
  readonly filename?: string;
  readonly data: FileData;
}

export interface ToolCallPart extends PartBase {
  readonly type: "tool-call";
  /** The id used towards providers; unique in the run. Our own identity of a call is `step.ordinal`. */
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: JsonValue;
  /** The provider ran it itself: it is recorded and never run by us. */
  readonly providerExecuted?: boolean;
}

export interface ToolResultPart extends PartBase {
  readonly type: "tool-result";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly output: ToolOutput;
  /** The call and its results stay whole when the conversation is shortened. */
  readonly pinned?: true;
}

/** A part of a kind this version does not know (or only passes through: sources, provider-specific parts). */
export interface OpaquePart extends PartBase {
  readonly type: "opaque";
  /** The part as the provider sent it. */
  readonly part: JsonObject;
}

/** What the model is told about a finished call. */
export type ToolOutput =
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "json"; readonly value: JsonValue }
  | { readonly type: "error-text"; readonly value: string }
  | { readonly type: "error-json"; readonly value: JsonValue }
  | { readonly type: "content"; readonly value: readonly (TextPart | FilePart)[] };

export type UserPart = TextPart | FilePart;
export type AssistantPart = TextPart | ReasoningPart | FilePart | ToolCallPart | ToolResultPart | OpaquePart;

interface MessageBase {
  /** It stays as it is when the conversation is shortened. */
  readonly pinned?: true;
}

export interface UserMessage extends MessageBase {
  readonly role: "user";
  /** Said for the last step of a run at its limit: a follow-up does not have it. */
  readonly lastStep?: true;
  readonly content: readonly UserPart[];
  readonly providerOptions?: JsonObject;
}

export interface AssistantMessage extends MessageBase {
  readonly role: "assistant";
  readonly content: readonly AssistantPart[];
}

export interface ToolMessage extends MessageBase {
  readonly role: "tool";
  readonly content: readonly ToolResultPart[];
}

export type Message = UserMessage | AssistantMessage | ToolMessage;
