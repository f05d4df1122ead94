/**
 * The outbox in the file: a row per delivery, written in the transaction of the batch that ends its run. A row that is being sent
 * has an owner and a time until which others leave it alone; the number of the attempt tells a late report from a current one.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { DeliveryTarget } from "../../ports/delivery.ts";
import type { JsonObject } from "../../ports/json.ts";
import type {
  AppendRequest,
  ClaimedDelivery,
  DeliveryQuery,
  DeliveryRow,
  DeliveryStatus,
  Outbox,
  OutboxClaim,
} from "../../ports/store.ts";
import { present } from "./present.ts";
import { targetKey } from "./requests.ts";
import type { Presence, Processes } from "./sqlite-processes.ts";

export const OUTBOX_TABLES = `
CREATE TABLE outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  target_key TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  forced INTEGER NOT NULL DEFAULT 0,
  due_at REAL,
  owner INTEGER,
  leased_until REAL,
  error TEXT,
  receipt TEXT,
  gone INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,
  updated_at REAL NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE status = 'pending';
CREATE INDEX outbox_by_run ON outbox (run);
CREATE INDEX outbox_sending ON outbox (target_key) WHERE owner IS NOT NULL;
CREATE INDEX outbox_ended ON outbox (target_key, updated_at) WHERE status <> 'pending';
`;

interface OutboxRow {
  readonly id: string;
  readonly run: string;
  readonly target: string;
  readonly target_key: string;
  readonly body: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly failures: number;
  readonly forced: number;
  readonly due_at: number | null;
  readonly owner: number | null;
  readonly leased_until: number | null;
  readonly error: string | null;
  readonly receipt: string | null;
  readonly gone: number;
  readonly created_at: number;
  readonly updated_at: number;
}

const COLUMNS = `o.id, r.run, o.target, o.target_key, o.status, o.attempts, o.failures, o.forced, o.due_at, o.owner, o.leased_until,
  o.error, o.receipt, o.gone, o.created_at, o.updated_at`;

function toDeliveryRow(
  row: Omit<OutboxRow, "body"> & { readonly body?: string },
  alive: ReadonlyMap<number, string>,
): DeliveryRow {
  return {
    id: row.id,
    run: row.run,
    target: JSON.parse(row.target) as DeliveryTarget,
    status: row.status,
    attempts: row.attempts,
    failures: row.failures,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...present({
      dueAt: row.status === "pending" ? (row.due_at ?? 0) : undefined,
      error: row.error ?? undefined,
      receipt: row.receipt === null ? undefined : (JSON.parse(row.receipt) as JsonObject),
      gone: row.gone === 1 ? (true as const) : undefined,
      owner: row.owner === null ? undefined : alive.get(row.owner),
      body: row.body,
    }),
  };
}

// --- writing ---------------------------------------------------------------------------------------------------------

/** Inside a write. */
export type InsertDeliveries = (runKey: number, request: Pick<AppendRequest, "outbox" | "at">) => void;

