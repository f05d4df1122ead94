/** Appending to journals. One statement moves the head if it is still ours, then each event is one row. */
import type { DatabaseSync } from "node:sqlite";
import { ExecutusError } from "../../kernel/errors.ts";
import type { EventBody } from "../../ports/events.ts";
import type { AppendRequest, AppendResult, RunRowChange } from "../../ports/store.ts";
import { bodyDigest, nextSum } from "./chain.ts";
import { batchEnd } from "./requests.ts";
import type { Head, Heads } from "./sqlite-heads.ts";
import type { LaneWrites } from "./sqlite-lanes.ts";
import type { InsertDeliveries } from "./sqlite-outbox.ts";
import type { PreparedLedger, PrepareLedger } from "./sqlite-ledger.ts";
import type { Places } from "./sqlite-places.ts";
import { placeOf } from "./sqlite-schema.ts";

/** A body as it will lie in the file. */
export interface EncodedBody {
  readonly text: string;
  readonly digest: string;
}

/** Done when the append is asked for, not in the transaction: what cannot be written fails before it can hurt anyone. */
export function encode(run: string, events: readonly EventBody[]): readonly EncodedBody[] {
  return events.map((event) => {
    try {
      const text = JSON.stringify(event);
      return { text, digest: bodyDigest(text) };
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      throw new ExecutusError("port_failed", `An event ${event.type} of run ${run} is not JSON: ${detail}`, { cause, run });
    }
  });
}

/** Rows as they will lie in the file after `head`, with their sums. */
export function toRecords(
  head: Head,
  bodies: readonly EncodedBody[],
  { at, activeMs }: { readonly at: number; readonly activeMs: number },
): readonly EventRecord[] {
  const { key, epoch } = head;
  let { seq, sum } = head;
  return bodies.map(({ text, digest }) => {
    sum = nextSum(sum, { seq: ++seq, epoch, at, activeMs }, digest);
    return { place: placeOf(key, seq), epoch, at, activeMs, text, sum };
  });
}

export interface EventRecord {
  readonly place: number;
  readonly epoch: number;
  readonly at: number;
  readonly activeMs: number;
  readonly text: string;
  readonly sum: Uint8Array;
}

/** Inside a write. */
export type InsertEvents = (records: readonly EventRecord[]) => void;

/** Most commits have one event or two: both in one statement is a tenth less CPU per step than one after the other. */
export function createInsertEvents(db: DatabaseSync, places: Places): InsertEvents {
  const columns = "INSERT INTO events (place, epoch, at, active, body, sum) VALUES (?, ?, ?, ?, ?, ?)";
  const insert = db.prepare(columns);
  const insertTwo = db.prepare(`${columns}, (?, ?, ?, ?, ?, ?)`);
  return (records) => {
    const [a, b] = records;
    if (records.length === 2 && a !== undefined && b !== undefined) {
      const { place, epoch, at, activeMs, text, sum } = a;
      insertTwo.run(place, epoch, at, activeMs, text, sum, b.place, b.epoch, b.at, b.activeMs, b.text, b.sum);
    } else {
      for (const { place, epoch, at, activeMs, text, sum } of records) insert.run(place, epoch, at, activeMs, text, sum);
    }
    places.added(records.length);
  };
}

const APPENDED: AppendResult = Object.freeze({ ok: true });
const FENCED: AppendResult = Object.freeze({ ok: false, reason: "fenced" });
const UNSEEN: AppendResult = Object.freeze({ ok: false, reason: "inbox" });

type RowColumns = readonly [string | null, number | null, number | null, number | string | null, string | null, number | null];

/** Values for the row columns of an UPDATE that keeps what is null. */
export function rowColumns(row: RunRowChange): RowColumns {
  const waiting = row.waitingFor === undefined ? null : row.waitingFor === null ? "" : JSON.stringify(row.waitingFor);
  const dueAt = row.dueAt === undefined ? null : (row.dueAt ?? NEVER);
  return [row.status ?? null, row.step ?? null, row.tokens ?? null, row.costUsd ?? null, waiting, dueAt];
}

/** What clears `due_at`. */
const NEVER = -1;

export const SET_ROW: string = `status = coalesce(?, status), step = coalesce(?, step), tokens = coalesce(?, tokens),
  cost = coalesce(?, cost), waiting = coalesce(?, waiting), due_at = nullif(coalesce(?, due_at), ${NEVER})`;

/** Inside a write. */
export type Append = (request: AppendRequest, bodies: readonly EncodedBody[]) => AppendResult;

export interface AppenderOptions {
  readonly db: DatabaseSync;
  readonly heads: Heads;
  readonly insertEvents: InsertEvents;
  readonly insertDeliveries: InsertDeliveries;
  readonly lanes: LaneWrites;
  readonly ledger: PrepareLedger;
}

