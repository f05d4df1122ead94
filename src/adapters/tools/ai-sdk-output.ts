/** From what an AI SDK tool's `toModelOutput` says to what a journal can hold: JSON, with bytes in the blob store. */
import type { Blobs } from "../../ports/blobs.ts";
import type { JsonObject, JsonValue } from "../../ports/json.ts";
import type { FileData, FilePart, TextPart, ToolOutput } from "../../ports/messages.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Target {
  readonly tool: string;
  readonly blobs: Blobs | undefined;
}

/** Rejects, naming the tool, for what cannot be kept: bytes without a blob store, provider references, unknown kinds. */
export async function toToolOutput(tool: string, output: unknown, blobs: Blobs | undefined): Promise<ToolOutput> {
  const { type, value, reason } = asFields(output);
  switch (type) {
    case "text":
    case "error-text":
      return { type, value: String(value) };
    case "json":
    case "error-json":
      return { type, value: toPlain(value) };
    case "execution-denied":
      return { type: "error-text", value: `Not run: ${typeof reason === "string" ? reason : "it was denied"}.` };
    case "content":
      return { type, value: await Promise.all(asList(value).map((part) => toPart({ tool, blobs }, asFields(part)))) };
    default:
      throw new Error(`toModelOutput of ${tool} returned an unknown kind of output: ${JSON.stringify(type)}`);
  }
}

async function toPart(target: Target, part: Fields): Promise<TextPart | FilePart> {
  const metadata =
    part["providerOptions"] === undefined ? {} : { providerMetadata: toPlain(part["providerOptions"]) as JsonObject };
  if (part["type"] === "text") return { type: "text", text: String(part["text"]), ...metadata };
  const filename = typeof part["filename"] === "string" ? { filename: part["filename"] } : {};
  return { type: "file", mediaType: mediaTypeOf(part), ...filename, data: await toFileData(target, part), ...metadata };
}

function mediaTypeOf(part: Fields): string {
  if (typeof part["mediaType"] === "string") return part["mediaType"];
  return String(part["type"]).startsWith("image") ? "image" : "application/octet-stream";
}

/** `file` is the current form; the others are what earlier releases of the SDK used and still accept. */
async function toFileData(target: Target, part: Fields): Promise<FileData> {
  switch (part["type"]) {
    case "file":
      return fromTagged(target, asFields(part["data"]));
    case "file-data":
    case "image-data":
    case "media":
      return store(target, part["data"]);
    case "file-url":
    case "image-url":
      return { type: "url", url: String(part["url"]) };
    default:
      throw unsupported(target, String(part["type"]));
  }
}

async function fromTagged(target: Target, data: Fields): Promise<FileData> {
  switch (data["type"]) {
    case "data":
      return store(target, data["data"]);
    case "url":
      return { type: "url", url: String(data["url"]) };
    case "text":
      return { type: "text", text: String(data["text"]) };
    default:
      throw unsupported(target, `file data of type ${JSON.stringify(data["type"])}`);
  }
}

async function store({ tool, blobs }: Target, data: unknown): Promise<FileData> {
  if (blobs === undefined) {
    throw new Error(`${tool} returned a file, and there is no place for its bytes: give \`blobs\` to fromAiSdkTool`);
  }
  const bytes = toBytes(data);
  return { type: "blob", hash: await blobs.put(bytes), bytes: bytes.length };
}

function toBytes(data: unknown): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "base64");
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new Error("a file's data must be base64 text, a Uint8Array or an ArrayBuffer");
}

function unsupported({ tool }: Target, kind: string): Error {
  return new Error(
    `toModelOutput of ${tool} returned ${kind}, which only one provider can read: return the bytes or a URL instead`,
  );
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function toPlain(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value) ?? "null") as JsonValue;
}
