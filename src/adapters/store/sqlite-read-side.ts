/** Everything a store answers without writing, over the connection that cannot write. */
import type { DatabaseSync } from "node:sqlite";
import type { BudgetReader } from "../../ports/budget.ts";
import type { Inbox, Journal, Outbox, Owners, Runs } from "../../ports/store.ts";
import type { Lanes } from "../../ports/lanes.ts";
import { openReader } from "./sqlite-connection.ts";
import { toStoreError } from "./sqlite-errors.ts";
import { createReadInbox } from "./sqlite-inbox.ts";
import { createReadStandings } from "./sqlite-ledger.ts";
import { createReadLaneHeads } from "./sqlite-lanes.ts";
import { createOutboxReads } from "./sqlite-outbox.ts";
import { createPoll } from "./sqlite-poll.ts";
import { createProcesses, type ProcessOptions } from "./sqlite-processes.ts";
import { createReadJournal } from "./sqlite-read.ts";
import { createRunIndex } from "./sqlite-index.ts";
import { createFindDue, createFindOrphans } from "./sqlite-wake-ups.ts";
import { createWatchers, type Watchers } from "./watchers.ts";

export interface ReadSide {
  readonly journal: Pick<Journal, "read" | "watch">;
  readonly inbox: Pick<Inbox, "pending">;
  readonly owners: Pick<Owners, "self" | "orphans" | "due">;
  readonly runs: Pick<Runs, "get" | "list">;
  readonly outbox: Pick<Outbox, "nextDue" | "list">;
  readonly lanes: Lanes;
  readonly budgets: BudgetReader;
  readonly watchers: Watchers;
  close(): void;
}

export interface ReadSideOptions {
  readonly file: string;
  readonly process: ProcessOptions;
  readonly pollMs: number;
  /** The connection that writes, where there is one. */
  readonly writer?: DatabaseSync;
  /** This store's own row among the processes. */
  readonly ownId: () => number | undefined;
}

export function openReadSide({ file, process, pollMs, writer, ownId }: ReadSideOptions): ReadSide {
  const db = openReader(file);
  const processes = createProcesses(db, process, ownId);
  const findOrphans = createFindOrphans(db, processes);
  const findDue = createFindDue(db, processes);
  const readInbox = createReadInbox(db);
  const outbox = createOutboxReads(db, processes);
  const laneHeads = createReadLaneHeads(db, processes);
  const index = createRunIndex(db, processes);
  const standings = createReadStandings(db);
  const poll = createPoll({ versions: writer ?? db, reader: db, watchers: () => watchers, pollMs });
  const watchers = createWatchers((size) => poll.resize(size));

  const answer = async <T>(read: () => T): Promise<T> => {
    try {
      return read();
    } catch (error) {
      throw toStoreError(error, file);
    }
  };

  return {
    journal: { read: createReadJournal(db, file), watch: (run, changed) => watchers.watch(run, changed) },
    inbox: { pending: (run, after) => answer(() => readInbox(run, after)) },
    owners: {
      self: process.name,
      orphans: (limit, now = process.clock.now()) => answer(() => findOrphans(limit, now)),
      due: (now, limit) => answer(() => findDue(now, limit)),
    },
    runs: { get: (run) => answer(() => index.get(run)), list: (query) => answer(() => index.list(query)) },
    outbox: { nextDue: (kinds) => answer(() => outbox.nextDue(kinds)), list: (query) => answer(() => outbox.list(query)) },
    budgets: { standings: (query) => answer(() => standings(query)) },
    lanes: { heads: (query) => answer(() => laneHeads(query)) },
    watchers,
    close() {
      poll.stop();
      db.close();
    },
  };
}
