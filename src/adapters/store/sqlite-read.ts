/** Reading a journal: the whole chain is checked before anybody gets to act on what it says. */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { EventBody, EventHeader, RunEvent } from "../../ports/events.ts";
import { bodyDigest, chainStart, nextSum, sameSum } from "./chain.ts";
import { isUnavailable, journalDamaged, toStoreError } from "./sqlite-errors.ts";
import { HEAD_OF_RUN, type StoredHead } from "./sqlite-heads.ts";
import { eventKey } from "./sqlite-schema.ts";

/** A long journal is read in parts, so that it does not hold up the event loop. */
const PART_EVENTS = 500;
const PART_CHARACTERS = 2_000_000;

interface EventRow {
  readonly id: number;
  readonly epoch: number;
  readonly at: number;
  readonly active: number;
  readonly body: string;
  readonly sum: Uint8Array;
}

/** Where a reading stands: the last record that was checked. */
interface Cursor {
  readonly seq: number;
  readonly sum: Uint8Array;
}

export type ReadJournal = (
  run: string,
  options?: { readonly after?: number; readonly limit?: number },
) => Promise<readonly RunEvent[]>;

export function createReadJournal(db: DatabaseSync, file: string): ReadJournal {
  const selectHead = db.prepare(HEAD_OF_RUN);
  const selectSum = db.prepare("SELECT sum FROM events WHERE id = ?");
  const selectRows = db.prepare("SELECT id, epoch, at, active, body, sum FROM events WHERE id > ? AND id <= ? ORDER BY id");

  function start(run: string, after: number, head: StoredHead): Cursor {
    if (after < 0) return { seq: -1, sum: chainStart(run) };
    const row = selectSum.get(eventKey(head.id, after));
    if (row === undefined) throw journalDamaged(file, run, after, "the record is missing");
    return { seq: after, sum: row["sum"] as Uint8Array };
  }

  /** Add what follows `from`; undefined once the end or the limit is reached. */
  function readPart(run: string, from: Cursor | number, into: RunEvent[], limit: number): Cursor | undefined {
    const head = selectHead.get(run) as StoredHead | undefined;
    if (head === undefined || (typeof from === "number" && from >= head.seq)) return undefined;
    let cursor = typeof from === "number" ? start(run, from, head) : from;
    let characters = 0;
    let events = 0;
    for (const row of selectRows.iterate(eventKey(head.id, cursor.seq), eventKey(head.id, head.seq))) {
      const { event, sum } = checked(file, run, head.id, cursor, row as unknown as EventRow);
      into.push(event);
      cursor = { seq: event.seq, sum };
      characters += (row["body"] as string).length;
      if (into.length >= limit || ++events >= PART_EVENTS || characters >= PART_CHARACTERS) break;
    }
    return checkEnd(file, run, cursor, head) || into.length >= limit ? undefined : cursor;
  }

  function inTransaction<T>(run: string, into: readonly RunEvent[], read: () => T): T {
    try {
      db.exec("BEGIN");
      return read();
    } catch (error) {
      const isForeignError = toStoreError(error, file) === error;
      if (isForeignError || isUnavailable(error)) throw toStoreError(error, file);
      const detail = error instanceof Error ? error.message : String(error);
      throw journalDamaged(file, run, into.length === 0 ? 0 : (into[into.length - 1]?.seq ?? 0) + 1, detail);
    } finally {
      if (db.isTransaction) db.exec("COMMIT");
    }
  }

  return async (run, { after = -1, limit = Infinity } = {}) => {
    const events: RunEvent[] = [];
    let from: Cursor | number = after;
    for (;;) {
      const next: Cursor | undefined = inTransaction(run, events, () => readPart(run, from, events, limit));
      if (next === undefined) return events;
      from = next;
      await setImmediate();
    }
  };
}
