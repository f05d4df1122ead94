/** A copy of a living store, as of one moment. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { ExecutusError } from "../../kernel/errors.ts";
import { checkStore, type StoreReport } from "./sqlite-check.ts";
import { openReader } from "./sqlite-connection.ts";
import { damaged, toStoreError } from "./sqlite-errors.ts";

/** All pages in one go: a copy made in parts starts again whenever another process writes. */
const ALL_PAGES = 0x7fff_ffff;

/**
 * Copy the store in `file` to the new file `target`, while others use it, and check the copy. Blobs are files of their own:
 * copy their folder after this.
 *
 * Rejects with ExecutusError: `store_unavailable` (no such store; the target cannot be written), `request_invalid` (the target is
 * there already), `store_damaged` (the copy is not sound, because the store is not; nothing is left at `target`).
 *
 * @example
 * await backupStore(".executus/executus.db", "backup/monday.db");
 */
export async function backupStore(file: string, target: string): Promise<StoreReport> {
  const from = resolve(file);
  const to = resolve(target);
  if (existsSync(to)) throw targetExists(to);
  const partial = `${to}.${process.pid}.partial`;
  try {
    await copy(from, partial);
    const report = await checkStore(partial);
    const [problem] = report.problems;
    if (problem !== undefined)
      throw damaged(from, new Error(`the copy has ${report.problems.length} problems: ${problem.message}`));
    settle(partial, to);
    return report;
  } catch (error) {
    throw toStoreError(error, to);
  } finally {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(partial + suffix, { force: true });
  }
}

async function copy(from: string, partial: string): Promise<void> {
  const source = openReader(from);
  try {
    mkdirSync(dirname(partial), { recursive: true });
    await backup(source, partial, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
  // Opened once for writing, so that the copy is one file and needs no log to be read.
  const db = new DatabaseSync(partial);
  db.exec("PRAGMA journal_mode = DELETE");
  db.close();
}

/** The name appears when the copy is whole and on disk, and never over another file. */
function settle(partial: string, to: string): void {
  flush(partial);
  if (existsSync(to)) throw targetExists(to);
  renameSync(partial, to);
  if (process.platform !== "win32") flush(dirname(to));
}

function flush(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function targetExists(file: string): ExecutusError {
  return new ExecutusError("request_invalid", `${file} is there already: a backup never overwrites a file`, {
    file,
    hint: "Name a file that is not there yet.",
  });
}
