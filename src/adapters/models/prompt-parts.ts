/** Turns the parts that a model does not take as they are into those of its specification version. */
import { ModelCallError } from "../../kernel/model-error.ts";
import type { JsonObject } from "../../ports/json.ts";
import type {
  AssistantPart,
  FileData,
  FilePart,
  Message,
  TextPart,
  ToolCallPart,
  ToolOutput,
  ToolResultPart,
  UserPart,
} from "../../ports/messages.ts";
import type { PromptMessage, PromptPart, SpecVersion, SupportedUrls } from "./language-model.ts";
import { isForeign, type ProviderFamily, withoutForeign } from "./provider-family.ts";
import { isSupportedUrl } from "./supported-urls.ts";
import { isJsonObject } from "./to-json.ts";

export interface PromptContext {
  readonly id: string;
  readonly version: SpecVersion;
  readonly family: ProviderFamily;
  readonly urls: SupportedUrls;
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

/**
 * The message as this model takes it: the very same object where nothing has to change, undefined where nothing is left.
 */
export function toPromptMessage(message: Message, context: PromptContext): PromptMessage | undefined {
  if (isPlain(message)) return message;
  const content = toContent(message, context);
  if (content.length === 0) return undefined;
  const options = message.role === "user" ? message.providerOptions : undefined;
  return { role: message.role, content, ...optionsOf(options) };
}

function toContent(message: Message, context: PromptContext): readonly PromptPart[] {
  switch (message.role) {
    case "user":
      return message.content.filter(isWorthSending).map((part) => toUserPart(part, context));
    case "assistant":
      return toAssistantContent(message.content, context);
    case "tool":
      return message.content.map((part) => toToolResult(part, part.providerMetadata, context));
  }
}

/** Text and tool traffic without metadata has one shape in all versions, which is the journal's own. */
function isPlain(message: Message): boolean {
  return message.content.length > 0 && message.content.every(isPlainPart);
}

function isPlainPart(part: AssistantPart | UserPart): boolean {
  if (part.providerMetadata !== undefined) return false;
  switch (part.type) {
    case "text":
      return part.text !== "";
    case "tool-call":
      return isSendableInput(part);
    case "tool-result":
      if (part.pinned === true) return false;
      return part.output.type !== "content" || part.output.value.every((item) => item.type === "text" && isPlainPart(item));
    case "reasoning":
      return false;
    case "file":
    case "opaque":
      return false;
  }
}

/** Providers refuse arguments that are no object; they appear when a model wrote broken JSON, and it was told so. */
function isSendableInput(part: ToolCallPart): boolean {
  return part.providerExecuted === true || isJsonObject(part.input);
}

function isWorthSending(part: UserPart): boolean {
  return part.type !== "text" || part.text !== "" || withOptions(part) !== undefined;
}

function toUserPart(part: UserPart, context: PromptContext): PromptPart {
  const options = withOptions(part);
  return part.type === "text" ? toText(part, options) : toFile(part, options, context);
}

/** What the caller says about a part, over what a provider said about it. */
function withOptions({ providerMetadata, providerOptions }: UserPart): JsonObject | undefined {
  return providerOptions === undefined ? providerMetadata : { ...providerMetadata, ...providerOptions };
}

function toAssistantContent(content: readonly AssistantPart[], context: PromptContext): readonly PromptPart[] {
  const foreign = isForeign(content, context.family);
  const dropped = foreign ? hostedCallIds(content) : new Set<string>();
  return content.flatMap((part) => {
    if ((part.type === "tool-call" || part.type === "tool-result") && dropped.has(part.toolCallId)) return [];
    if (part.type === "opaque") return foreign ? [] : toOpaque(part.part, context);
    const metadata = foreign ? withoutForeign(part.providerMetadata, context.family) : part.providerMetadata;
    return toAssistantPart(part, { metadata, foreign }, context);
  });
}

/** Calls that another provider ran on its own servers: this one has no tool of that name and no way to say it. */
function hostedCallIds(content: readonly AssistantPart[]): ReadonlySet<string> {
  const hosted = content.filter(
    (part) => (part.type === "tool-call" && part.providerExecuted === true) || part.type === "tool-result",
  );
  return new Set(hosted.map((part) => ("toolCallId" in part ? part.toolCallId : "")));
}

type KnownPart = Exclude<AssistantPart, { readonly type: "opaque" }>;

function toAssistantPart(
  part: KnownPart,
  from: { readonly metadata: JsonObject | undefined; readonly foreign: boolean },
  context: PromptContext,
): readonly PromptPart[] {
  const { metadata, foreign } = from;
  switch (part.type) {
    case "text":
      return part.text === "" && metadata === undefined ? [] : [toText(part, metadata)];
    case "reasoning":
      return foreign && metadata === undefined ? [] : [{ type: "reasoning", text: part.text, ...optionsOf(metadata) }];
    case "file":
      return [toFile(part, metadata, context)];
    case "tool-call":
      return [toCall(part, metadata)];
    case "tool-result":
      return [toToolResult(part, metadata, context)];
  }
}

function toText(part: TextPart, metadata: JsonObject | undefined): PromptPart {
  return { type: "text", text: part.text, ...optionsOf(metadata) };
}

function toCall(part: ToolCallPart, metadata: JsonObject | undefined): PromptPart {
  return {
    type: "tool-call",
    toolCallId: part.toolCallId,
    toolName: part.toolName,
    input: isSendableInput(part) ? part.input : {},
    ...(part.providerExecuted === true ? { providerExecuted: true } : {}),
    ...optionsOf(metadata),
  };
}

/** Content that only its maker understands goes back to it; sources, approvals and unknown kinds are not part of a prompt. */
function toOpaque(part: JsonObject, context: PromptContext): readonly PromptPart[] {
  if (context.version !== "v4") return [];
  const { type, kind, mediaType, data, providerMetadata } = part;
  const options = optionsOf(isJsonObject(providerMetadata) ? providerMetadata : undefined);
  if (type === "custom" && typeof kind === "string") return [{ type, kind, ...options }];
  if (type !== "reasoning-file" || typeof mediaType !== "string" || !isJsonObject(data)) return [];
  return [{ type, mediaType, data: toFileData(data as unknown as FileData, mediaType, context), ...options }];
}

function toToolResult(part: ToolResultPart, metadata: JsonObject | undefined, context: PromptContext): PromptPart {
  const { toolCallId, toolName, output } = part;
  return { type: "tool-result", toolCallId, toolName, output: toOutput(output, context), ...optionsOf(metadata) };
}

function toOutput(output: ToolOutput, context: PromptContext): unknown {
  if (output.type !== "content") return output;
  const value = output.value
    .filter(isWorthSending)
    .map((item) => (item.type === "text" ? toText(item, item.providerMetadata) : toOutputFile(item, context)));
  return { type: "content", value };
}

/**
 * A file inside a tool result. One that this model cannot take becomes a sentence: the result is history, and an error here
 * would fail every later call of the run.
 */
function toOutputFile(part: FilePart, context: PromptContext): PromptPart {
  const { mediaType, data, filename } = part;
  const options = optionsOf(part.providerMetadata);
  if (data.type === "text") return { type: "text", text: data.text, ...options };
  const urlIsTaken = data.type === "url" && context.version !== "v2" && isSupportedUrl(mediaType, data.url, context.urls);
  if (data.type === "url" && !urlIsTaken) return { type: "text", text: `[${mediaType} at ${data.url}]` };
  if (context.version === "v4") return toFile(part, part.providerMetadata, context);
  const kind = mediaType.startsWith("image/") ? "image" : "file";
  if (data.type === "url") return { type: `${kind}-url`, url: data.url, ...options };
  const base64 = Buffer.from(bytesOf(data.hash, context)).toString("base64");
  if (context.version === "v2") return { type: "media", data: base64, mediaType };
  const name = kind === "file" && filename !== undefined ? { filename } : {};
  return { type: `${kind}-data`, data: base64, mediaType, ...name, ...options };
}

function toFile(part: FilePart, metadata: JsonObject | undefined, context: PromptContext): PromptPart {
  const { mediaType, filename } = part;
  const data = toFileData(part.data, mediaType, context);
  return { type: "file", mediaType, ...(filename === undefined ? {} : { filename }), data, ...optionsOf(metadata) };
}

/** V4 tags the data, V2 and V3 take bytes or a URL. */
function toFileData(data: FileData, mediaType: string, context: PromptContext): unknown {
  const isTagged = context.version === "v4";
  switch (data.type) {
    case "blob": {
      const bytes = bytesOf(data.hash, context);
      return isTagged ? { type: "data", data: bytes } : bytes;
    }
    case "url": {
      if (!isSupportedUrl(mediaType, data.url, context.urls)) throw unsupportedUrl(data.url, mediaType, context);
      const url = new URL(data.url);
      return isTagged ? { type: "url", url } : url;
    }
    case "text":
      return isTagged ? data : new TextEncoder().encode(data.text);
  }
}

function bytesOf(hash: string, context: PromptContext): Uint8Array {
  const bytes = context.bytes.get(hash);
  if (bytes === undefined) throw new Error(`blob ${hash} was not read before the prompt was built`);
  return bytes;
}

function unsupportedUrl(url: string, mediaType: string, context: PromptContext): ModelCallError {
  const known = Object.keys(context.urls);
  const takes = known.length === 0 ? "takes no file by URL" : `takes by URL only ${known.join(", ")} of certain addresses`;
  const message = `${context.id} ${takes}, and the conversation has ${mediaType} at ${url}: attach the bytes instead`;
  return new ModelCallError("model_unsupported", message);
}

function optionsOf(metadata: JsonObject | undefined): { providerOptions?: JsonObject } {
  return metadata === undefined ? {} : { providerOptions: metadata };
}
