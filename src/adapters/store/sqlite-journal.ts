/** Appending to journals. One statement moves the head if it is still ours, then each event is one row. */
import type { DatabaseSync } from "node:sqlite";
import { ExecutusError } from "../../kernel/errors.ts";
import type { EventBody } from "../../ports/events.ts";
import type { AppendRequest, AppendResult, RunRowChange } from "../../ports/store.ts";
import { bodyDigest, nextSum } from "./chain.ts";
import { batchEnd } from "./requests.ts";
import type { Head, Heads } from "./sqlite-heads.ts";
import { eventKey } from "./sqlite-schema.ts";

/** A body as it will lie in the file. */
export interface EncodedBody {
  readonly text: string;
  readonly digest: Uint8Array;
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
    return { id: eventKey(key, seq), epoch, at, activeMs, text, sum };
  });
}

export interface EventRecord {
  readonly id: number;
  readonly epoch: number;
  readonly at: number;
  readonly activeMs: number;
  readonly text: string;
  readonly sum: Uint8Array;
}

/** Inside a write. */
export type InsertEvents = (records: readonly EventRecord[]) => void;

export function createInsertEvents(db: DatabaseSync): InsertEvents {
  const insert = db.prepare("INSERT INTO events (id, epoch, at, active, body, sum) VALUES (?, ?, ?, ?, ?, ?)");
  return (records) => {
    for (const { id, epoch, at, activeMs, text, sum } of records) insert.run(id, epoch, at, activeMs, text, sum);
  };
}

const APPENDED: AppendResult = Object.freeze({ ok: true });
const FENCED: AppendResult = Object.freeze({ ok: false, reason: "fenced" });
const UNSEEN: AppendResult = Object.freeze({ ok: false, reason: "inbox" });

/** Values for the row columns of an UPDATE that keeps what is null. */
export function rowColumns(
  row: RunRowChange,
): [string | null, number | null, number | null, number | string | null, string | null] {
  const waiting = row.waitingFor === undefined ? null : row.waitingFor === null ? "" : JSON.stringify(row.waitingFor);
  return [row.status ?? null, row.step ?? null, row.tokens ?? null, row.costUsd ?? null, waiting];
}

export const SET_ROW = `status = coalesce(?, status), step = coalesce(?, step), tokens = coalesce(?, tokens),
  cost = coalesce(?, cost), waiting = coalesce(?, waiting)`;

const MOVED = "WHERE id = ? AND epoch = ? AND seq = ? AND finished = 0";

export interface Appender {
  /** Inside a write. */
  append(request: AppendRequest, bodies: readonly EncodedBody[]): AppendResult;
}

export function createAppender(db: DatabaseSync, heads: Heads, insert: InsertEvents): Appender {
  const move = db.prepare(`UPDATE heads SET seq = ?, sum = ?, at = ?, active = ? ${MOVED}`);
  const moveWithRow = db.prepare(`UPDATE heads SET seq = ?, sum = ?, at = ?, active = ?, ${SET_ROW} ${MOVED}`);
  const seal = db.prepare("UPDATE heads SET sealed = 1 WHERE id = ?");
  const finish = db.prepare(
    "UPDATE heads SET sealed = 1, finished = 1, owner = NULL, status = coalesce(?, status) WHERE id = ?",
  );
  const consume = db.prepare("UPDATE inbox SET body = NULL WHERE run = ? AND entry = ?");
  const unseen = db.prepare("SELECT entry FROM inbox WHERE run = ? AND position > ? AND body IS NOT NULL");

  const hasUnseen = (key: number, { sealAfterInbox = 0, consumed = [] }: AppendRequest): boolean =>
    unseen.all(key, sealAfterInbox).some((row) => !consumed.includes(String(row["entry"])));

  const refuse = (run: string): AppendResult => {
    heads.forget(run);
    return FENCED;
  };

  /** False when the head is not where the owner left it. Nothing is written then. */
  const advance = (head: Head, request: AppendRequest, sum: Uint8Array): boolean => {
    const { at, activeMs, row } = request;
    const seq = head.seq + request.events.length;
    const where = [head.key, head.epoch, head.seq] as const;
    const { changes } =
      row === undefined
        ? move.run(seq, sum, at, activeMs, ...where)
        : moveWithRow.run(seq, sum, at, activeMs, ...rowColumns(row), ...where);
    return changes === 1;
  };

  return {
    append(request, bodies) {
      const { run, epoch } = request;
      const head = heads.current(run);
      if (head === undefined || head.epoch !== epoch || head.seq + 1 !== request.seq) return refuse(run);
      if (request.sealAfterInbox !== undefined) {
        const stored = heads.stored(run);
        if (stored?.epoch !== epoch || stored.finished === 1) return refuse(run);
        if (hasUnseen(head.key, request)) return UNSEEN;
      }
      const records = toRecords(head, bodies, request);
      const sum = records[records.length - 1]?.sum ?? head.sum;
      if (!advance(head, request, sum)) return refuse(run);
      insert(records);
      for (const id of request.consumed ?? []) consume.run(head.key, id);
      const { settles, finishes, status } = batchEnd(request.events);
      if (finishes) finish.run(status ?? null, head.key);
      else if (settles) seal.run(head.key);
      if (finishes) heads.forget(run);
      head.seq += bodies.length;
      head.sum = sum;
      return APPENDED;
    },
  };
}
