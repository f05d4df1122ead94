/** Folds the parts of a stream into one answer. */
import { ModelCallError } from "../../kernel/model-error.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { JsonObject, JsonValue } from "../../ports/json.ts";
import type { AssistantPart, FileData, ToolCallPart, ToolOutput } from "../../ports/messages.ts";
import type { Mutable } from "../../ports/mutable.ts";
import type { ModelAnswer, ModelDelta, TokenUsage } from "../../ports/models.ts";
import type { SpecVersion, StreamPart } from "./language-model.ts";
import { toJson, toJsonObject, toText } from "./to-json.ts";
import { type Finish, toFinish, toUsage, toWarnings } from "./usage.ts";

/** A text or reasoning block that may still grow; blocks interleave by id and keep the place where they began. */
interface Block {
  readonly type: "text" | "reasoning";
  text: string;
  providerMetadata?: JsonObject;
}

type Settled = AssistantPart | Block;

/** A file whose bytes are stored when the answer is complete, so that a broken stream leaves none behind. */
interface PendingFile {
  readonly pending: StreamPart;
}

const NO_WARNINGS: readonly string[] = [];
const NO_USAGE: TokenUsage = {};

interface FoldOptions {
  /** `provider/model`, for messages. */
  readonly id: string;
  readonly version: SpecVersion;
  readonly blobs: Blobs | undefined;
}

export class AnswerFold {
  readonly #options: FoldOptions;
  readonly #content: (AssistantPart | Block | PendingFile)[] = [];
  // Made when they are needed: a thousand runs wait for their first part at once.
  #texts: Map<string, Block> | undefined;
  #reasonings: Map<string, Block> | undefined;
  #toolNames: Map<string, string> | undefined;
  #warnings: readonly string[] = NO_WARNINGS;
  #response: { id?: string; model?: string } | undefined;
  #finish: Finish | undefined;
  #usage: TokenUsage = NO_USAGE;
  #metadata: JsonObject | undefined;

  constructor(options: FoldOptions) {
    this.#options = options;
  }

  get isFinished(): boolean {
    return this.#finish !== undefined;
  }

  /** Takes one part in; what is worth showing at once comes back. The `error` part is the caller's. */
  add(part: StreamPart): ModelDelta | undefined {
    switch (part.type) {
      case "text-start":
      case "text-delta":
      case "text-end":
        return this.#addToBlock(part, "text", "text.delta");
      case "reasoning-start":
      case "reasoning-delta":
      case "reasoning-end":
        return this.#addToBlock(part, "reasoning", "reasoning.delta");
      case "tool-input-start":
        this.#toolNames ??= new Map();
        this.#toolNames.set(toText(part["id"]), toText(part["toolName"]));
        return undefined;
      case "tool-input-delta":
        return toolInputDelta(part, this.#toolNames?.get(toText(part["id"])));
      case "tool-call":
        this.#content.push(toToolCall(part));
        return undefined;
      case "tool-result":
        if (part["preliminary"] !== true) this.#content.push(toToolResult(part));
        return undefined;
      case "file":
      case "reasoning-file":
        this.#content.push({ pending: part });
        return undefined;
      case "ping":
      case "raw":
      case "tool-input-end":
        return undefined;
      default:
        return this.#addRest(part);
    }
  }

  /** Once per call: start, metadata and finish, and whatever this version has never heard of. */
  #addRest(part: StreamPart): undefined {
    switch (part.type) {
      case "stream-start":
        this.#warnings = toWarnings(part["warnings"]);
        return;
      case "response-metadata":
        this.#response = { ...this.#response, ...responseOf(part) };
        return;
      case "finish":
        this.#metadata = toJsonObject(part["providerMetadata"]);
        this.#usage = toUsage(part["usage"], this.#metadata);
        this.#finish = toFinish(part["finishReason"]);
        return;
      default:
        this.#content.push({ type: "opaque", part: toJsonObject(part) ?? { type: part.type } });
    }
  }

  #addToBlock(part: StreamPart, type: Block["type"], shownAs: "text.delta" | "reasoning.delta"): ModelDelta | undefined {
    const id = toText(part["id"]);
    const blocks = type === "text" ? (this.#texts ??= new Map()) : (this.#reasonings ??= new Map());
    let block = blocks.get(id);
    if (block === undefined || part.type.endsWith("-start")) {
      block = { type, text: "" };
      blocks.set(id, block);
      this.#content.push(block);
    }
    if (part["providerMetadata"] !== undefined) {
      // What comes later stands for what came before: a signature arrives with the last delta.
      const metadata = toJsonObject(part["providerMetadata"]);
      if (metadata !== undefined) block.providerMetadata = metadata;
    }
    const delta = part["delta"];
    if (typeof delta !== "string" || delta === "") return undefined;
    block.text += delta;
    return { type: shownAs, text: delta };
  }

