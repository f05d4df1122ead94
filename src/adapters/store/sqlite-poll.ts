/** What other processes wrote: one cheap question to the file per interval, and only while somebody watches. */
import type { DatabaseSync } from "node:sqlite";
import { pragma } from "./sqlite-schema.ts";
import type { Watchers } from "./watchers.ts";

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
      if (watchers().watchesAll) for (const run of changes.since()) watchers().touch(run);
    } catch {
      // The file cannot be read just now: whoever reads or writes next hears of it as an error.
    }
  };

  return {
    resize(count) {
      if (count === 0) {
        clearInterval(timer);
        timer = undefined;
        return;
      }
      if (timer === undefined) {
        version = pragma(versions, "data_version");
        timer = setInterval(look, pollMs).unref();
      }
      if (watchers().watchesAll) changes.begin();
    },
    stop: () => clearInterval(timer),
  };
}

interface Seen {
  readonly run: string;
  readonly mark: string;
}

/** Which runs changed: unfinished ones are compared with what they were, new and finished ones show by their keys. */
function createChanges(reader: DatabaseSync): { begin(): void; since(): ReadonlySet<string> } {
  const unfinished =
    reader.prepare(`SELECT h.id, r.run, h.epoch || ' ' || h.seq || ' ' || h.status || ' ' || coalesce(h.owner, '') AS mark
    FROM heads h JOIN runs r ON r.id = h.id WHERE h.finished = 0`);
  const created = reader.prepare("SELECT id, run FROM runs WHERE id > ? ORDER BY id");
  const sent = reader.prepare(`SELECT i.position, r.run FROM inbox i JOIN runs r ON r.id = i.run
    WHERE i.position > ? ORDER BY i.position`);
  const last = reader.prepare(
    "SELECT (SELECT coalesce(max(id), 0) FROM runs) AS run, (SELECT coalesce(max(position), 0) FROM inbox) AS position",
  );
  let seen: Map<number, Seen> | undefined;
  let lastRun = 0;
  let lastPosition = 0;

  const readUnfinished = (): Map<number, Seen> =>
    new Map(unfinished.all().map((row) => [Number(row["id"]), { run: String(row["run"]), mark: String(row["mark"]) }]));

  return {
    begin() {
      if (seen !== undefined) return;
      seen = readUnfinished();
      const ends = last.get();
      lastRun = Number(ends?.["run"]);
      lastPosition = Number(ends?.["position"]);
    },
    since() {
      const before = seen ?? new Map<number, Seen>();
      const changed = new Set<string>();
      const now = readUnfinished();
      seen = now;
      for (const [id, { run, mark }] of now) if (before.get(id)?.mark !== mark) changed.add(run);
      for (const [id, { run }] of before) if (!now.has(id)) changed.add(run);
      for (const row of created.all(lastRun)) {
        lastRun = Number(row["id"]);
        changed.add(String(row["run"]));
      }
      for (const row of sent.all(lastPosition)) {
        lastPosition = Number(row["position"]);
        changed.add(String(row["run"]));
      }
      return changed;
    },
  };
}
