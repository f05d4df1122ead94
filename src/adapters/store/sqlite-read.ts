/** Reading a journal: the whole chain is checked before anybody gets to act on what it says. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { EventBody, RunEvent } from "../../ports/events.ts";
import { bodyDigest, chainStart, nextSum, sameSum } from "./chain.ts";
import { endRead } from "./sqlite-connection.ts";
import { CORRUPT, isUnreadable, journalDamaged, sqliteCode, toStoreError } from "./sqlite-errors.ts";
import { HEAD_OF_RUN, type StoredHead } from "./sqlite-heads.ts";
import { createLogReader, type LogReader } from "./sqlite-places.ts";
import { placeOf } from "./sqlite-schema.ts";

/** A long journal is read in parts, so that it does not hold up the event loop. */
const PART_EVENTS = 500;
const PART_CHARACTERS = 2_000_000;

export interface EventRow {
  readonly place: number;
  readonly epoch: number;
  readonly at: number;
  readonly active: number;
  readonly body: string;
  readonly sum: Uint8Array;
}

/** The last record that was checked. */
export interface Cursor {
  readonly seq: number;
  readonly sum: Uint8Array;
}

export type ReadJournal = (
  run: string,
  options?: { readonly after?: number; readonly limit?: number },
) => Promise<readonly RunEvent[]>;

interface Reading {
  readonly file: string;
  readonly run: string;
  readonly after: number;
  readonly limit: number;
  readonly events: RunEvent[];
  cursor: Cursor | undefined;
  /** Not everything was found the short way. */
  isFromWholeLog: boolean;
}

interface Statements {
  readonly head: StatementSync;
  readonly log: LogReader;
}

export function createReadJournal(db: DatabaseSync, file: string): ReadJournal {
  const statements: Statements = {
    head: db.prepare(HEAD_OF_RUN),
    log: createLogReader(db),
  };

  /** Head and records of one part are of one moment; true once the end or the limit is reached. */
  const readInTransaction = (reading: Reading): boolean => {
    try {
      db.exec("BEGIN");
      const head = statements.head.get(reading.run) as StoredHead | undefined;
      if (head === undefined) return true;
      if (!isHead(head)) throw journalDamaged(file, reading.run, 0, "what is kept of its end cannot be read");
      return reading.after >= head.seq || readPart(statements, reading, head);
    } catch (error) {
      throw toStoreError(error, file);
    } finally {
      endRead(db);
    }
  };

  return async (run, { after = -1, limit = Infinity } = {}) => {
    const reading: Reading = { file, run, after, limit, events: [], cursor: undefined, isFromWholeLog: false };
    if (limit <= 0) return reading.events;
    while (!readInTransaction(reading)) await setImmediate();
    return reading.events;
  };
}

/** A damaged record may have columns of other types than its table allows. */
function isHead({ id, seq, sum }: Readonly<Record<keyof StoredHead, unknown>>): boolean {
  return Number.isSafeInteger(id) && Number.isSafeInteger(seq) && Number(seq) >= 0 && sum instanceof Uint8Array;
}

function readPart(statements: Statements, reading: Reading, head: StoredHead): boolean {
  if (tryRows(statements, reading, head)) return reading.events.length >= reading.limit;
  const last = reading.cursor;
  const problem = last === undefined ? undefined : endProblem(last, head);
  if (problem !== undefined) throw journalDamaged(reading.file, reading.run, nextSeq(reading), problem);
  return true;
}

function nextSeq({ cursor, after }: Reading): number {
  return (cursor?.seq ?? after) + 1;
}

/** A page of this journal that SQLite cannot read is this run's trouble, not the store's. */
function tryRows(statements: Statements, reading: Reading, head: StoredHead): boolean {
  try {
    return readRows(statements, reading, head);
  } catch (error) {
    if (sqliteCode(error) !== CORRUPT && !isUnreadable(error)) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw journalDamaged(reading.file, reading.run, nextSeq(reading), detail);
  }
}

/** Reads on from the cursor; true when it stopped before the last row. */
function readRows(statements: Statements, reading: Reading, head: StoredHead): boolean {
  const { file, run, events } = reading;
  reading.cursor ??= startAfter(statements, reading, head.id);
  let room = Math.min(PART_EVENTS, reading.limit - events.length);
  let characters = PART_CHARACTERS;
  const [from, to] = [placeOf(head.id, reading.cursor.seq), placeOf(head.id, head.seq)];
  const rows = reading.isFromWholeLog ? statements.log.all : statements.log.placed;
  for (const found of rows(from, to)) {
    if (room-- <= 0 || characters <= 0) return true;
    const row = found as EventRow;
    const seq: number = reading.cursor.seq + 1;
    const problem = recordProblem(head.id, reading.cursor, row);
    if (problem === MISSING && !reading.isFromWholeLog) break;
    if (problem !== undefined) throw journalDamaged(file, run, seq, problem);
    events.push(toEvent(reading, seq, row));
    reading.cursor = { seq, sum: row.sum };
    characters -= row.body.length;
  }
  if (reading.isFromWholeLog || reading.cursor.seq >= head.seq) return false;
  reading.isFromWholeLog = true;
  return readRows(statements, reading, head);
}

function startAfter({ log }: Statements, { file, run, after }: Reading, key: number): Cursor {
  if (after < 0) return { seq: -1, sum: chainStart(run) };
  const place = placeOf(key, after);
  for (const rows of [log.placed, log.all]) {
    const [row] = [...rows(place - 1, place)] as EventRow[];
    if (row?.place === place && row.sum instanceof Uint8Array) return { seq: after, sum: row.sum };
  }
  throw journalDamaged(file, run, after, MISSING);
}

const MISSING = "the record is missing";

/** What is wrong with a record that should follow `previous`, if anything is. */
export function recordProblem(runKey: number, previous: Cursor, row: EventRow): string | undefined {
  const seq = previous.seq + 1;
  if (row.place !== placeOf(runKey, seq)) return MISSING;
  if (!isWhole(row)) return "the record cannot be read";
  const { epoch, at, active: activeMs } = row;
  const sum = nextSum(previous.sum, { seq, epoch, at, activeMs }, bodyDigest(row.body));
  return sameSum(sum, row.sum) ? undefined : "its checksum does not match its content";
}

function isWhole({ epoch, at, active, body, sum }: Readonly<Record<keyof EventRow, unknown>>): boolean {
  return typeof body === "string" && sum instanceof Uint8Array && [epoch, at, active].every((field) => typeof field === "number");
}

/** What is wrong with a journal that ends at `last`, if anything is. */
export function endProblem(last: Cursor, head: { readonly seq: number; readonly sum: Uint8Array }): string | undefined {
  if (last.seq < head.seq) return `the journal ends here, but ${head.seq - last.seq} more were acknowledged`;
  return sameSum(last.sum, head.sum) ? undefined : "the last checksum is not the one the run's row has";
}

function toEvent({ file, run }: Reading, seq: number, row: EventRow): RunEvent {
  let body: unknown;
  try {
    body = JSON.parse(row.body);
  } catch {
    throw journalDamaged(file, run, seq, "its body is not JSON");
  }
  if (typeof body !== "object" || body === null) throw journalDamaged(file, run, seq, "its body is not an object");
  return Object.assign(body as EventBody, { seq, epoch: row.epoch, at: row.at, activeMs: row.active });
}
