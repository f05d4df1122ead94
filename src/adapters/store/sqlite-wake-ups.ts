/**
 * Runs that want a driver. Whatever waits without being due and without input is in none of the indexes used here, so that looking
 * costs the same with a hundred thousand waiting runs as with none.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Due } from "../../ports/store.ts";
import type { Processes } from "./sqlite-processes.ts";
import { TO_DRIVE } from "./sqlite-schema.ts";

/** `?` is the list of the processes that live. */
const UNOWNED = "(owner IS NULL OR owner NOT IN (SELECT value FROM json_each(?)))";

/** A queued run is ended before its turn, and otherwise left in its lane. */
const MAY_WAKE = "(heads.status <> 'queued' OR inbox.body ->> '$.kind' IN ('cancel', 'kill'))";

export type FindOrphans = (limit: number, now: number) => readonly string[];

export function createFindOrphans(db: DatabaseSync, processes: Processes): FindOrphans {
  // INDEXED BY and CROSS JOIN: the few that are wanted are looked up among all runs, never the other way round.
  const select = db.prepare(`SELECT r.run FROM (
      SELECT id FROM heads WHERE ${TO_DRIVE} AND ${UNOWNED}
      UNION SELECT id FROM heads INDEXED BY heads_due WHERE due_at <= ? AND finished = 0 AND ${UNOWNED}
      UNION SELECT id FROM heads WHERE id IN (SELECT run FROM inbox WHERE body IS NOT NULL AND ${MAY_WAKE}) AND finished = 0 AND ${UNOWNED}
    ) wanted CROSS JOIN runs r ON r.id = wanted.id ORDER BY wanted.id LIMIT ?`);
  return (limit, now) => {
    const alive = JSON.stringify([...processes.alive().keys()]);
    return select.all(alive, now, alive, alive, Math.min(limit, Number.MAX_SAFE_INTEGER)).map((row) => String(row["run"]));
  };
}

export type FindDue = (now: number, limit: number) => Due;

export function createFindDue(db: DatabaseSync, processes: Processes): FindDue {
  const ready = db.prepare(`SELECT r.run FROM heads h JOIN runs r ON r.id = h.id
    WHERE h.due_at <= ? AND h.finished = 0 AND ${UNOWNED} ORDER BY h.due_at LIMIT ?`);
  const next = db.prepare(`SELECT due_at FROM heads WHERE due_at > ? AND finished = 0 AND ${UNOWNED} ORDER BY due_at LIMIT 1`);
  return (now, limit) => {
    const alive = JSON.stringify([...processes.alive().keys()]);
    const nextAt = next.get(now, alive)?.["due_at"];
    const runs = ready.all(now, alive, Math.min(limit, Number.MAX_SAFE_INTEGER)).map((row) => String(row["run"]));
    return { runs, ...(typeof nextAt === "number" ? { nextAt } : {}) };
  };
}
