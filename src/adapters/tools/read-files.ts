/** Looking at files: listing, reading, searching. Bounded, so that no file fills a conversation. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ConfinedFolder, fileProblem, RESERVED_FOLDER } from "./confined-folder.ts";
import { openInside } from "./open-inside.ts";

const MOST_FILES = 1_000;
const MOST_LINES = 2_000;
const MOST_CHARACTERS = 60_000;
const LONGEST_LINE = 2_000;
const MOST_MATCHES = 100;
const LONGEST_MATCH = 300;
const LARGEST_FILE = 20 * 1024 * 1024;

/** Large, and not what an agent is asked about. */
const SKIPPED_FOLDERS = [RESERVED_FOLDER, ".git", "node_modules"];

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
}

export interface FileList {
  readonly files: readonly ListedFile[];
  /** There are more than are listed. */
  readonly cut?: true;
}

export async function listFiles(folder: ConfinedFolder, within: string, signal: AbortSignal): Promise<FileList> {
  const files: ListedFile[] = [];
  for await (const { path, bytes } of walk(folder, await folder.existing(within))) {
    signal.throwIfAborted();
    if (files.length === MOST_FILES) return { files, cut: true };
    files.push({ path, bytes });
  }
  return { files };
}

export async function readLines(folder: ConfinedFolder, path: string, offset: number, limit: number): Promise<string> {
  const text = await readText(path, await folder.existing(path));
  if (text === "") return `[${path} is empty]`;
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (offset > lines.length) throw new Error(`${path}: has ${lines.length} lines, so there is nothing from line ${offset} on`);
  const shown: string[] = [];
  let characters = 0;
  for (const line of lines.slice(offset - 1, offset - 1 + Math.min(limit, MOST_LINES))) {
    const kept = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} [line cut]` : line;
    if (shown.length > 0 && characters + kept.length > MOST_CHARACTERS) break;
    characters += kept.length + 1;
    shown.push(kept);
  }
  const last = offset - 1 + shown.length;
  const note = last < lines.length ? [`[lines ${offset}-${last} of ${lines.length}; go on with offset ${last + 1}]`] : [];
  return [...shown, ...note].join("\n");
}

export interface Match {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export interface SearchResult {
  readonly matches: readonly Match[];
  /** There are more matches than are shown. */
  readonly cut?: true;
  /** Files that were not searched: too large, not text, not readable. */
  readonly skipped?: readonly string[];
}

export interface SearchQuery {
  readonly text: string;
  readonly within: string;
  readonly ignoreCase: boolean;
}

export async function searchFiles(folder: ConfinedFolder, query: SearchQuery, signal: AbortSignal): Promise<SearchResult> {
  const matches: Match[] = [];
  const skipped: string[] = [];
  const result = (): SearchResult => ({
    matches: matches.slice(0, MOST_MATCHES),
    ...(matches.length > MOST_MATCHES ? { cut: true } : {}),
    ...(skipped.length > 0 ? { skipped } : {}),
  });
  for await (const { path, real } of walk(folder, await folder.existing(query.within))) {
    signal.throwIfAborted();
    const text = await readText(path, real).catch(() => undefined);
    if (text === undefined) skipped.push(path);
    else matches.push(...matchesIn(path, text, query));
    if (matches.length > MOST_MATCHES) return result();
  }
  return result();
}

function matchesIn(path: string, text: string, { text: wanted, ignoreCase }: SearchQuery): Match[] {
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  const needle = fold(wanted);
  const found: Match[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const at = fold(line).indexOf(needle);
    if (at < 0) continue;
    const start = Math.max(0, at - LONGEST_MATCH / 2);
    found.push({ path, line: index + 1, text: line.slice(start, start + LONGEST_MATCH) });
    if (found.length > MOST_MATCHES) break;
  }
  return found;
}

/** Rejects for what is no text of a bearable size. */
async function readText(path: string, real: string): Promise<string> {
  const bytes = await readBounded(path, real).catch((error: unknown) => fileProblem(path, error));
  if (bytes.subarray(0, 8_192).includes(0)) throw new Error(`${path}: is not a text file`);
  return new TextDecoder().decode(bytes);
}

async function readBounded(path: string, real: string): Promise<Buffer> {
  await using handle = await openInside(real, "read");
  const { size } = await handle.stat();
  if (size > LARGEST_FILE) throw new Error(`${path}: has ${size} bytes, and at most ${LARGEST_FILE} can be read`);
  return handle.readFile();
}

interface WalkedFile extends ListedFile {
  readonly real: string;
}

/** All files below, by name; links are followed to files, not into folders, and never out. */
async function* walk(folder: ConfinedFolder, start: string): AsyncGenerator<WalkedFile> {
  const stats = await stat(start);
  if (stats.isFile()) yield { path: folder.nameOf(start), real: start, bytes: stats.size };
  if (!stats.isDirectory()) return;
  const entries = await readdir(start, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(start, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.includes(entry.name)) yield* walk(folder, path);
      continue;
    }
    const file = await fileAt(folder, path);
    if (file !== undefined) yield file;
  }
}

async function fileAt(folder: ConfinedFolder, path: string): Promise<WalkedFile | undefined> {
  const name = folder.nameOf(path);
  try {
    const real = await folder.existing(name);
    const stats = await stat(await realpath(real));
    return stats.isFile() ? { path: name, real, bytes: stats.size } : undefined;
  } catch {
    // Gone since it was listed, or a link that leads out: not there as far as the model is concerned.
    return undefined;
  }
}
