/** Reads and checks one value of an agent, as its shape says. */
import { nearest } from "../../kernel/errors.ts";
import type { Entry } from "./frontmatter.ts";
import type { Form, Part, Shape } from "./shapes.ts";

/** How the caller speaks: file and line, or agent and path. */
export interface Reading {
  readonly form: Form;
  /** The error for a value that cannot be used. */
  fail(entry: Entry, problem: string, hint: string): Error;
  /** A key that is not known: throws, or says so and goes on. */
  unknown(entry: Entry, near: string | undefined, known: readonly string[]): void;
}

export function readValue(reading: Reading, shape: Shape, entry: Entry): unknown {
  switch (shape.is) {
    case "text":
      return readText(reading, entry, shape.empty === true);
    case "number":
      return readNumber(reading, entry);
    case "time":
      return reading.form === "code" ? readNumber(reading, entry) : readTime(reading, entry);
    case "flag":
      if (typeof entry.value === "boolean") return entry.value;
      throw reading.fail(entry, shown(entry), "Write true or false.");
    case "choice":
      if (shape.of.includes(entry.value as string)) return entry.value;
      throw reading.fail(entry, shown(entry), `Use one of ${shape.of.join(", ")}.`);
    case "names":
      return readNames(reading, entry);
    case "tools":
      return reading.form === "front" ? readNames(reading, entry) : entry.value;
    case "list":
      return shape.orOne === true && entry.items === undefined
        ? readValue(reading, shape.of, entry)
        : readList(reading, shape, entry);
    case "object":
      return readObject(reading, shape.fields, entry);
    case "map":
      return readMap(reading, shape.of, entry);
    case "block":
      return readBlock(reading, entry);
    case "special":
      return entry.value;
  }
}

/** `` `key` is VALUE``. */
export function shown({ key, path = key, value }: Entry): string {
  return `\`${path}\` is ${typeof value === "number" ? value : JSON.stringify(value)}`;
}

function readText(reading: Reading, entry: Entry, mayBeEmpty: boolean): string | undefined {
  const { value } = entry;
  const isFront = reading.form === "front";
  if (typeof value === "string" && (isFront || value !== "")) {
    const text = isFront ? value.trim() : value;
    if (text !== "") return text;
  }
  if (isFront && mayBeEmpty && (value === null || value === "")) return undefined;
  throw reading.fail(entry, shown(entry), isFront ? "Write text, in quotes if need be." : "Use text, or leave it out.");
}

function readNumber(reading: Reading, entry: Entry): number {
  const { value } = entry;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  const hint = reading.form === "front" ? "Write a number." : "Use a number; 0 means the default, Infinity no limit.";
  throw reading.fail(entry, shown(entry), hint);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readTime(reading: Reading, entry: Entry): number {
  const { value } = entry;
  if (value === Infinity) return value;
  if (typeof value === "string" && /^(\d+(\.\d+)?(ms|[smhd]))+$/.test(value)) {
    const parts = value.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g);
    return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ""] ?? 0), 0);
  }
  throw reading.fail(entry, shown(entry), "Write a time with its unit: 90s, 10m, 1h30m.");
}

/** A list; in a file also one text with commas between the names. Commas in parentheses belong to the name. */
export function readNames(reading: Reading, entry: Entry): readonly string[] {
  const { value } = entry;
  const isFront = reading.form === "front";
  if (isFront && value === null) return [];
  const names = isFront && typeof value === "string" ? value.split(/,(?![^(]*\))/) : value;
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    const { key, path = key } = entry;
    const hint = isFront ? "Write `tools: read_file, search_files` or one name per line." : "Use an array of names.";
    throw reading.fail(entry, `\`${path}\` is not a list of names`, hint);
  }
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

function readList(reading: Reading, shape: Extract<Shape, { is: "list" }>, entry: Entry): readonly unknown[] {
  const { key, path = key, items } = entry;
  if (items === undefined)
    throw reading.fail(entry, `\`${path}\` is not a list`, "Write one item per line, each after a hyphen.");
  return items.map((item) => readValue(reading, shape.of, item));
}

function readObject(reading: Reading, parts: readonly Part[], entry: Entry): Readonly<Record<string, unknown>> {
  const { key, path = key, entries } = entry;
  const nameOf = (part: Part): string => (reading.form === "front" ? (part.front ?? part.key) : part.key);
  if (entries === undefined) throw reading.fail(entry, `\`${path}\` is not a block`, "Write its fields below it, indented.");
  const values: Record<string, unknown> = {};
  for (const child of entries) {
    const part = parts.find((candidate) => nameOf(candidate) === child.key);
    if (part === undefined) tellUnknown(reading, child, parts.map(nameOf));
    else if (child.value !== undefined) values[part.key] = readValue(reading, part.shape, child);
  }
  const missing = parts.find((part) => part.required === true && values[part.key] === undefined);
  if (missing !== undefined) throw reading.fail(entry, `\`${path}\` has no \`${nameOf(missing)}\``, missing.about);
  return values;
}

function readMap(reading: Reading, of: Shape, entry: Entry): Readonly<Record<string, unknown>> {
  const { key, path = key, entries } = entry;
  if (entries === undefined)
    throw reading.fail(entry, `\`${path}\` is not a block`, "Write one entry per line below it, indented.");
  return Object.fromEntries(entries.map((child) => [child.key, readValue(reading, of, child)]));
}

function readBlock(reading: Reading, entry: Entry): unknown {
  const { key, path = key, value } = entry;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw reading.fail(entry, `\`${path}\` is not a block`, "Write its fields below it, indented.");
}

export function tellUnknown(reading: Reading, entry: Entry, known: readonly string[]): void {
  reading.unknown(entry, nearest(entry.key, known), known);
}