export function createInsertDeliveries(db: DatabaseSync): InsertDeliveries {
  const insert = db.prepare(`INSERT INTO outbox (id, run, kind, target, target_key, body, due_at, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return (runKey, { outbox, at }) => {
    if (outbox === undefined) return;
    for (const { id, target, body } of outbox) {
      insert.run(id, runKey, target.kind, JSON.stringify(target), targetKey(target), body, at, at, at);
    }
  };
}

/** A delivery as it was in another store. */
export type WholeDelivery = Omit<DeliveryRow, "run" | "owner"> & { readonly body: string };

/** Inside a write. */
export type InsertWholeDeliveries = (runKey: number, deliveries: readonly WholeDelivery[]) => void;

export function createInsertWholeDeliveries(db: DatabaseSync): InsertWholeDeliveries {
  const insert =
    db.prepare(`INSERT INTO outbox (id, run, kind, target, target_key, body, status, attempts, failures, due_at, error,
    receipt, gone, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return (runKey, deliveries) => {
    for (const {
      id,
      target,
      body,
      status,
      attempts,
      failures,
      dueAt,
      error,
      receipt,
      gone,
      createdAt,
      updatedAt,
    } of deliveries) {
      const where = [id, runKey, target.kind, JSON.stringify(target), targetKey(target), body] as const;
      const told = [error ?? null, receipt === undefined ? null : JSON.stringify(receipt), Number(gone === true)] as const;
      const due = status === "pending" ? (dueAt ?? createdAt) : null;
      insert.run(...where, status, attempts, failures, due, ...told, createdAt, updatedAt);
    }
  };
}

type Sync<F> = F extends (...given: infer A) => Promise<infer R> ? (...given: A) => R : never;

/** Each of them inside a write. */
export interface OutboxWrites {
  readonly claim: Sync<Outbox["claim"]>;
  readonly record: Sync<Outbox["record"]>;
  readonly requeue: Sync<Outbox["requeue"]>;
}

export interface OutboxWriteOptions {
  readonly db: DatabaseSync;
  readonly presence: Presence;
  readonly processes: Processes;
}

/** Another living process, or this one, is sending it; `?` are the living and now. */
const IS_SENT = "o.owner IS NOT NULL AND o.owner IN (SELECT value FROM json_each(?)) AND o.leased_until > ?";

export function createOutboxWrites({ db, presence, processes }: OutboxWriteOptions): OutboxWrites {
  const claim = createClaim({ db, presence, processes });
  const write = db.prepare(`UPDATE outbox SET status = ?, due_at = ?, error = ?, receipt = ?, gone = ?,
    failures = coalesce(?, failures), updated_at = ?, owner = NULL, leased_until = NULL
    WHERE id = ? AND attempts = ? AND status = 'pending'`);
  const find = db.prepare(`SELECT (o.status = 'pending' AND ${IS_SENT}) AS sending FROM outbox o WHERE o.id = ?`);
  const again = db.prepare(`UPDATE outbox SET status = 'pending', due_at = ?, failures = 0, forced = 1, error = NULL,
    receipt = NULL, gone = 0, updated_at = ?, owner = NULL, leased_until = NULL WHERE id = ?`);
  return {
    claim,
    record(id, attempt, change) {
      const dueAt = change.status === "pending" ? change.dueAt : null;
      const error = change.status === "delivered" ? null : (change.error ?? null);
      const receipt = change.status === "delivered" && change.receipt !== undefined ? JSON.stringify(change.receipt) : null;
      const gone = Number(change.status === "dead" && change.gone === true);
      const failures = change.status === "pending" ? change.failures : null;
      return write.run(change.status, dueAt, error, receipt, gone, failures, change.at, id, attempt).changes === 1;
    },
    requeue(id, at) {
      const found = find.get(JSON.stringify([...processes.alive().keys()]), at, id);
      if (found === undefined) return "unknown";
      if (found["sending"] === 1) return "sending";
      again.run(at, at, id);
      return "queued";
    },
  };
}

function createClaim({ db, presence, processes }: OutboxWriteOptions): OutboxWrites["claim"] {
  const due = db.prepare(`SELECT ${COLUMNS}, o.body FROM outbox o JOIN runs r ON r.id = o.run
    WHERE o.status = 'pending' AND o.due_at <= ? AND o.kind IN (SELECT value FROM json_each(?)) AND (? IS NULL OR o.id = ?)
    ORDER BY o.due_at, o.position`);
  const isBusy = db.prepare(`SELECT 1 FROM outbox o WHERE o.target_key = ? AND o.status = 'pending' AND ${IS_SENT}`);
  const lastWord = db.prepare(
    "SELECT gone FROM outbox WHERE target_key = ? AND status <> 'pending' ORDER BY updated_at DESC, gone LIMIT 1",
  );
  const take = db.prepare(
    "UPDATE outbox SET attempts = attempts + 1, owner = ?, leased_until = ?, updated_at = ? WHERE id = ? AND attempts = ?",
  );
  /** The first of each place that nobody is sending to. */
  const choose = ({ kinds, id, at, limit }: OutboxClaim, living: string): readonly OutboxRow[] => {
    const seen = new Set<string>();
    const chosen: OutboxRow[] = [];
    for (const found of due.iterate(at, JSON.stringify(kinds), id ?? null, id ?? null)) {
      const row = found as unknown as OutboxRow;
      if (chosen.length >= limit) break;
      if (seen.has(row.target_key)) continue;
      seen.add(row.target_key);
      if (isBusy.get(row.target_key, living, at) === undefined) chosen.push(row);
    }
    return chosen;
  };

  return (request) => {
    const { at, until } = request;
    const chosen = choose(request, JSON.stringify([...processes.alive().keys()]));
    if (chosen.length === 0) return [];
    const self = presence.take();
    const alive = processes.alive();
    return chosen.map((row): ClaimedDelivery => {
      const targetGone = row.forced === 0 && lastWord.get(row.target_key)?.["gone"] === 1;
      take.run(self, until, at, row.id, row.attempts);
      const claimed = { ...row, attempts: row.attempts + 1, owner: self, updated_at: at };
      return { ...toDeliveryRow(claimed, alive), body: row.body, targetGone };
    });
  };
}

// --- reading ---------------------------------------------------------------------------------------------------------

export interface OutboxReads {
  readonly nextDue: Sync<Outbox["nextDue"]>;
  readonly list: Sync<Outbox["list"]>;
}

export function createOutboxReads(db: DatabaseSync, processes: Processes): OutboxReads {
  const next = db.prepare(`SELECT min(CASE WHEN owner IN (SELECT value FROM json_each(?))
      THEN max(due_at, leased_until) ELSE due_at END) AS at
    FROM outbox WHERE status = 'pending' AND kind IN (SELECT value FROM json_each(?))`);
  return {
    nextDue(kinds) {
      const at = next.get(JSON.stringify([...processes.alive().keys()]), JSON.stringify(kinds))?.["at"];
      return typeof at === "number" ? at : undefined;
    },
    list(query = {}) {
      const [where, values] = toWhere(query);
      const body = query.withBody === true ? ", o.body" : "";
      const statement = db.prepare(`SELECT ${COLUMNS}${body} FROM outbox o JOIN runs r ON r.id = o.run ${where}
        ORDER BY o.position DESC LIMIT ?`);
      const rows = statement.all(...values, Math.min(query.limit ?? 100, Number.MAX_SAFE_INTEGER));
      const alive = processes.alive();
      return rows.map((row) => toDeliveryRow(row as unknown as OutboxRow, alive));
    },
  };
}

function toWhere({ run, prefix, status }: DeliveryQuery): readonly [where: string, values: readonly SQLInputValue[]] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  if (run !== undefined) {
    conditions.push("r.run = ?");
    values.push(run);
  }
  if (prefix !== undefined) {
    conditions.push("substr(o.id, 1, length(?)) = ?");
    values.push(prefix, prefix);
  }
  if (status !== undefined) {
    conditions.push("o.status IN (SELECT value FROM json_each(?))");
    values.push(JSON.stringify(status));
  }
  return [conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`, values];
}
