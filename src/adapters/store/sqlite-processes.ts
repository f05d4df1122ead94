/**
 * Which processes are alive, as the file tells it: a row per open store, a heartbeat in it, and what the host knows of the
 * process behind it.
 */
import type { DatabaseSync } from "node:sqlite";
import { isGone, type ProcessIdentity } from "./process-identity.ts";
import type { Writer } from "./sqlite-writer.ts";

export interface SqliteClock {
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
  /** Ms on a clock that all processes of this boot share and that nobody sets. */
  readonly uptime: () => number;
}

export const SYSTEM_CLOCK: SqliteClock = {
  now: Date.now,
  uptime: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + Math.floor(nanoseconds / 1_000_000);
  },
};

export interface ProcessRow extends ProcessIdentity {
  readonly id: number;
  /** `host/pid`. */
  readonly name: string;
  readonly heartbeat_at: number;
  readonly heartbeat_up: number;
}

export interface ProcessOptions {
  readonly identity: ProcessIdentity;
  readonly name: string;
  readonly clock: SqliteClock;
  readonly leaseMs: number;
}

// --- seeing others ---------------------------------------------------------------------------------------------------

/** Alive unless it is certainly gone or has been silent for longer than the lease. */
export function isAlive(row: ProcessRow, { identity, clock, leaseMs }: ProcessOptions): boolean {
  if (isGone(row, identity)) return false;
  const sameClock = row.boot !== "" && row.boot === identity.boot && row.host === identity.host;
  const silentMs = sameClock ? clock.uptime() - row.heartbeat_up : clock.now() - row.heartbeat_at;
  // A heartbeat from the future is as bad as an old one: the clock was set.
  return Math.abs(silentMs) <= leaseMs;
}

export interface Processes {
  find(id: number): ProcessRow | undefined;
  /** Names of all that live, by id. */
  alive(): ReadonlyMap<number, string>;
}

/** `self` is this store's own row, which is alive however long the event loop was held up. */
export function createProcesses(db: DatabaseSync, options: ProcessOptions, self: () => number | undefined): Processes {
  const byId = db.prepare("SELECT * FROM processes WHERE id = ?");
  const all = db.prepare("SELECT * FROM processes");
  return {
    find: (id) => byId.get(id) as ProcessRow | undefined,
    alive: () => {
      const rows = (all.all() as unknown as ProcessRow[]).filter((row) => row.id === self() || isAlive(row, options));
      return new Map(rows.map((row) => [row.id, row.name]));
    },
  };
}

// --- being seen ------------------------------------------------------------------------------------------------------

export interface Presence {
  /** Id of this store's row; undefined until it first owned something. */
  readonly id: number | undefined;
  /** Inside a write: the id, with a row that others see as alive. */
  take(): number;
  onRollback(): void;
  /** Inside a write: the row goes, and nothing is left of this process. */
  leave(): void;
  stop(): void;
}

export interface PresenceOptions extends ProcessOptions {
  readonly db: DatabaseSync;
  readonly heartbeatMs: number;
  /** Called once, when the row is there. */
  readonly onStart: () => void;
  /** Set once the writer exists: it needs `onRollback` of this. */
  readonly writer: () => Writer;
}

interface WallTime {
  /** Wall ms for a beat at this uptime. */
  read(up: number): number;
  /** Since the last beat: a run that begins now has another idea of the time. */
  wasSet(): boolean;
}

/**
 * What a takeover charges runs up to. A wall clock that was set must not make it more, so it goes by the earliest time that this clock
 * showed in the life of the process, moved on by what has passed since. Without an id of this boot it also says whether this process lives, and is what it is.
 */
function createWallTime(clock: SqliteClock, { boot }: ProcessIdentity): WallTime {
  let lowest = Infinity;
  let last = 0;
  return {
    read(up) {
      const now = clock.now();
      last = now - up;
      lowest = Math.min(lowest, last);
      return boot === "" ? now : lowest + up;
    },
    wasSet: () => Math.abs(clock.now() - clock.uptime() - last) > CLOCK_SET_MS,
  };
}

/** More than a clock that is kept in time is moved at once. */
const CLOCK_SET_MS = 1_000;

export function createPresence({ db, writer, onStart, ...options }: PresenceOptions): Presence {
  const { identity, name, clock, heartbeatMs } = options;
  const upsert = db.prepare(`INSERT INTO processes (id, name, host, boot, pid, started, heartbeat_at, heartbeat_up)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, heartbeat_up = excluded.heartbeat_up`);
  const remove = db.prepare("DELETE FROM processes WHERE id = ?");
  let id: number | undefined;
  let isCommitted = false;
  const wall = createWallTime(clock, identity);
  let beatAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  const beat = (): number => {
    const { host, boot, pid, started } = identity;
    beatAt = clock.uptime();
    const written = upsert.run(id ?? null, name, host, boot, pid, started, wall.read(beatAt), beatAt);
    return Number(written.lastInsertRowid);
  };

  const start = (): void => {
    isCommitted = true;
    onStart();
    timer = setInterval(() => {
      // A full disk or a lock: the next beat tries again, and whoever takes the runs meanwhile fences this process.
      writer()
        .write(beat)
        .catch(() => {});
    }, heartbeatMs).unref();
  };

  return {
    get id() {
      return id;
    },
    take() {
      if (id === undefined) {
        id = beat();
        writer().afterCommit(start);
      } else if (clock.uptime() - beatAt > heartbeatMs * 2 || wall.wasSet()) {
        // Held up for so long that the row may be gone, or the wall clock was set.
        beat();
      }
      return id;
    },
    onRollback() {
      if (!isCommitted) id = undefined;
      beatAt = -Infinity;
    },
    leave() {
      if (id !== undefined) remove.run(id);
    },
    stop: () => clearInterval(timer),
  };
}
