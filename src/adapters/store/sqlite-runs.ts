/** The index of runs. Every value of a query is bound; names and paths never become part of a statement. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { EventBody, EventHeader } from "../../ports/events.ts";
import type { CreateRequest, CreateResult, InboxEntry, RunQuery, RunRow, RunRowChange } from "../../ports/store.ts";
import type { RunStatus, WaitingFor } from "../../ports/view.ts";
import { chainStart } from "./chain.ts";
import { present } from "./present.ts";
import { type BatchEnd, batchEnd } from "./requests.ts";
import type { Head, Heads } from "./sqlite-heads.ts";
import { type EncodedBody, type InsertEvents, toRecords } from "./sqlite-journal.ts";
import type { Presence, Processes } from "./sqlite-processes.ts";
import { placeOf } from "./sqlite-schema.ts";

// --- writing ---------------------------------------------------------------------------------------------------------

/** A run's row as it enters the file. */
interface NewRun extends Omit<CreateRequest, "events" | "row" | "at"> {
  readonly createdAt: number;
}

/** Inside a write. Returns the key, or the run that has the id or the idempotency key already. */
type InsertRun = (run: NewRun) => { readonly key: number } | { readonly holder: string };

function createInsertRun(db: DatabaseSync): InsertRun {
  const byKey = db.prepare("SELECT run FROM runs WHERE idempotency_key = ?");
  const byRun = db.prepare("SELECT run FROM runs WHERE run = ?");
  const insert = db.prepare(`INSERT INTO runs (run, agent, caller, channel, tenant, parent, labels, idempotency_key, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return ({ run, agent, caller, channel, tenant, parent, labels, idempotencyKey, createdAt }) => {
    const holder = (idempotencyKey === undefined ? undefined : byKey.get(idempotencyKey)) ?? byRun.get(run);
    if (holder !== undefined) return { holder: String(holder["run"]) };
    const optional = [caller, channel, tenant, parent].map((value) => value ?? null);
    const labelText = labels === undefined ? null : JSON.stringify(labels);
    const { lastInsertRowid } = insert.run(run, agent, ...optional, labelText, idempotencyKey ?? null, createdAt);
    return { key: Number(lastInsertRowid) };
  };
}

export interface InsertRunOptions {
  readonly db: DatabaseSync;
  readonly insertEvents: InsertEvents;
}

export interface CreateRunOptions extends InsertRunOptions {
  readonly heads: Heads;
  readonly presence: Presence;
}

/** Inside a write. */
export type CreateRun = (request: CreateRequest, bodies: readonly EncodedBody[]) => CreateResult;

export function createCreateRun({ db, heads, presence, insertEvents }: CreateRunOptions): CreateRun {
  const insertRun = createInsertRun(db);
  const insertHead = createInsertHead(db);
  return (request, bodies) => {
    const inserted = insertRun({ ...request, createdAt: request.at });
    if ("holder" in inserted) return { created: false, run: inserted.holder };
    const empty: Head = { key: inserted.key, epoch: 1, seq: -1, sum: chainStart(request.run) };
    const records = toRecords(empty, bodies, { at: request.at, activeMs: 0 });
    const head: Head = { ...empty, seq: records.length - 1, sum: records[records.length - 1]?.sum ?? empty.sum };
    const end = batchEnd(request.events);
    const row = { ...request.row, status: end.status ?? request.row?.status };
    insertHead(head, { owner: end.finishes ? null : presence.take(), at: request.at, activeMs: 0, row, end });
    insertEvents(records);
    if (!end.finishes) heads.remember(request.run, head);
    return { created: true, epoch: 1 };
  };
}

interface FirstHead {
  readonly owner: number | null;
  readonly at: number;
  readonly activeMs: number;
  readonly row: { readonly [K in keyof RunRowChange]: RunRowChange[K] | undefined };
  readonly end: BatchEnd;
}

function createInsertHead(db: DatabaseSync): (head: Head, first: FirstHead) => void {
  const insert = db.prepare(`INSERT INTO heads
    (id, epoch, owner, seq, sum, at, active, status, step, tokens, cost, waiting, sealed, finished)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return ({ key, epoch, seq, sum }, { owner, at, activeMs, row, end }) => {
    const { status = "running", step = 0, tokens = 0, costUsd = 0, waitingFor } = row;
    const waiting = waitingFor === undefined || waitingFor === null ? "" : JSON.stringify(waitingFor);
    const columns = [status, step, tokens, costUsd, waiting] as const;
    insert.run(key, epoch, owner, seq, sum, at, activeMs, ...columns, Number(end.settles), Number(end.finishes));
  };
}

/** A run as it was in another store: checked, and with its sums. */
export interface WholeRun {
  readonly row: RunRow;
  readonly idempotencyKey?: string;
  readonly events: readonly (EventHeader & { readonly body: EventBody; readonly text: string; readonly sum: Uint8Array })[];
  /** Input that waits, and ids of input that was consumed. */
  readonly pending: readonly InboxEntry[];
  readonly consumed: readonly string[];
}

/** Inside a write. False when its id or its idempotency key is taken. Nobody owns it afterwards. */
export type InsertWholeRun = (run: WholeRun) => boolean;

export function createInsertWholeRun({ db, insertEvents }: InsertRunOptions): InsertWholeRun {
  const insertRun = createInsertRun(db);
  const insertHead = createInsertHead(db);
  const insertEntry = db.prepare("INSERT INTO inbox (run, entry, body) VALUES (?, ?, ?)");
  return ({ row, events, pending, consumed, ...rest }) => {
    const inserted = insertRun({ ...row, ...rest });
    const last = events[events.length - 1];
    if ("holder" in inserted || last === undefined) return false;
    const { key } = inserted;
    const { status, step, tokens, costUsd, waitingFor } = row;
    const head = { key, epoch: last.epoch, seq: last.seq, sum: last.sum };
    insertHead(head, {
      owner: null,
      at: last.at,
      activeMs: last.activeMs,
      row: { status: status === "interrupted" ? "running" : status, step, tokens, costUsd, waitingFor },
      end: batchEnd(events.map(({ body }) => body)),
    });
    insertEvents(events.map(({ seq, text, ...event }) => ({ ...event, place: placeOf(key, seq), text })));
    for (const id of consumed) insertEntry.run(key, id, null);
    for (const entry of pending) insertEntry.run(key, entry.id, JSON.stringify(entry));
    return true;
  };
}

/** Inside a write. How many of these were finished, and are gone now. */
export type RemoveRuns = (runs: readonly string[]) => number;

export function createRemoveRuns(db: DatabaseSync): RemoveRuns {
  const find = db.prepare("SELECT r.id FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ? AND h.finished = 1");
  const removeEvents = db.prepare("DELETE FROM events WHERE place >= ? AND place < ?");
  const removeRun = db.prepare("DELETE FROM runs WHERE id = ?");
  return (runs) => {
    let removed = 0;
    for (const run of runs) {
      const found = find.get(run);
      if (found === undefined) continue;
      const key = Number(found["id"]);
      removeEvents.run(placeOf(key, 0), placeOf(key + 1, 0));
      removeRun.run(key);
      removed++;
    }
    return removed;
  };
}

// --- reading ---------------------------------------------------------------------------------------------------------

interface IndexRow {
  readonly run: string;
  readonly agent: string;
  readonly caller: string | null;
  readonly channel: string | null;
  readonly tenant: string | null;
  readonly parent: string | null;
  readonly labels: string | null;
  readonly created_at: number;
  readonly owner: number | null;
  readonly seq: number;
  readonly at: number;
  readonly status: Exclude<RunStatus, "interrupted">;
  readonly step: number;
  readonly tokens: number;
  readonly cost: number | "unknown";
  readonly waiting: string;
}

const COLUMNS = `r.run, r.agent, r.caller, r.channel, r.tenant, r.parent, r.labels, r.created_at,
  h.owner, h.seq, h.at, h.status, h.step, h.tokens, h.cost, h.waiting`;

export interface RunIndex {
  get(run: string): RunRow | undefined;
  list(query?: RunQuery): readonly RunRow[];
}

export function createRunIndex(db: DatabaseSync, processes: Processes): RunIndex {
  const one = db.prepare(`SELECT ${COLUMNS} FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ?`);
  return {
    get(run) {
      const row = one.get(run) as IndexRow | undefined;
      return row === undefined ? undefined : toRunRow(row, processes.alive());
    },
    list(query = {}) {
      const alive = processes.alive();
      const [where, values] = toWhere(query, [...alive.keys()]);
      const statement = db.prepare(`SELECT ${COLUMNS} FROM runs r JOIN heads h ON h.id = r.id ${where}
        ORDER BY r.created_at DESC, r.id DESC LIMIT ?`);
      const rows = statement.all(...values, Math.min(query.limit ?? 100, Number.MAX_SAFE_INTEGER));
      return rows.map((row) => toRunRow(row as unknown as IndexRow, alive));
    },
  };
}

const DERIVED_STATUS = `CASE WHEN h.status = 'running' AND (h.owner IS NULL OR h.owner NOT IN (SELECT value FROM json_each(?)))
  THEN 'interrupted' ELSE h.status END`;

function toWhere(query: RunQuery, alive: readonly number[]): readonly [where: string, values: readonly SQLInputValue[]] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...bound: SQLInputValue[]): void => {
    conditions.push(condition);
    values.push(...bound);
  };
  const { status, label, prefix, createdAfter } = query;
  for (const field of ["agent", "caller", "channel", "tenant"] as const) {
    const value = query[field];
    if (value !== undefined) add(`r.${field} = ?`, value);
  }
  if (status !== undefined) {
    add(`${DERIVED_STATUS} IN (SELECT value FROM json_each(?))`, JSON.stringify(alive), JSON.stringify(status));
  }
  if (label !== undefined) add("EXISTS (SELECT 1 FROM json_each(r.labels) l WHERE l.key = ? AND l.value = ?)", ...label);
  if (prefix !== undefined) add("r.run >= ? AND substr(r.run, 1, length(?)) = ?", prefix, prefix, prefix);
  if (createdAfter !== undefined) add("r.created_at > ?", createdAfter);
  return [conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`, values];
}

function toRunRow(row: IndexRow, alive: ReadonlyMap<number, string>): RunRow {
  const owner = row.owner === null ? undefined : alive.get(row.owner);
  return {
    run: row.run,
    agent: row.agent,
    status: row.status === "running" && owner === undefined ? "interrupted" : row.status,
    createdAt: row.created_at,
    updatedAt: row.at,
    seq: row.seq,
    step: row.step,
    tokens: row.tokens,
    costUsd: row.cost,
    ...present({
      caller: row.caller ?? undefined,
      channel: row.channel ?? undefined,
      tenant: row.tenant ?? undefined,
      parent: row.parent ?? undefined,
      labels: row.labels === null ? undefined : (JSON.parse(row.labels) as Readonly<Record<string, string>>),
      waitingFor: row.waiting === "" ? undefined : (JSON.parse(row.waiting) as WaitingFor),
      owner,
    }),
  };
}
