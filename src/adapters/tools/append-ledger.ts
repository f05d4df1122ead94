/**
 * Appending exactly once, honestly: before a block is appended, a record of it (key, file, offset, digest) is flushed to a
 * ledger beside the files. After a crash the record and the file together tell what happened:
 *
 * - no record: the append never began;
 * - the file still ends where the block was to begin: not done;
 * - the block is there, and nobody else recorded one at that place: done;
 * - anything else (torn, file replaced, other writers): unknown, and that is said.
 */
import { createHash } from "node:crypto";
import { mkdir, open, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UnknownOutcomeError } from "../../kernel/unknown-outcome.ts";
import { codeOf, RESERVED_FOLDER, syncFolder } from "./confined-folder.ts";
import { NotThatFile, openInside } from "./open-inside.ts";

export interface AppendedBlock {
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
}

interface LedgerRecord extends AppendedBlock {
  readonly key: string;
  /** As the model knows it. */
  readonly path: string;
  /** Digest of what the file ended with: tells whether it still is the same file. */
  readonly before: string;
}

export interface Place {
  /** Real path of the folder that holds the ledger. */
  readonly root: string;
  /** Real path of the file. */
  readonly file: string;
  /** The file as the model knows it. */
  readonly path: string;
}

export type AppendFound =
  | { readonly outcome: "done"; readonly block: AppendedBlock }
  | { readonly outcome: "not-done" }
  | { readonly outcome: "unknown" };

/** How much of the end of a file is remembered. */
const TAIL_BYTES = 256;

/** Append `block` for the call with this key; durable once it resolves. Callers take turns per file. */
export async function appendOnce(place: Place, key: string, block: Buffer): Promise<AppendedBlock> {
  const created = (await sizeOf(place.file)) === undefined;
  await using handle = await openInside(place.file, "append");
  if (created) await syncFolder(dirname(place.file));
  const offset = (await handle.stat()).size;
  const before = await tailDigest(place.file, offset);
  const appended: AppendedBlock = { offset, bytes: block.length, sha256: digest(block) };
  await record(place.root, { key, path: place.path, ...appended, before });
  try {
    await handle.appendFile(block);
    await handle.sync();
  } catch (error) {
    if ((await sizeOf(place.file)) === offset) throw error;
    throw new UnknownOutcomeError(`${place.path}: the append broke off (${codeOf(error) ?? String(error)})`);
  }
  return appended;
}

/** What became of the append with this key. */
export async function findAppend(place: Place, key: string): Promise<AppendFound> {
  const records = (await readLedger(place.root)).filter(({ path }) => path === place.path);
  const mine = records.filter((entry) => entry.key === key);
  if (mine.length === 0) return { outcome: "not-done" };
  const size = (await sizeOf(place.file)) ?? 0;
  const found = await Promise.all(mine.map((entry) => look(place.file, size, entry)));
  const done = found.findIndex((state) => state === "there");
  const block = mine[done];
  if (block !== undefined) {
    // Another call may have meant the same place and never got there: what lies there is then not its block.
    const rivals = records.filter((entry) => entry.key !== key && overlaps(entry, block));
    const claims = await Promise.all(rivals.map((entry) => look(place.file, size, entry)));
    return claims.includes("there") ? { outcome: "unknown" } : { outcome: "done", block };
  }
  // A call may have been tried again: the last try is the one in doubt, the earlier ones were found not done.
  return { outcome: found.at(-1) === "absent" ? "not-done" : "unknown" };
}

async function look(file: string, size: number, entry: LedgerRecord): Promise<"there" | "absent" | "unclear"> {
  if (size < entry.offset || (await tailDigest(file, entry.offset)) !== entry.before) return "unclear";
  if (size === entry.offset) return "absent";
  if (size < entry.offset + entry.bytes) return "unclear";
  return digest(await readRange(file, entry.offset, entry.bytes)) === entry.sha256 ? "there" : "unclear";
}

function overlaps(a: AppendedBlock, b: AppendedBlock): boolean {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

// --- the ledger ------------------------------------------------------------------------------------------------------

async function record(root: string, entry: LedgerRecord): Promise<void> {
  const folder = join(root, RESERVED_FOLDER);
  const created = (await mkdir(folder, { recursive: true })) !== undefined;
  if ((await realpath(folder)) !== folder) throw new NotThatFile(`${RESERVED_FOLDER} is a link`);
  await using handle = await openInside(join(folder, "appends.jsonl"), "append");
  // The newline comes first: a record torn by a crash cannot spoil the next one.
  await handle.appendFile(`\n${JSON.stringify(entry)}`);
  await handle.sync();
  await syncFolder(folder);
  if (created) await syncFolder(root);
}

async function readLedger(root: string): Promise<readonly LedgerRecord[]> {
  const file = join(root, RESERVED_FOLDER, "appends.jsonl");
  const text = await readWhole(file).catch((error: unknown) => (codeOf(error) === "ENOENT" ? "" : Promise.reject(error)));
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as LedgerRecord];
    } catch {
      // Torn: its append never began.
      return [];
    }
  });
}

async function readWhole(file: string): Promise<string> {
  await using handle = await openInside(file, "read");
  return handle.readFile("utf8");
}

// --- bytes -----------------------------------------------------------------------------------------------------------

async function sizeOf(file: string): Promise<number | undefined> {
  const stats = await stat(file).catch((error: unknown) => (codeOf(error) === "ENOENT" ? undefined : Promise.reject(error)));
  return stats?.size;
}

async function tailDigest(file: string, end: number): Promise<string> {
  const start = Math.max(0, end - TAIL_BYTES);
  return end === 0 ? digest("") : digest(await readRange(file, start, end - start));
}

async function readRange(file: string, start: number, length: number): Promise<Buffer> {
  await using handle = await open(file, "r");
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, start);
  return buffer.subarray(0, bytesRead);
}

export function digest(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