export function createAppender({ db, heads, insertEvents, insertDeliveries, lanes, ledger }: AppenderOptions): Append {
  const move = createMove(db);
  const close = createClose(db);
  const sealRefusal = createSealCheck(db, heads);
  const consume = createConsume(db);
  const wake = db.prepare(`UPDATE heads SET due_at = min(coalesce(due_at, ?), ?)
    WHERE id = (SELECT id FROM runs WHERE run = ?) AND finished = 0 AND waiting <> ''`);

  return (request, bodies) => {
    const { run, epoch } = request;
    const head = heads.current(run);
    if (head?.epoch !== epoch || head.seq + 1 !== request.seq) return fenced(heads, run);
    const money = ledger(run, request.ledger);
    const refusal = sealRefusal(request) ?? budgetRefusal(money);
    if (refusal !== undefined) return refusal === FENCED ? fenced(heads, run) : refusal;
    const records = toRecords(head, bodies, request);
    const next = headAfter(head, records, request);
    if (!move(head, next, request)) return fenced(heads, run);
    insertEvents(records);
    insertDeliveries(head.key, request);
    lanes.leaveQueue(head.key, request);
    money.write();
    consume(head.key, request);
    if (request.wakes !== undefined) wake.run(request.at, request.at, request.wakes);
    heads.remember(run, next);
    if (close(head.key, request.events)) heads.forget(run);
    return APPENDED;
  };
}

function headAfter(head: Head, records: readonly EventRecord[], { row }: AppendRequest): Head {
  const sum = records[records.length - 1]?.sum ?? head.sum;
  const plainStatus = row === undefined ? head.plainStatus : plainStatusOf(row);
  return { ...head, seq: head.seq + records.length, sum, plainStatus };
}

function createConsume(db: DatabaseSync): (key: number, request: AppendRequest) => void {
  const consume = db.prepare("UPDATE inbox SET body = NULL WHERE run = ? AND entry = ?");
  return (key, { consumed = [] }) => {
    for (const id of consumed) consume.run(key, id);
  };
}

function budgetRefusal({ refusal }: PreparedLedger): AppendResult | undefined {
  return refusal === undefined ? undefined : { ok: false, reason: "budget", refusal };
}

/** Input that a terminal batch has not seen. The file says whose run it is: being fenced comes first. */
function createSealCheck(db: DatabaseSync, heads: Heads): (request: AppendRequest) => AppendResult | undefined {
  const unseen = db.prepare("SELECT entry FROM inbox WHERE run = ? AND position > ? AND body IS NOT NULL");
  return ({ run, epoch, sealAfterInbox, consumed = [] }) => {
    if (sealAfterInbox === undefined) return undefined;
    const head = heads.stored(run);
    if (head?.epoch !== epoch || head.finished === 1) return FENCED;
    const isUnseen = unseen.all(head.id, sealAfterInbox).some((row) => !consumed.includes(String(row["entry"])));
    return isUnseen ? UNSEEN : undefined;
  };
}

function fenced(heads: Heads, run: string): AppendResult {
  heads.forget(run);
  return FENCED;
}

/** False when the head is not where its owner left it; nothing is written then. */
type Move = (from: Head, to: Head, request: AppendRequest) => boolean;

function plainStatusOf({ status, waitingFor, dueAt }: RunRowChange): string | undefined {
  return waitingFor === null && dueAt === null ? status : undefined;
}

function createMove(db: DatabaseSync): Move {
  const where = "WHERE id = ? AND epoch = ? AND seq = ? AND finished = 0";
  const plain = db.prepare(`UPDATE heads SET seq = ?, sum = ?, at = ?, active = ? ${where}`);
  const withRow = db.prepare(`UPDATE heads SET seq = ?, sum = ?, at = ?, active = ?, ${SET_ROW} ${where}`);
  // Columns of an index are written anew, and a page of it with them, also when they stay what they were: one page in five of a commit.
  const withCounts = db.prepare(`UPDATE heads SET seq = ?, sum = ?, at = ?, active = ?,
    step = coalesce(?, step), tokens = coalesce(?, tokens), cost = coalesce(?, cost) ${where}`);
  return ({ key, epoch, seq, plainStatus }, to, { at, activeMs, row }) => {
    const { sum } = to;
    if (row === undefined) return plain.run(to.seq, sum, at, activeMs, key, epoch, seq).changes === 1;
    if (plainStatus === undefined || plainStatus !== to.plainStatus)
      return withRow.run(to.seq, sum, at, activeMs, ...rowColumns(row), key, epoch, seq).changes === 1;
    const { step = null, tokens = null, costUsd = null } = row;
    return withCounts.run(to.seq, sum, at, activeMs, step, tokens, costUsd, key, epoch, seq).changes === 1;
  };
}

/** What the end of a run, or the beginning of its end, does to its row. True when it has finished. */
function createClose(db: DatabaseSync): (key: number, events: readonly EventBody[]) => boolean {
  const seal = db.prepare("UPDATE heads SET sealed = 1 WHERE id = ?");
  const finish = db.prepare(
    "UPDATE heads SET sealed = 1, finished = 1, owner = NULL, due_at = NULL, status = coalesce(?, status) WHERE id = ?",
  );
  return (key, events) => {
    const { settles, finishes, status } = batchEnd(events);
    if (finishes) finish.run(status ?? null, key);
    else if (settles) seal.run(key);
    return finishes;
  };
}
