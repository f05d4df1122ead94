/** Making room: finished runs that are old enough go, windows of budgets that are, and blobs that nothing refers to. */
import type { StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { Blobs } from "../../ports/blobs.ts";
import { FINAL_STATUSES } from "../../kernel/status.ts";
import { possibleBlobsIn } from "./blob-references.ts";
import { openReader } from "./sqlite-connection.ts";
import { toStoreError } from "./sqlite-errors.ts";
import type { SqliteStore } from "./sqlite.ts";

export interface PruneOptions {
  /** Runs whose last event is older go, and calendar windows of budgets that ended before; ms since the epoch. */
  readonly finishedBefore: number;
  /** The blobs of this store: those that no run refers to any more are collected. Left out: blobs stay. */
  readonly blobs?: Blobs;
  /** Younger blobs stay: the commit that names them may be under way. Default one day, ms. */
  readonly blobGraceMs?: number;
}

export interface PruneReport {
  readonly runs: number;
  readonly blobs: number;
  /** Calendar windows of budgets. */
  readonly windows: number;
}

const DAY_MS = 86_400_000;
const SCAN_AT_ONCE = 500;

/**
 * Remove finished runs whose last event is older than `finishedBefore`, what budgets counted in windows that ended before it, then
 * unreferenced blobs, and give the space back. Unfinished runs always stay. May be run beside living processes.
 *
 * @example
 * await pruneStore(store, { finishedBefore: Date.now() - 30 * 86_400_000, blobs });
 */
export async function pruneStore(store: SqliteStore, options: PruneOptions): Promise<PruneReport> {
  const { finishedBefore, blobs, blobGraceMs = DAY_MS } = options;
  const rows = await store.runs.list({ status: FINAL_STATUSES, limit: Infinity });
  const old = rows.filter((row) => row.updatedAt < finishedBefore).map((row) => row.run);
  const runs = await store.runs.remove(old);
  const windows = await store.forgetWindows(finishedBefore);
  const collected = blobs === undefined ? 0 : await blobs.collect(await possibleReferences(store.file), blobGraceMs);
  await store.compact();
  return { runs, blobs: collected, windows };
}

/** Read from the text of every record, sound or not: the blobs of a damaged run are still wanted when it is restored. */
async function possibleReferences(file: string): Promise<ReadonlySet<string>> {
  const db = openReader(file);
  const found = new Set<string>();
  try {
    db.exec("BEGIN");
    await scan(db.prepare("SELECT body FROM events"), found);
    await scan(db.prepare("SELECT body FROM inbox WHERE body IS NOT NULL"), found);
    return found;
  } catch (error) {
    throw toStoreError(error, file);
  } finally {
    db.close();
  }
}

async function scan(bodies: StatementSync, into: Set<string>): Promise<void> {
  let scanned = 0;
  for (const row of bodies.iterate()) {
    for (const hash of possibleBlobsIn(String(row["body"]))) into.add(hash);
    if (++scanned % SCAN_AT_ONCE === 0) await setImmediate();
  }
}