  /** The complete answer; rejects when the stream did not say that it is one. */
  async answer(): Promise<ModelAnswer> {
    const finish = this.#finish;
    if (finish === undefined) throw this.#incomplete("the stream ended without a finish");
    if (finish.reason === "broken") throw this.#incomplete(`the answer broke off (${finish.raw ?? "no finish reason"})`);
    if (this.#isSilentEnd(finish)) throw this.#incomplete("the stream ended without a finish reason and without usage");
    if (this.#hasOpenCalls(finish)) throw this.#incomplete("the answer has tool calls and no finish reason");
    const content = this.#content.some(isPending) ? await this.#settledContent() : (this.#content as Settled[]).filter(isKept);
    const answer: Mutable<ModelAnswer> = { content, finish: finish.reason, usage: this.#usage };
    if (finish.raw !== undefined) answer.rawFinish = finish.raw;
    if (this.#metadata !== undefined) answer.providerMetadata = this.#metadata;
    if (this.#response !== undefined) answer.response = this.#response;
    if (this.#warnings.length > 0) answer.warnings = this.#warnings;
    return answer;
  }

  /** V2 and V3 have no word for a stream that just ended: their providers report `unknown` or `other`, and no tokens. */
  #isSilentEnd(finish: Finish): boolean {
    if (this.#options.version === "v4" || finish.reason !== "other" || finish.raw !== undefined) return false;
    return Object.keys(this.#usage).length === 0;
  }

  /** A reason is what says that the calls are whole and that there are no more of them. V2 has no place for an unknown one. */
  #hasOpenCalls({ reason, raw }: Finish): boolean {
    if (this.#options.version === "v2" || reason !== "other" || raw !== undefined) return false;
    return this.#content.some((part) => "type" in part && part.type === "tool-call" && part.providerExecuted !== true);
  }

  async #settledContent(): Promise<readonly AssistantPart[]> {
    const settled: AssistantPart[] = [];
    for (const part of this.#content) {
      if (isPending(part)) settled.push(await this.#storeFile(part.pending));
      else if (isKept(part)) settled.push(part);
    }
    return settled;
  }

  async #storeFile(part: StreamPart): Promise<AssistantPart> {
    const data = await this.#storeData(part["data"]);
    const metadata = toJsonObject(part["providerMetadata"]);
    const mediaType = toText(part["mediaType"]) || "application/octet-stream";
    const file = { mediaType, data, ...(metadata === undefined ? {} : { providerMetadata: metadata }) };
    return part.type === "file"
      ? { type: "file", ...file }
      : { type: "opaque", part: { type: part.type, ...file, data: { ...data } } };
  }

  /** V2 and V3 give bytes or base64, V4 a tagged `{ type: "data" | "url" }`. */
  async #storeData(data: unknown): Promise<FileData> {
    const tagged = typeof data === "object" && data !== null && "type" in data ? (data as StreamPart) : undefined;
    if (tagged?.type === "url") return { type: "url", url: String(tagged["url"]) };
    const raw = tagged === undefined ? data : tagged["data"];
    const bytes = typeof raw === "string" ? Buffer.from(raw, "base64") : raw;
    if (!(bytes instanceof Uint8Array)) throw this.#incomplete("a file in the answer has no data");
    if (this.#options.blobs === undefined) {
      throw new ModelCallError(
        "model_unsupported",
        `${this.#options.id}: the answer has a file and there is no blob store for it`,
      );
    }
    return { type: "blob", hash: await this.#options.blobs.put(bytes), bytes: bytes.byteLength };
  }

  #incomplete(reason: string): ModelCallError {
    return new ModelCallError("model_incomplete", `${this.#options.id}: ${reason}`);
  }
}

function toolInputDelta(part: StreamPart, toolName = ""): ModelDelta | undefined {
  const text = part["delta"];
  return typeof text === "string" ? { type: "tool-input.delta", toolName, text } : undefined;
}

function toToolCall(part: StreamPart): AssistantPart {
  const metadata = toJsonObject(part["providerMetadata"]);
  const call: Mutable<ToolCallPart> = {
    type: "tool-call",
    toolCallId: toText(part["toolCallId"]),
    toolName: toText(part["toolName"]),
    input: toInput(part["input"]),
  };
  if (part["providerExecuted"] === true) call.providerExecuted = true;
  if (metadata !== undefined) call.providerMetadata = metadata;
  return call;
}

/** Arguments arrive as JSON text and no text means none. What does not parse stays text, for the driver to refuse. */
function toInput(input: unknown): JsonValue {
  if (typeof input !== "string") return toJson(input) ?? {};
  try {
    return JSON.parse(input) as JsonValue;
  } catch {
    return input.trim() === "" ? {} : input;
  }
}

function toToolResult(part: StreamPart): AssistantPart {
  const metadata = toJsonObject(part["providerMetadata"]);
  return {
    type: "tool-result",
    toolCallId: toText(part["toolCallId"]),
    toolName: toText(part["toolName"]),
    output: toOutput(part["result"], part["isError"] === true ? "error-json" : "json"),
    ...(metadata === undefined ? {} : { providerMetadata: metadata }),
  };
}

/** Providers look for the very structure they sent, also inside an error; only a plain text result is text. */
function toOutput(result: unknown, type: "json" | "error-json"): ToolOutput {
  if (typeof result === "string" && type === "json") return { type: "text", value: result };
  return { type, value: toJson(result) ?? null };
}

function responseOf(part: StreamPart): { id?: string; model?: string } {
  const { id, modelId } = part;
  return { ...(typeof id === "string" ? { id } : {}), ...(typeof modelId === "string" ? { model: modelId } : {}) };
}

function isPending(part: Settled | PendingFile): part is PendingFile {
  return "pending" in part;
}

/** Everything but blocks that stayed empty. */
function isKept(part: Settled): boolean {
  const { type, providerMetadata } = part;
  return (type !== "text" && type !== "reasoning") || part.text !== "" || providerMetadata !== undefined;
}
