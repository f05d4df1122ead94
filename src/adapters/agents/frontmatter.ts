/** Splits a Markdown file into its frontmatter, with the line of every key, and its body. */
import type { Document, LineCounter, Node, Pair, YAMLError, YAMLMap } from "yaml";
import { ExecutusError } from "../../kernel/errors.ts";

/** One key of the frontmatter. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
  /** 1-based line in the file. */
  readonly line: number;
  /** Where it is in a definition in code: `limits.timeMs`. */
  readonly path?: string;
  /** The keys below it, when its value is a map. */
  readonly entries?: readonly Entry[];
  /** The items, when its value is a list; their keys are its own. */
  readonly items?: readonly Entry[];
}

export interface Frontmatter {
  readonly entries: readonly Entry[];
  readonly body: string;
}

/** More than any hand-written file has; aliases of aliases are how a small file becomes a huge one. */
const MOST_ALIASES = 50;

export interface FrontmatterOptions {
  /** Take `key: text: with colons` as text, as other programs do, and say so here. */
  readonly onLooseText?: (line: number) => void;
}

/** Rejects with `agent_invalid`, naming file and line. A file without frontmatter is all body. */
export async function parseFrontmatter(file: string, text: string, options: FrontmatterOptions = {}): Promise<Frontmatter> {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const first = lines[0] ?? "";
  if (!first.startsWith("---")) return { entries: [], body: lines.join("\n") };
  if (first.trimEnd() !== "---") {
    throw at(
      file,
      1,
      `the frontmatter begins with ${JSON.stringify(first)}`,
      "Only YAML is read: begin it with a line `---` and nothing else.",
    );
  }
  const end = lines.findIndex((line, i) => i > 0 && line.trimEnd() === "---");
  if (end < 0) throw at(file, 1, "the frontmatter is not closed", "End it with a line `---`.");
  const entries = await parseLines(file, lines.slice(1, end), options);
  return {
    entries,
    body: lines
      .slice(end + 1)
      .join("\n")
      .trim(),
  };
}

/** `agent_invalid` at a line of a file. */
export function at(file: string, line: number, problem: string, hint: string): ExecutusError {
  return new ExecutusError("agent_invalid", `${file}:${line}: ${problem}.`, { file, hint });
}

/** A line `key: text` that YAML does not take as text, read as if it were in quotes. */
const LOOSE = /^([A-Za-z][\w-]*): +([^"'\s[{&*!|>%@`#].*)$/;

async function parseLines(
  file: string,
  lines: readonly string[],
  { onLooseText }: FrontmatterOptions,
): Promise<readonly Entry[]> {
  if (onLooseText === undefined) return parseYaml(file, lines.join("\n"));
  try {
    return await parseYaml(file, lines.join("\n"));
  } catch (error) {
    const loose = lines.flatMap((line, i) => (/^[A-Za-z][\w-]*: .*:(\s|$)/.test(line) && LOOSE.test(line) ? [i] : []));
    if (loose.length === 0) throw error;
    const quoted = lines.map((line, i) => (loose.includes(i) ? line.replace(LOOSE, quote) : line));
    const entries = await parseYaml(file, quoted.join("\n"));
    for (const i of loose) onLooseText(i + 2);
    return entries;
  }
}

function quote(_line: string, key: string, text: string): string {
  return `${key}: ${JSON.stringify(text)}`;
}

async function parseYaml(file: string, text: string): Promise<readonly Entry[]> {
  const { parseDocument, LineCounter, isMap, isScalar, isSeq } = await import("yaml");
  const counter = new LineCounter();
  const document = parseDocument(text, { schema: "core", customTags: [], lineCounter: counter, stringKeys: true });
  // An unknown tag is only a warning to the parser.
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw yamlProblem(file, problem);
  const root = document.contents;
  if (root === null) return [];
  if (!isMap(root)) throw at(file, 2, "the frontmatter is not a list of `key: value`", "Write one field per line.");
  const read = (map: YAMLMap): readonly Entry[] => map.items.map((pair) => toEntry(pair as Pair<Node, Node | null>));
  const toEntry = (pair: Pair<Node, Node | null>): Entry => {
    const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    return entryOf(key, lineOf(pair.key, counter), pair.value);
  };
  const entryOf = (key: string, line: number, node: Node | null): Entry => {
    const value = node === null ? null : toValue(file, line, { node, document });
    if (isMap(node)) return { key, value, line, entries: read(node) };
    if (!isSeq(node)) return { key, value, line };
    return { key, value, line, items: node.items.map((item) => entryOf(key, lineOf(item as Node, counter), item as Node)) };
  };
  return read(root);
}

function toValue(file: string, line: number, of: { readonly node: Node; readonly document: Document.Parsed }): unknown {
  try {
    const value: unknown = of.node.toJS(of.document, { maxAliasCount: MOST_ALIASES });
    // An alias of what it is in makes a circle, which nothing that reads the value would come out of.
    JSON.stringify(value);
    return value;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw at(file, line, `the YAML cannot be read: ${reason}`, "Write the value out instead of using aliases.");
  }
}

/** The frontmatter's first line is the second of the file. */
function lineOf(node: Node, counter: LineCounter): number {
  return counter.linePos(node.range?.[0] ?? 0).line + 1;
}

function yamlProblem(file: string, error: YAMLError): ExecutusError {
  const line = (error.linePos?.[0].line ?? 1) + 1;
  const reason = (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
  const colon = error.code === "BLOCK_AS_IMPLICIT_KEY";
  const hint = colon ? "Put the value in quotes: a colon in it makes YAML read a second key." : "Correct the YAML at that line.";
  return at(file, line, `the frontmatter is not YAML: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`, hint);
}
