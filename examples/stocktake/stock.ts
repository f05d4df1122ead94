/** What the script knows: the results of the tools in the conversation so far, and what follows from them. */
import type { Message } from "executus";

type ToolMessage = Extract<Message, { role: "tool" }>;

export interface Result {
  readonly tool: string;
  /** The arguments it was called with. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: ToolMessage["content"][number]["output"];
}

export interface Finding {
  readonly sku: string;
  readonly expected: number;
  readonly counted: number;
  readonly difference: number;
  /** Euros; undefined without a price. */
  readonly value: number | undefined;
}

export interface Note {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export function resultsOf(messages: readonly Message[]): readonly Result[] {
  const inputs = new Map<string, Result["input"]>();
  const results: Result[] = [];
  for (const message of messages) {
    for (const part of message.content) {
      if (part.type === "tool-call") inputs.set(part.toolCallId, part.input as Result["input"]);
      if (part.type !== "tool-result") continue;
      results.push({ tool: part.toolName, input: inputs.get(part.toolCallId) ?? {}, output: part.output });
    }
  }
  return results;
}

/** Paths that list_files found below a folder, or right at the top. */
export function listed(results: readonly Result[], folder: string): readonly string[] {
  const output = results.find(({ tool }) => tool === "list_files")?.output;
  const { files = [] } = (output?.type === "json" ? output.value : {}) as { files?: readonly { path: string }[] };
  return files.map(({ path }) => path).filter((path) => (folder === "" ? !path.includes("/") : path.startsWith(`${folder}/`)));
}

/** What read_file gave for a path, last time. */
export function contentOf(results: readonly Result[], path: string): string {
  const output = results.findLast(({ tool, input }) => tool === "read_file" && input["path"] === path)?.output;
  return output?.type === "text" ? output.value : "";
}

export function notesOn(results: readonly Result[], sku: string): readonly Note[] {
  const output = results.findLast(({ tool, input }) => tool === "search_files" && input["text"] === sku)?.output;
  return output?.type === "json" ? ((output.value as { matches?: readonly Note[] }).matches ?? []) : [];
}

/** Articles that do not add up, or that have no price. */
export function findingsOf(results: readonly Result[]): readonly Finding[] {
  const prices = sums(results, ["prices.csv"], "price_eur");
  const opening = sums(results, ["opening.csv"], "quantity");
  const delivered = sums(results, listed(results, "deliveries"), "quantity");
  const sold = sums(results, ["sales.csv"], "quantity");
  const counts = sums(results, listed(results, "counts"), "counted");
  const skus = new Set([...prices.keys(), ...opening.keys(), ...delivered.keys(), ...sold.keys(), ...counts.keys()]);
  const all = [...skus].map((sku) => {
    const expected = (opening.get(sku) ?? 0) + (delivered.get(sku) ?? 0) - (sold.get(sku) ?? 0);
    const counted = counts.get(sku) ?? 0;
    const price = prices.get(sku);
    const difference = counted - expected;
    return { sku, expected, counted, difference, value: price === undefined ? undefined : difference * price };
  });
  return all.filter(({ difference, value }) => difference !== 0 || value === undefined);
}

/** What the notes say about a finding, in a few words. */
export function readingOf(finding: Finding, notes: readonly Note[]): string {
  const places = notes.map(({ path, line }) => `${path}:${line}`).join(" and ");
  const authors = new Set(notes.map(({ path }) => path)).size;
  const price = finding.value === undefined ? "no price on the list; " : "";
  if (authors === 0) return `${price}no note explains it: count again`;
  if (authors === 1) return `${price}see ${places}`;
  return `${price}the notes differ: ask about ${places}`;
}

function sums(results: readonly Result[], paths: readonly string[], column: string): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const path of paths) {
    const [header = "", ...rows] = contentOf(results, path).split("\n");
    const index = header.split(",").indexOf(column);
    for (const row of rows) {
      const cells = row.split(",");
      const sku = cells[0] ?? "";
      totals.set(sku, (totals.get(sku) ?? 0) + Number(cells[index] ?? 0));
    }
  }
  return totals;
}
