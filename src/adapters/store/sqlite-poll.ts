/** What other processes wrote: one cheap question to the file per interval, and only while somebody watches. */
import type { DatabaseSync } from "node:sqlite";
import { EVENTS_PER_RUN, pragma } from "./sqlite-schema.ts";
import type { Change, Watchers } from "./watchers.ts";

export interface Poll {
  /** Called with the number of watchers whenever it changes. */
  resize(watchers: number): void;
  stop(): void;
}

export interface PollOptions {
  /** Its `data_version` moves when another connection commits: the writer's, so that own commits do not count. */
  readonly versions: DatabaseSync;
  readonly reader: DatabaseSync;
  readonly watchers: () => Watchers;
  readonly pollMs: number;
}

export function createPoll({ versions, reader, watchers, pollMs }: PollOptions): Poll {
  const changes = createChanges(reader);
  let version = Number.NaN;
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    try {
      const now = pragma(versions, "data_version");
      if (now === version) return;
      version = now;
      for (const run of watchers().watched) watchers().touch(run);
      if (watchers().watchesAll) for (const [run, what] of changes.since()) watchers().touch(run, what);
    } catch {
      // The file cannot be read just now: whoever reads or writes next hears of it as an error.
    }
  };

  return {
    resize(count) {
      if (count === 0) {
        changes.end();
        clearInterval(timer);
        timer = undefined;
        return;
      }
      if (timer === undefined) {
        version = pragma(versions, "data_version");
        timer = setInterval(look, pollMs).unref();
      }
      if (watchers().watchesAll) changes.begin();
      else changes.end();
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * What was written since the last look: new runs, events and input show by their keys, so that a look costs nothing for runs of
 * which nothing was written, however many there are.
 */
function createChanges(reader: DatabaseSync): { begin(): void; end(): void; since(): ReadonlyMap<string, Change | undefined> } {
  const ends = reader.prepare(`SELECT (SELECT coalesce(max(id), 0) FROM runs) AS runs,
    (SELECT coalesce(max(id), 0) FROM events) AS events, (SELECT coalesce(max(position), 0) FROM inbox) AS inbox`);
  const created = reader.prepare("SELECT run FROM runs WHERE id > ?");
  const appended = reader.prepare(`SELECT run FROM runs WHERE id IN (SELECT place / ${EVENTS_PER_RUN} FROM events WHERE id > ?)`);
  const sent = reader.prepare("SELECT run FROM runs WHERE id IN (SELECT run FROM inbox WHERE position > ?)");
  let seen: Ends | undefined;

  return {
    begin: () => {
      seen ??= ends.get() as unknown as Ends;
    },
    end: () => {
      seen = undefined;
    },
    since() {
      const before = seen ?? { runs: 0, events: 0, inbox: 0 };
      seen = ends.get() as unknown as Ends;
      const changed = new Map<string, Change | undefined>();
      // Keys of events are used again once the newest are gone, with their runs: what is at the end now was written since.
      const from = Math.min(before.events, seen.events);
      for (const row of created.all(before.runs)) changed.set(String(row["run"]), undefined);
      for (const row of appended.all(from)) changed.set(String(row["run"]), "journal");
      for (const row of sent.all(before.inbox)) {
        const run = String(row["run"]);
        changed.set(run, changed.has(run) ? undefined : "inbox");
      }
      return changed;
    },
  };
}

/** Highest keys. */
interface Ends {
  readonly runs: number;
  readonly events: number;
  readonly inbox: number;
}
