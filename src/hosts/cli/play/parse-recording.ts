/** One line of a corpus, checked. What recorders leave out they also write as null. */
import { ExecutusError } from "../../../kernel/errors.ts";
import type { JsonValue } from "../../../ports/json.ts";
import type { RecordedCall, RecordedPart, RecordedResult, RecordedTurn, Recording } from "./recording.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Throws `corpus_invalid`; `where` names file and line. */
export function parseRecording(line: string, where: string): Recording {
  const reader = readerOf(where);
  const fields = reader.object(reader.json(line), "the line");
  const id = reader.text(fields["id"], "id") ?? "";
  if (id === "") throw reader.problem("has no id");
  const turns = reader.list(fields["turns"], "turns");
  if (turns.length === 0) throw reader.problem(`${id} has no turns`);
  return {
    id,
    ...given("system", toSystem(reader, fields["system"])),
    ...given("user", reader.text(fields["user"], "user")),
    tools: reader.list(fields["tools"], "tools").map((tool, i) => toTool(reader, tool, `tools[${i}]`)),
    turns: turns.map((turn, i) => toTurn(reader, turn, { at: `turns[${i}]`, name: `turn ${i} of ${id}` })),
  };
}

/** Some providers take it in parts. */
function toSystem(reader: Reader, value: unknown): string | undefined {
  if (!Array.isArray(value)) return reader.text(value, "system");
  return value.map((part, i) => reader.required(reader.object(part, `system[${i}]`)["text"], `system[${i}].text`)).join("\n");
}

function toTool(reader: Reader, value: unknown, at: string): Recording["tools"][number] {
  const fields = reader.object(value, at);
  const name = reader.required(fields["name"], `${at}.name`);
  return { name, ...given("description", reader.text(fields["description"], `${at}.description`)) };
}

function toTurn(reader: Reader, value: unknown, { at, name }: { readonly at: string; readonly name: string }): RecordedTurn {
  const fields = reader.object(value, at);
  const { compactionBefore, modelErrorsBefore, toolResults } = fields;
  if ((fields["assistant"] ?? undefined) === undefined) throw reader.problem(`${name} has no assistant answer`);
  const errors = reader.list(modelErrorsBefore, `${at}.modelErrorsBefore`).map((error, i) => {
    const there = `${at}.modelErrorsBefore[${i}]`;
    return given("message", reader.text(reader.object(error, there)["message"], `${there}.message`));
  });
  return {
    ...given("user", reader.text(fields["user"], `${at}.user`)),
    ...given("compactionBefore", toCompaction(reader, compactionBefore, `${at}.compactionBefore`)),
    ...(errors.length === 0 ? {} : { modelErrorsBefore: errors }),
    assistant: toAssistant(reader, fields["assistant"], `${at}.assistant`),
    toolResults: reader
      .list(toolResults, `${at}.toolResults`)
      .map((result, i) => toResult(reader, result, `${at}.toolResults[${i}]`)),
  };
}

function toCompaction(reader: Reader, value: unknown, at: string): RecordedTurn["compactionBefore"] {
  if (value === undefined || value === null) return undefined;
  return { summary: reader.required(reader.object(value, at)["summary"], `${at}.summary`) };
}

function toAssistant(reader: Reader, value: unknown, at: string): RecordedTurn["assistant"] {
  const fields = reader.object(value, at);
  const usage = fields["usage"] ?? undefined;
  return {
    text: reader.text(fields["text"], `${at}.text`) ?? "",
    ...given("reasoning", reader.text(fields["reasoning"], `${at}.reasoning`)),
    toolCalls: reader
      .list(fields["toolCalls"], `${at}.toolCalls`)
      .map((call, i) => toCall(reader, call, `${at}.toolCalls[${i}]`)),
    ...given("stopReason", reader.text(fields["stopReason"], `${at}.stopReason`)),
    ...(usage === undefined ? {} : { usage: toUsage(reader, usage, `${at}.usage`) }),
  };
}

function toUsage(reader: Reader, value: unknown, at: string): NonNullable<RecordedTurn["assistant"]["usage"]> {
  const fields = reader.object(value, at);
  const kinds = ["input", "cacheRead", "cacheWrite", "output"] as const;
  return Object.assign({}, ...kinds.map((kind) => given(kind, reader.count(fields[kind], `${at}.${kind}`))));
}

function toCall(reader: Reader, value: unknown, at: string): RecordedCall {
  const fields = reader.object(value, at);
  return {
    id: reader.required(fields["id"], `${at}.id`),
    name: reader.required(fields["name"], `${at}.name`),
    // As a journal holds it: -0 is written as 0, and what is larger than any number as null.
    input: JSON.parse(JSON.stringify(fields["input"] ?? {})) as JsonValue,
  };
}

function toResult(reader: Reader, value: unknown, at: string): RecordedResult {
  const { id, output = null, isError } = reader.object(value, at);
  const parts = Array.isArray(output) ? output.map((part, i) => toPart(reader, part, `${at}.output[${i}]`)) : undefined;
  return {
    id: reader.required(id, `${at}.id`),
    output: parts ?? reader.text(output, `${at}.output`) ?? "",
    isError: isError === true,
  };
}

function toPart(reader: Reader, value: unknown, at: string): RecordedPart {
  const { type, text, mediaType, data } = reader.object(value, at);
  if (type === "text") return { type, text: reader.text(text, `${at}.text`) ?? "" };
  if (type !== "image") return reader.refuse(`${at}.type`, type, "text or image");
  const media = reader.text(mediaType, `${at}.mediaType`);
  return { type, ...given("mediaType", media), data: reader.text(data, `${at}.data`) ?? null };
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]?: V });
}

interface Reader {
  problem(what: string): ExecutusError;
  refuse(at: string, found: unknown, wanted: string): never;
  json(line: string): unknown;
  object(value: unknown, at: string): Fields;
  /** Empty for what is not there. */
  list(value: unknown, at: string): readonly unknown[];
  text(value: unknown, at: string): string | undefined;
  count(value: unknown, at: string): number | undefined;
  required(value: unknown, at: string): string;
}

function readerOf(where: string): Reader {
  const hint = "A line is one recorded conversation: {id, user, tools, turns: [...]}";
  const reader: Reader = {
    problem: (what) => new ExecutusError("corpus_invalid", `${where}: ${what}`, { hint }),
    refuse(at, found, wanted) {
      throw reader.problem(`${at} is ${(JSON.stringify(found) ?? "missing").slice(0, 60)}, not ${wanted}`);
    },
    json(line) {
      try {
        return JSON.parse(line) as unknown;
      } catch (error) {
        throw reader.problem(`is not JSON (${(error as Error).message})`);
      }
    },
    object: (value, at) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as Fields)
        : reader.refuse(at, value, "an object"),
    list: (value, at) => (Array.isArray(value) ? value : (value ?? null) === null ? [] : reader.refuse(at, value, "a list")),
    text: (value, at) =>
      typeof value === "string" ? value : (value ?? null) === null ? undefined : reader.refuse(at, value, "a text"),
    count: (value, at) =>
      typeof value === "number" ? value : (value ?? null) === null ? undefined : reader.refuse(at, value, "a number"),
    required: (value, at) => reader.text(value, at) ?? reader.refuse(at, value ?? undefined, "a text"),
  };
  return reader;
}
