/** The command lines that we print: they work as they stand, pasted into the same shell. */
import { basename, relative } from "node:path";

export const DEFAULT_DB = ".executus/executus.db";

/** How this program was called, so that what we print can be called the same way. */
export function programName(): string {
  const script = process.argv[1] ?? "executus";
  if (script.endsWith(".ts")) {
    // Inside an npm script the package's own Node comes first in the path; outside, only npx knows it.
    const node = process.env["npm_lifecycle_event"] === undefined ? "node" : "npx node";
    return `${node} --conditions=executus-source ${quote(relative(process.cwd(), script))}`;
  }
  if (process.env["npm_command"] === "exec") return "npx executus";
  return basename(script) === "main.js" ? `node ${quote(relative(process.cwd(), script))}` : "executus";
}

/** A command of ours, with the store named where it is not the default one. */
export function commandLine(words: readonly string[], db: string = DEFAULT_DB): string {
  return [programName(), ...words.map(quote), ...storeOption(db)].join(" ");
}

const OURS =
  /\bexecutus (ls(?: --all)?|store check|(?:show|tail|resume|steer|cancel|kill|resolve|extend|plan|adopt|pin) (?:--all|[A-Za-z0-9_:.-]*[A-Za-z0-9_]))/g;

/** Adapters say `executus show RUN`; here is where it becomes the line that works. */
export function adaptHint(hint: string, db: string = DEFAULT_DB): string {
  return hint.replaceAll(OURS, (match, words: string, offset: number) => {
    const isComplete = hint.startsWith(" --db", offset + match.length);
    return [programName(), words, ...(isComplete ? [] : storeOption(db))].join(" ");
  });
}

function storeOption(db: string): readonly string[] {
  return db === DEFAULT_DB ? [] : ["--db", quote(db)];
}

export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
