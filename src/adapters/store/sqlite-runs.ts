/** Runs come into the file and leave it, whole. */
import type { DatabaseSync } from "node:sqlite";
import type { BudgetRefusal } from "../../ports/budget.ts";
import type { EventBody, EventHeader } from "../../ports/events.ts";
import type { CreateRequest, CreateResult, InboxEntry, RunRow, RunRowChange } from "../../ports/store.ts";
import { chainStart } from "./chain.ts";
import { type BatchEnd, batchEnd } from "./requests.ts";
import { goneRun, removeFromTheEnd } from "./threads.ts";
import type { Head, Heads } from "./sqlite-heads.ts";
import { NO_CHANGE, type PreparedLedger, type PrepareLedger } from "./sqlite-ledger.ts";
import { type EncodedBody, type InsertEvents, toRecords } from "./sqlite-journal.ts";
import type { LaneWrites } from "./sqlite-lanes.ts";
import { createInsertWholeDeliveries, type WholeDelivery } from "./sqlite-outbox.ts";
import type { Presence } from "./sqlite-processes.ts";
import type { Places } from "./sqlite-places.ts";
import { placeOf } from "./sqlite-schema.ts";

/** A run's row as it enters the file. */
interface NewRun extends Omit<CreateRequest, "events" | "row" | "at"> {
  readonly createdAt: number;
}

/** Inside a write. Returns the key, the run that has the id or the idempotency key already, or what the ledger refused. */
type InsertRun = (
  run: NewRun,
  prepare?: () => PreparedLedger,
) => { readonly key: number } | { readonly holder: string } | { readonly refusal: BudgetRefusal };

