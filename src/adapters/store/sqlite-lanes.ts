/**
 * Lanes in the file: a row per run that was started in one. How many of a lane are driven is counted over the heads that living
 * processes own, so that a process that dies leaves no count behind. Runs without a lane have no row and pay nothing.
 */
import type { DatabaseSync } from "node:sqlite";
import type { LaneHead, LanePlace, LaneQuery, LaneSlot } from "../../ports/lanes.ts";
import type { AppendRequest } from "../../ports/store.ts";
import { present } from "./present.ts";
import type { Processes } from "./sqlite-processes.ts";

export const LANE_TABLES = `
CREATE TABLE lane_runs (
  id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  lane TEXT NOT NULL,
  concurrency INTEGER NOT NULL,
  lane_group TEXT,
  total INTEGER,
  priority REAL NOT NULL,
  queued INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX lane_queue ON lane_runs (lane, priority DESC, id) WHERE queued = 1;
`;

/** Inside a write. */
export interface LaneWrites {
  insert(runKey: number, place: LanePlace | undefined): void;
  leaveQueue(runKey: number, request: Pick<AppendRequest, "dequeued">): void;
  isFull(slot: LaneSlot): boolean;
}

const DRIVEN = "FROM heads h JOIN lane_runs l ON l.id = h.id WHERE h.owner IN (SELECT value FROM json_each(?))";

export function createLaneWrites(db: DatabaseSync, processes: Processes): LaneWrites {
  const insert = db.prepare(
    "INSERT INTO lane_runs (id, lane, concurrency, lane_group, total, priority) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const leave = db.prepare("UPDATE lane_runs SET queued = 0 WHERE id = ?");
  const inLane = db.prepare(`SELECT count(*) AS n ${DRIVEN} AND l.lane = ?`);
  const inGroup = db.prepare(`SELECT count(*) AS n ${DRIVEN} AND l.lane_group = ?`);
  return {
    insert: (runKey, place) => {
      if (place === undefined) return;
      const { key, concurrency, group, total, priority } = place;
      insert.run(runKey, key, concurrency, group ?? null, total ?? null, priority);
    },
    leaveQueue: (runKey, { dequeued }) => {
      if (dequeued === true) leave.run(runKey);
    },
    isFull({ key, concurrency, group, total }) {
      const alive = JSON.stringify([...processes.alive().keys()]);
      if (Number(inLane.get(alive, key)?.["n"]) >= concurrency) return true;
      return total !== undefined && group !== undefined && Number(inGroup.get(alive, group)?.["n"]) >= total;
    },
  };
}

interface HeadRow {
  readonly id: number;
  readonly run: string;
  readonly concurrency: number;
  readonly lane_group: string | null;
  readonly total: number | null;
  readonly priority: number;
}

export type ReadLaneHeads = (query: LaneQuery) => readonly LaneHead[];

export function createReadLaneHeads(db: DatabaseSync, processes: Processes): ReadLaneHeads {
  const nextLane = db.prepare("SELECT min(lane) AS lane FROM lane_runs WHERE queued = 1 AND lane > ?");
  const first = db.prepare(`SELECT l.id, r.run, l.concurrency, l.lane_group, l.total, l.priority
    FROM lane_runs l JOIN heads h ON h.id = l.id JOIN runs r ON r.id = l.id
    WHERE l.queued = 1 AND l.lane = ? AND (h.owner IS NULL OR h.owner NOT IN (SELECT value FROM json_each(?)))
      AND r.run NOT IN (SELECT value FROM json_each(?))
    ORDER BY l.priority DESC, l.id LIMIT 1`);
  const driven = db.prepare(`SELECT l.lane, count(*) AS n ${DRIVEN} GROUP BY l.lane`);

  return ({ skip = [], limit, after = "" }) => {
    let lane = nextLane.get(after)?.["lane"];
    if (typeof lane !== "string") return [];
    const alive = JSON.stringify([...processes.alive().keys()]);
    const running = new Map(driven.all(alive).map((row) => [row["lane"], Number(row["n"])]));
    const heads: LaneHead[] = [];
    for (; typeof lane === "string" && heads.length < limit; lane = nextLane.get(lane)?.["lane"]) {
      const row = first.get(lane, alive, JSON.stringify(skip));
      if (row !== undefined) heads.push(toHead(lane, row as unknown as HeadRow, running.get(lane) ?? 0));
    }
    return heads;
  };
}

function toHead(key: string, row: HeadRow, running: number): LaneHead {
  const { id: position, run, concurrency, lane_group: group, total, priority } = row;
  const place = { key, concurrency, priority, ...present({ group: group ?? undefined, total: total ?? undefined }) };
  return { run, place, position, running };
}
