/**
 * Where the events of a run lie in the log.
 *
 * `events` is a log: rows in the order in which they were written, whatever run they belong to. `places` finds those of one run,
 * and is filled behind the log, some hundred events at once: an index that every commit kept up to date would cost it a page in
 * four with one run, and two pages in five with a thousand. `placed.until` is the last row that is in it; whoever reads looks
 * through the rows after that one by one.
 *
 * L1 Within a run, a later event has a higher row id: rows of a run that are read in the order of the log are in its order.
 * L2 `places` only ever saves time. A journal whose rows are not all found through it is read from the whole log instead, so that
 *    damage to it damages no run.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** What takes a file from format 1, which had an index, to format 2. */
export const PLACES_TABLES = `
DROP INDEX events_by_place;
CREATE TABLE places (place INTEGER PRIMARY KEY, event INTEGER NOT NULL) STRICT;
CREATE TABLE placed (id INTEGER PRIMARY KEY CHECK (id = 1), until INTEGER NOT NULL) STRICT;
INSERT INTO places SELECT place, id FROM events ORDER BY place;
INSERT INTO placed SELECT 1, coalesce(max(id), 0) FROM events;
`;

/** So many events may be behind `placed.until`, for each process that writes. Looking through them takes a fraction of a ms. */
export const BEHIND_AT_MOST = 512;

const UNTIL = "(SELECT until FROM placed)";

export interface Places {
  /** Inside a write: so many events were added to the log. */
  added(count: number): void;
  /** Inside a write: everything in the log is found through `places` from here on. */
  catchUp(): void;
  /** Inside a write: made anew from the log where it does not fit. */
  mend(): void;
  /** Inside a write: the events of the run with these places are removed from the log. */
  remove(from: number, before: number): void;
}

export function createPlaces(db: DatabaseSync): Places {
  const fill = db.prepare(`INSERT OR REPLACE INTO places SELECT place, id FROM events WHERE id > ${UNTIL} ORDER BY place`);
  const move = db.prepare("UPDATE placed SET until = (SELECT coalesce(max(id), 0) FROM events)");
  const removeEvents = db.prepare("DELETE FROM events WHERE id IN (SELECT event FROM places WHERE place >= ? AND place < ?)");
  const removePlaces = db.prepare("DELETE FROM places WHERE place >= ? AND place < ?");
  // Short-lived processes never add many: what they left behind counts.
  let behind = Number(db.prepare(`SELECT count(*) AS n FROM events WHERE id > ${UNTIL}`).get()?.["n"]);

  const catchUp = (): void => {
    fill.run();
    move.run();
    behind = 0;
  };
  return {
    catchUp,
    mend() {
      if (placesProblem(db) === undefined) return;
      db.exec("DELETE FROM places; UPDATE placed SET until = 0");
      catchUp();
    },
    added(count) {
      behind += count;
      if (behind >= BEHIND_AT_MOST) catchUp();
    },
    remove(from, before) {
      catchUp();
      removeEvents.run(from, before);
      removePlaces.run(from, before);
      // Row ids at the end of the log are given again: the next events must not look as if they had been placed.
      move.run();
    },
  };
}

/** Rows of a run, in order; `from` is left out, `to` is not. */
export type ReadRows = (from: number, to: number) => Iterable<unknown>;

export interface LogReader {
  /** Through `places`, then what is behind it. */
  readonly placed: ReadRows;
  /** From the whole log, as if there were no `places`. */
  readonly all: ReadRows;
}

export function createLogReader(db: DatabaseSync): LogReader {
  const columns = "e.place, e.epoch, e.at, e.active, e.body, e.sum";
  const placed: StatementSync = db.prepare(
    `SELECT ${columns} FROM places p JOIN events e ON e.id = p.event WHERE p.place > ? AND p.place <= ? ORDER BY p.place`,
  );
  const behind = db.prepare(
    `SELECT ${columns} FROM events e WHERE e.id > ${UNTIL} AND e.place > ? AND e.place <= ? ORDER BY e.id`,
  );
  const all = db.prepare(`SELECT ${columns} FROM events e WHERE e.place > ? AND e.place <= ? ORDER BY e.id`);
  return {
    *placed(from, to) {
      yield* placed.iterate(from, to);
      yield* behind.iterate(from, to);
    },
    all: (from, to) => all.iterate(from, to),
  };
}

/** What is wrong with `places`, if anything is; everything can still be read. An entry whose row is lost is its run's trouble. */
export function placesProblem(db: DatabaseSync): string | undefined {
  const wrong = db.prepare("SELECT count(*) AS n FROM places p JOIN events e ON e.id = p.event WHERE e.place <> p.place");
  const missing = db.prepare(`SELECT count(*) AS n FROM events e LEFT JOIN places p ON p.place = e.place
    WHERE p.event IS NOT e.id AND e.id <= ${UNTIL}`);
  const count = (statement: StatementSync): number => Number(statement.get()?.["n"]);
  const [extra, left] = [count(wrong), count(missing)];
  return extra + left === 0
    ? undefined
    : `the table that finds records of a run does not fit the log (${extra} entries are wrong, ${left} are missing): runs are read ` +
        "from the whole log, which takes longer, until `executus store prune` makes it anew";
}