function createInsertRun(db: DatabaseSync): InsertRun {
  const byKey = db.prepare("SELECT run FROM runs WHERE idempotency_key = ?");
  const byRun = db.prepare("SELECT run FROM runs WHERE run = ?");
  const insert =
    db.prepare(`INSERT INTO runs (run, agent, caller, channel, tenant, parent, root, continues, labels, idempotency_key, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return (
    { run, agent, caller, channel, tenant, parent, root, continues, labels, idempotencyKey, createdAt },
    prepare = () => NO_CHANGE,
  ) => {
    const holder = (idempotencyKey === undefined ? undefined : byKey.get(idempotencyKey)) ?? byRun.get(run);
    if (holder !== undefined) return { holder: String(holder["run"]) };
    const money = prepare();
    if (money.refusal !== undefined) return { refusal: money.refusal };
    const optional = [caller, channel, tenant, parent, root, continues].map((value) => value ?? null);
    const labelText = labels === undefined ? null : JSON.stringify(labels);
    const { lastInsertRowid } = insert.run(run, agent, ...optional, labelText, idempotencyKey ?? null, createdAt);
    money.write();
    return { key: Number(lastInsertRowid) };
  };
}

export interface InsertRunOptions {
  readonly db: DatabaseSync;
  readonly insertEvents: InsertEvents;
}

export interface InsertWholeRunOptions extends InsertRunOptions {
  readonly lanes: LaneWrites;
}

export interface CreateRunOptions extends InsertRunOptions {
  readonly heads: Heads;
  readonly presence: Presence;
  readonly lanes: LaneWrites;
  readonly ledger: PrepareLedger;
}

/** Inside a write. */
export type CreateRun = (request: CreateRequest, bodies: readonly EncodedBody[]) => CreateResult;

export function createCreateRun({ db, heads, presence, insertEvents, lanes, ledger }: CreateRunOptions): CreateRun {
  const insertRun = createInsertRun(db);
  const insertHead = createInsertHead(db);
  const isThere = db.prepare("SELECT 1 FROM runs WHERE run = ?");
  return (request, bodies) => {
    if (request.continues !== undefined && isThere.get(request.continues) === undefined) throw goneRun(request.continues);
    const inserted = insertRun({ ...request, createdAt: request.at }, () => ledger(request.run, request.ledger));
    if ("holder" in inserted) return { created: false, run: inserted.holder };
    if ("refusal" in inserted) return { created: false, run: request.run, refusal: inserted.refusal };
    const empty: Head = { key: inserted.key, epoch: 1, seq: -1, sum: chainStart(request.run) };
    const records = toRecords(empty, bodies, { at: request.at, activeMs: 0 });
    const head: Head = { ...empty, seq: records.length - 1, sum: records[records.length - 1]?.sum ?? empty.sum };
    const end = batchEnd(request.events);
    const row = { ...request.row, status: end.status ?? request.row?.status };
    const isOwned = !end.finishes && request.lane === undefined;
    insertHead(head, { owner: isOwned ? presence.take() : null, at: request.at, activeMs: 0, row, end });
    insertEvents(records);
    if (isOwned) heads.remember(request.run, head);
    lanes.insert(inserted.key, request.lane);
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
    (id, epoch, owner, seq, sum, at, active, status, step, tokens, cost, waiting, due_at, sealed, finished)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return ({ key, epoch, seq, sum }, { owner, at, activeMs, row, end }) => {
    const { status = "running", step = 0, tokens = 0, costUsd = 0, waitingFor, dueAt } = row;
    const waiting = waitingFor === undefined || waitingFor === null ? "" : JSON.stringify(waitingFor);
    const columns = [status, step, tokens, costUsd, waiting, dueAt ?? null] as const;
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
  readonly deliveries: readonly WholeDelivery[];
}

/** Inside a write. False when its id or its idempotency key is taken. Nobody owns it afterwards. */
export type InsertWholeRun = (run: WholeRun) => boolean;

export function createInsertWholeRun({ db, insertEvents, lanes }: InsertWholeRunOptions): InsertWholeRun {
  const insertDeliveries = createInsertWholeDeliveries(db);
  const insertRun = createInsertRun(db);
  const insertHead = createInsertHead(db);
  const insertEntry = db.prepare("INSERT INTO inbox (run, entry, body) VALUES (?, ?, ?)");
  return ({ row, events, pending, consumed, deliveries, ...rest }) => {
    const last = events[events.length - 1];
    const inserted = last === undefined ? undefined : insertRun({ ...row, ...rest });
    if (last === undefined || inserted === undefined || !("key" in inserted)) return false;
    const { key } = inserted;
    const { status, step, tokens, costUsd, waitingFor, dueAt } = row;
    const head = { key, epoch: last.epoch, seq: last.seq, sum: last.sum };
    insertHead(head, {
      owner: null,
      at: last.at,
      activeMs: last.activeMs,
      row: { status: status === "interrupted" ? "running" : status, step, tokens, costUsd, waitingFor, dueAt },
      end: batchEnd(events.map(({ body }) => body)),
    });
    insertEvents(events.map(({ seq, text, ...event }) => ({ ...event, place: placeOf(key, seq), text })));
    for (const id of consumed) insertEntry.run(key, id, null);
    for (const entry of pending) insertEntry.run(key, entry.id, JSON.stringify(entry));
    insertDeliveries(key, deliveries);
    enterLane(lanes, key, events);
    return true;
  };
}

/** Its place is in its first event; it is in the queue until a first attempt took it out, or it has ended. */
function enterLane(lanes: LaneWrites, key: number, events: WholeRun["events"]): void {
  const first = events[0]?.body;
  if (first?.type !== "run.started" || first.request.lane === undefined) return;
  lanes.insert(key, first.request.lane);
  const hasLeft = events.some(({ body }) => body.type === "run.dequeued" || body.type === "run.finished");
  if (hasLeft) lanes.leaveQueue(key, { dequeued: true });
}

/** Inside a write. How many of these were finished, needed by no run that stays, and are gone now. */
export type RemoveRuns = (runs: readonly string[]) => number;

export function createRemoveRuns(db: DatabaseSync, places: Places, forget: (run: string) => void): RemoveRuns {
  const find = db.prepare(`SELECT r.id, r.continues FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ? AND h.finished = 1
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run = r.id AND o.status = 'pending')
    AND NOT EXISTS (SELECT 1 FROM runs f WHERE f.continues = r.run)`);
  const removeRun = db.prepare("DELETE FROM runs WHERE id = ?");
  return (runs) =>
    removeFromTheEnd(runs, (run) => {
      const found = find.get(run);
      if (found === undefined) return undefined;
      const key = Number(found["id"]);
      places.remove(placeOf(key, 0), placeOf(key + 1, 0));
      removeRun.run(key);
      forget(run);
      return { continues: found["continues"] === null ? undefined : String(found["continues"]) };
    });
}
