/**
 * What the store in memory lets go. A process that lives for months and keeps nothing on a disk would otherwise keep all its runs.
 *
 * T1 Only what has ended goes, the oldest first, and a tree goes whole: a parent that lives may ask for its children again.
 * T2 A run stays while a later one goes on from it, while something of it is to be delivered, and while somebody watches it.
 * T3 So does one that ended just now: whoever waited for it reads what came of it.
 */
import type { Data, MemoryRun } from "./memory-data.ts";
import { possibleBlobsIn } from "./blob-references.ts";
import { hasPending, removeDeliveries } from "./memory-outbox.ts";
import { removeFromTheEnd } from "./threads.ts";

const JUST_NOW_MS = 1_000;
/** Trees looked at for each that ends: one that has to stay is looked at again when its turn comes round. */
const LOOKS = 8;
/** Runs forgotten until their blobs are looked for. */
const FORGOTTEN_AT_ONCE = 100;
/** Younger blobs stay: the event that names them may not be there yet. */
const BLOB_GRACE_MS = 60_000;

/** A run has ended. */
export function noteEnd(data: Data, { created: { run, root } }: MemoryRun): void {
  const { retention, ended } = data;
  if (root === undefined || !data.runs.has(root)) ended.set(run, retention.now());
  for (let looks = 0; looks < LOOKS && ended.size > retention.keepEnded; looks++) {
    const [oldest] = ended;
    if (oldest === undefined || retention.now() - oldest[1] < JUST_NOW_MS) return;
    const [name, at] = oldest;
    if (forgetTree(data, name)) continue;
    ended.delete(name);
    ended.set(name, at);
  }
}

function forgetTree(data: Data, top: string): boolean {
  const names = [...(data.below.get(top) ?? []), top].filter((name) => data.runs.has(name));
  if (names.some((name) => !mayGo(data, name))) return false;
  remove(data, names);
  data.retention.forgotten += names.length;
  for (const name of names) data.retention.onForgotten(name);
  if (data.retention.forgotten >= FORGOTTEN_AT_ONCE) forgetBlobs(data);
  return true;
}

function mayGo(data: Data, name: string): boolean {
  return isOver(data, name) && !data.watchers.watches(name);
}

/** It has ended, and nothing that stays needs it. */
function isOver(data: Data, name: string): boolean {
  const isContinued = (data.followUps.get(name) ?? 0) > 0;
  return data.runs.get(name)?.finished === true && !isContinued && !hasPending(data.outbox, name);
}

/** How many of these were over, and are gone now. */
export function remove(data: Data, names: readonly string[]): number {
  return removeFromTheEnd(names, (name) => {
    const run = data.runs.get(name);
    if (run === undefined || !isOver(data, name)) return undefined;
    const { idempotencyKey, continues } = run.created;
    removeDeliveries(data.outbox, name);
    data.runs.delete(name);
    data.ended.delete(name);
    data.below.delete(name);
    data.followUps.delete(name);
    data.ledger.remove(name);
    if (idempotencyKey !== undefined) data.keys.delete(idempotencyKey);
    if (continues !== undefined) data.followUps.set(continues, (data.followUps.get(continues) ?? 1) - 1);
    data.watchers.touch(name);
    return { continues };
  });
}

function forgetBlobs(data: Data): void {
  data.retention.forgotten = 0;
  if (data.blobs.size === 0) return;
  const kept = new Set<string>();
  for (const run of data.runs.values()) for (const hash of blobsOf(run)) kept.add(hash);
  data.blobs.forget(kept, BLOB_GRACE_MS);
}

/** Of a run that has ended they are looked for once. */
function blobsOf(run: MemoryRun): ReadonlySet<string> {
  if (run.blobs !== undefined) return run.blobs;
  const found = new Set(run.events.flatMap(({ body }) => possibleBlobsIn(JSON.stringify(body))));
  if (run.finished) run.blobs = found;
  return found;
}
