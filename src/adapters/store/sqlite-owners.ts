/** Who drives a run: taking it, and letting it go. */
import type { DatabaseSync } from "node:sqlite";
import type { ClaimResult, RunRowChange } from "../../ports/store.ts";
import type { LaneSlot } from "../../ports/lanes.ts";
import type { Heads, StoredHead } from "./sqlite-heads.ts";
import type { LaneWrites } from "./sqlite-lanes.ts";
import { rowColumns, SET_ROW } from "./sqlite-journal.ts";
import { isAlive, type Presence, type Processes, type ProcessOptions, type ProcessRow } from "./sqlite-processes.ts";

export interface Ownership {
  /** Inside a write. */
  claim(run: string, slot?: LaneSlot): ClaimResult;
  /** Inside a write. True when there was something to let go. */
  release(run: string, epoch: number, row: RunRowChange | undefined): boolean;
  /** Inside a write: everything this process owns, and its row. */
  releaseAll(): void;
  /** Inside a write: rows of dead processes that own nothing any more. */
  tidy(): void;
}

export interface OwnershipOptions extends ProcessOptions {
  readonly db: DatabaseSync;
  readonly heads: Heads;
  readonly presence: Presence;
  readonly processes: Processes;
  readonly lanes: LaneWrites;
}

export function createOwnership({ db, heads, presence, processes, lanes, ...options }: OwnershipOptions): Ownership {
  const take = db.prepare("UPDATE heads SET epoch = ?, owner = ?, at = ?, active = ? WHERE id = ?");
  const letGo = db.prepare(`UPDATE heads SET owner = NULL, ${SET_ROW} WHERE id = ? AND epoch = ? AND owner = ? AND finished = 0`);
  const letAllGo = db.prepare("UPDATE heads SET owner = NULL WHERE owner = ?");
  const owning = db.prepare("SELECT DISTINCT owner FROM heads WHERE owner IS NOT NULL");
  const remove = db.prepare("DELETE FROM processes WHERE id = ?");
  const rows = db.prepare("SELECT * FROM processes");

  return {
    claim(run, slot) {
      const head = heads.stored(run);
      if (head === undefined) return { ok: false, reason: "unknown" };
      if (head.finished === 1) return { ok: false, reason: "finished" };
      const owner = head.owner === null ? undefined : processes.find(head.owner);
      if (owner !== undefined && owner.id === presence.id) return { ...owned(owner), epoch: head.epoch };
      if (owner !== undefined && isAlive(owner, options)) return owned(owner);
      if (slot !== undefined && lanes.isFull(slot)) return { ok: false, reason: "lane" };
      const epoch = head.epoch + 1;
      const after = head.owner === null ? "released" : "crash";
      const now = options.clock.now();
      const activeMs = head.active + lastedMs(head, owner, now);
      // Should this one die before it writes anything, the next is charged from here, and not for the time in which nobody had the run.
      take.run(epoch, presence.take(), head.status === "running" ? Math.round(now) : head.at, activeMs, head.id);
      heads.remember(run, { key: head.id, epoch, seq: head.seq, sum: head.sum });
      return { ok: true, epoch, after, activeMs };
    },
    release(run, epoch, row) {
      const head = heads.stored(run);
      if (head?.epoch !== epoch || presence.id === undefined) return false;
      heads.forget(run);
      return letGo.run(...rowColumns(row ?? {}), head.id, epoch, presence.id).changes === 1;
    },
    releaseAll() {
      if (presence.id === undefined) return;
      letAllGo.run(presence.id);
      presence.leave();
    },
    tidy() {
      const needed = new Set(owning.all().map((row) => row["owner"]));
      for (const row of rows.all() as unknown as ProcessRow[]) {
        if (row.id !== presence.id && !needed.has(row.id) && !isAlive(row, options)) remove.run(row.id);
      }
    },
  };
}

const owned = ({ name }: ProcessRow) => ({ ok: false, reason: "owned", owner: name }) as const;

/** How long the last attempt ran after its last event: up to the last sign of life of its process. */
function lastedMs(head: StoredHead, owner: ProcessRow | undefined, now: number): number {
  if (owner === undefined || head.status !== "running") return 0;
  return Math.max(0, Math.min(owner.heartbeat_at, now) - head.at);
}
