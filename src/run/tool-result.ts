/** From what a tool returned to what the model is told. */
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonValue } from "../ports/json.ts";
import type { BlobReference, ToolOutput } from "../ports/messages.ts";
import { spilledId } from "../kernel/file-tool.ts";
import type { CallState } from "../kernel/state.ts";
import type { Redaction } from "./redaction.ts";
import type { Tool } from "../ports/tools.ts";
import { toJson } from "./json.ts";

/** Larger results go to the blob store, in bytes of UTF-8 (DESIGN section 6), unless the tool sets a lower bound. */
const SPILL_BYTES = 256 * 1024;

/** What the model gets of a spilled result, in characters; less when the tool's own bound is less. */
const HEAD_CHARACTERS = 16 * 1024;

/** More than any tool's own bound for what stays in the journal. */
const PART_CHARACTERS = 2 ** 21;
const HIGH_SURROGATE = /[\uD800-\uDBFF]/;
const encoder = new TextEncoder();

export interface EncodedResult {
  readonly outcome: "ok" | "error";
  readonly output: ToolOutput;
  readonly spilled?: BlobReference;
  readonly spilledParts?: readonly BlobReference[];
}

export interface Recording {
  readonly tool: Tool;
  readonly input: unknown;
  readonly call: Pick<CallState, "id" | "toolCallId">;
  /** Files that the thread had before this run. */
  readonly filesBefore?: number | undefined;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly redaction: Redaction | undefined;
  /** Rejects when it takes too long. Default: it may take as long as it likes. */
  readonly inTime?: (saying: () => ToolOutput | PromiseLike<ToolOutput>) => Promise<ToolOutput>;
}

/** At once where nothing has to be stored or asked; throws or rejects. */
export function encodeResult(result: unknown, call: Recording): EncodedResult | Promise<EncodedResult> {
  const place: Place = { ...call, bytes: Math.min(call.tool.outputBytes ?? SPILL_BYTES, SPILL_BYTES) };
  const say = call.tool.toOutput?.bind(call.tool);
  if (say !== undefined) return encodeAsToolSays(() => say(result, call.input, call.call.toolCallId), call, place);
  if (typeof result === "string") return spillIfLarge({ outcome: "ok", output: { type: "text", value: result } }, place);
  if (result === undefined) return { outcome: "ok", output: { type: "text", value: "" } };
  const json = toJson(result);
  if (!json.ok) return notJson(call.tool, json.problem);
  return spillIfLarge({ outcome: "ok", output: { type: "json", value: json.value } }, place);
}

async function encodeAsToolSays(
  saying: () => ToolOutput | PromiseLike<ToolOutput>,
  { inTime }: Recording,
  place: Place,
): Promise<EncodedResult> {
  const output = await (inTime === undefined ? saying() : inTime(saying));
  return spillIfLarge({ outcome: isError(output) ? "error" : "ok", output }, place);
}

function notJson(tool: Tool, problem: string): EncodedResult {
  const value = `${tool.name} ran, but its result cannot be recorded as JSON: ${problem}. Do not call it again for this; tell whoever maintains the tool.`;
  return { outcome: "error", output: { type: "error-text", value } };
}

/** Where a large result goes, and when it is one. */
interface Place {
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly call: Pick<CallState, "id">;
  readonly filesBefore?: number | undefined;
  readonly redaction: Redaction | undefined;
  readonly bytes: number;
  /** Which of the long parts of a result that is made of parts. */
  readonly part?: number;
}

function spillIfLarge(given: EncodedResult, place: Place): EncodedResult | Promise<EncodedResult> {
  const encoded = place.redaction === undefined ? given : place.redaction.data(given);
  const { output } = encoded;
  if (output.type === "content") return withShortParts(encoded, output, place);
  const text = textOf(output.value);
  // A character is at most 3 bytes of UTF-8, so most results need no second look.
  if (text.length * 3 <= place.bytes) return encoded;
  if (text.length > PART_CHARACTERS)
    return encodeInParts(text, place.clock).then((bytes) => spill(encoded, place, { text, bytes }));
  const bytes = encoder.encode(text);
  return bytes.length <= place.bytes ? encoded : spill(encoded, place, { text, bytes });
}

/** A result of many megabytes does not hold up the event loop while it becomes bytes. */
async function encodeInParts(text: string, clock: Clock): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < text.length;) {
    const end = from + PART_CHARACTERS;
    // The two halves of a character stay together.
    const to = HIGH_SURROGATE.test(text.charAt(end - 1)) ? end + 1 : end;
    parts.push(encoder.encode(text.slice(from, to)));
    from = to;
    await clock.yield();
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function withShortParts(
  encoded: EncodedResult,
  output: ToolOutput & { type: "content" },
  place: Place,
): Promise<EncodedResult> {
  return { ...encoded, ...(await shortenParts(output, place)) };
}

async function spill(
  encoded: EncodedResult,
  place: Place,
  { text, bytes }: { readonly text: string; readonly bytes: Uint8Array },
): Promise<EncodedResult> {
  const { output } = encoded;
  const spilled: BlobReference = { type: "blob", hash: await place.blobs.put(bytes), bytes: bytes.length };
  const value = headOf(text, spilled, place);
  return { ...encoded, output: { type: isError(output) ? "error-text" : "text", value }, spilled };
}

async function shortenParts(
  output: ToolOutput & { type: "content" },
  place: Place,
): Promise<Pick<EncodedResult, "output" | "spilledParts">> {
  const value = [];
  const spilledParts: BlobReference[] = [];
  for (const part of output.value) {
    if (part.type !== "text") {
      value.push(part);
      continue;
    }
    const whole: EncodedResult = { outcome: "ok", output: { type: "text", value: part.text } };
    const short = await spillIfLarge(whole, { ...place, part: spilledParts.length });
    if (short.spilled !== undefined) spilledParts.push(short.spilled);
    value.push(short.output.type === "text" ? { ...part, text: short.output.value } : part);
  }
  return { output: { type: "content", value }, ...(spilledParts.length === 0 ? {} : { spilledParts }) };
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isError(output: ToolOutput): boolean {
  return output.type === "error-text" || output.type === "error-json";
}

function headOf(text: string, reference: BlobReference, { call, bytes, part, filesBefore }: Place): string {
  const head = text.slice(0, Math.min(HEAD_CHARACTERS, bytes));
  const file = spilledId(call.id, { index: part, filesBefore });
  const rest = `read on with read_attachment, file ${file}, offset ${head.length}`;
  return `${head}\n[cut here: the whole result has ${reference.bytes} bytes; ${rest}]`;
}

/** What the model is told when a tool threw. */
export function encodeError(error: unknown): ToolOutput {
  const message = error instanceof Error ? error.message : String(error);
  return { type: "error-text", value: message === "" ? "The tool failed without a message." : message.slice(0, HEAD_CHARACTERS) };
}
