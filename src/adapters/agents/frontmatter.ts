/** Splits a Markdown file into its frontmatter, with the line of every key, and its body. */
import type { Document, LineCounter, Node, Pair, YAMLError, YAMLMap } from "yaml";
import { ExecutusError } from "../../kernel/errors.ts";

/** One key of the frontmatter. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
  /** 1-based line in the file. */
  readonly line: number;
  /** The keys below it, when its value is a map. */
  readonly entries?: readonly Entry[];
}

export interface Frontmatter {
  readonly entries: readonly Entry[];
  readonly body: string;
}

/** More than any hand-written file has; aliases of aliases are how a small file becomes a huge one. */
const MOST_ALIASES = 50;

/** Rejects with `agent_invalid`, naming file and line. A file without frontmatter is all body. */
export async function parseFrontmatter(file: string, text: string): Promise<Frontmatter> {
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
  const entries = await parseYaml(file, lines.slice(1, end).join("\n"));
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

async function parseYaml(file: string, text: string): Promise<readonly Entry[]> {
  const { parseDocument, LineCounter, isMap, isScalar } = await import("yaml");
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
    const line = lineOf(pair.key, counter);
    const value = pair.value === null ? null : toValue(file, line, { node: pair.value, document });
    return { key, value, line, ...(isMap(pair.value) ? { entries: read(pair.value) } : {}) };
  };
  return read(root);
}

function toValue(file: string, line: number, of: { readonly node: Node; readonly document: Document.Parsed }): unknown {
  try {
    return of.node.toJS(of.document, { maxAliasCount: MOST_ALIASES });
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
