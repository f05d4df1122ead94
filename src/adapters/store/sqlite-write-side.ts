/** Everything that changes the file: one connection, one queue. */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { BudgetRefusal, Ledger, LedgerChange } from "../../ports/budget.ts";
import type { Inbox, Journal, Outbox, Owners, Runs } from "../../ports/store.ts";
import { checkEntryId, checkRunId } from "./requests.ts";
import { truncateLog } from "./sqlite-connection.ts";
import { createHeads } from "./sqlite-heads.ts";
import { createSendToInbox, type SendToInbox } from "./sqlite-inbox.ts";
import { createForgetRun, createForgetWindows, createLedger, type PrepareLedger } from "./sqlite-ledger.ts";
import { type Append, createAppender, createInsertEvents, encode } from "./sqlite-journal.ts";
import { createLaneWrites } from "./sqlite-lanes.ts";
import { createInsertDeliveries, createOutboxWrites, type OutboxWrites } from "./sqlite-outbox.ts";
import { createOwnership, type Ownership } from "./sqlite-owners.ts";
import { createPlaces, type Places } from "./sqlite-places.ts";
import { createPresence, createProcesses, type Presence, type ProcessOptions } from "./sqlite-processes.ts";
import {
  createCreateRun,
  createInsertWholeRun,
  createRemoveRuns,
  type CreateRun,
  type InsertWholeRun,
  type RemoveRuns,
  type WholeRun,
} from "./sqlite-runs.ts";
import { pragma } from "./sqlite-schema.ts";
import { createWriter, type Writer } from "./sqlite-writer.ts";
import type { Change } from "./watchers.ts";

export interface WriteSide {
  readonly journal: Pick<Journal, "append">;
  readonly inbox: Pick<Inbox, "send">;
  readonly owners: Pick<Owners, "claim" | "release">;
  readonly runs: Pick<Runs, "create" | "remove">;
  readonly outbox: Pick<Outbox, "claim" | "record" | "requeue">;
  readonly budgets: Pick<Ledger, "apply">;
  readonly insertRun: (run: WholeRun) => Promise<boolean>;
  readonly forgetWindows: (endedBefore: number) => Promise<number>;
  readonly compact: () => Promise<void>;
  /** This store's own row among the processes. */
  readonly ownId: () => number | undefined;
  /** Everything asked for is done, and what this process owned is free for others. */
  finish(): Promise<void>;
}

export type OnChange = (run: string, writer: Writer, what?: Change) => void;

export interface WriteSideOptions {
  readonly db: DatabaseSync;
  readonly file: string;
  readonly process: ProcessOptions;
  readonly heartbeatMs: number;
  /** Inside a write: this run will have changed once it is committed. */
  readonly onChange: OnChange;
}

/** What can be done inside a write. */
interface Operations {
  readonly writer: Writer;
  readonly ledger: PrepareLedger;
  readonly append: Append;
  readonly create: CreateRun;
  readonly remove: RemoveRuns;
  readonly insertWholeRun: InsertWholeRun;
  readonly send: SendToInbox;
  readonly ownership: Ownership;
  readonly outbox: OutboxWrites;
  readonly presence: Presence;
  readonly places: Places;
}

/** Runs removed in one transaction: each may have thousands of events. */
const REMOVE_AT_ONCE = 20;
/** Pages moved in one transaction. */
const COMPACT_AT_ONCE = 200;

export function createWriteSide(options: WriteSideOptions): WriteSide {
  const operations = createOperations(options);
  const { writer, append, create, send, ownership, outbox, presence } = operations;

  /** One operation of a run; `isChange` says whether its result means that something was written. */
  const write = <T>(run: string, operation: () => T, isChange: (result: T) => boolean, what?: Change): Promise<T> =>
    writer.write(() => {
      const result = operation();
      if (isChange(result)) options.onChange(run, writer, what);
      return result;
    });

  return {
    journal: {
      append: (request) => {
        try {
          const bodies = encode(request.run, request.events);
          return write(request.run, () => append(request, bodies), isOk, "journal");
        } catch (error) {
          return Promise.reject(error);
        }
      },
    },
    inbox: {
      send: async (run, entry) => {
        checkEntryId(entry.id, run);
        return write(run, () => send(run, entry), isAccepted, "inbox");
      },
    },
    owners: {
      claim: (run, slot) => write(run, () => ownership.claim(run, slot), isOk),
      release: async (run, epoch, row) => {
        await write(run, () => ownership.release(run, epoch, row), Boolean);
      },
    },
    runs: {
      create: async (request) => {
        checkRunId(request.run);
        const bodies = encode(request.run, request.events);
        return write(request.run, () => create(request, bodies), isCreated, "journal");
      },
      remove: (runs) => removeInParts(operations, runs),
    },
    outbox: {
      claim: (request) => writer.write(() => outbox.claim(request)),
      record: (id, attempt, change) => writer.write(() => outbox.record(id, attempt, change)),
      requeue: (id, at) => writer.write(() => outbox.requeue(id, at)),
    },
    budgets: { apply: (run, change) => writer.write(() => changeLedger(operations.ledger, run, change)) },
    insertRun: (run) => write(run.row.run, () => operations.insertWholeRun(run), Boolean),
    forgetWindows: (endedBefore) => writer.write(() => createForgetWindows(options.db)(endedBefore)),
    compact: () => compact(options.db, operations),
    ownId: () => presence.id,
    async finish() {
      presence.stop();
      await writer.write(() => leave(operations));
    },
  };
}

function createOperations({ db, file, process, heartbeatMs }: WriteSideOptions): Operations {
  const heads = createHeads(db);
  // What dead processes left behind can also be tidied up by the next one.
  const tidy = (): void => void writer.write(() => ownership.tidy()).catch(() => {});
  const presence = createPresence({ db, writer: () => writer, heartbeatMs, onStart: tidy, ...process });
  const processes = createProcesses(db, process, () => presence.id);
  const onRollback = (): void => {
    heads.forgetAll();
    presence.onRollback();
  };
  const writer = createWriter({ db, file, isAlone: () => heads.count() <= 1, onRollback });
  const lanes = createLaneWrites(db, processes);
  const ownership = createOwnership({ db, lanes, heads, presence, processes, ...process });
  const places = createPlaces(db);
  const insertEvents = createInsertEvents(db, places);
  const ledger = createLedger(db);
  return {
    writer,
    ledger,
    append: createAppender({ db, heads, insertEvents, lanes, insertDeliveries: createInsertDeliveries(db), ledger }),
    create: createCreateRun({ db, lanes, heads, presence, insertEvents, ledger }),
    remove: createRemoveRuns(db, places, createForgetRun(db)),
    insertWholeRun: createInsertWholeRun({ db, insertEvents, lanes }),
    send: createSendToInbox(db),
    ownership,
    outbox: createOutboxWrites({ db, presence, processes }),
    presence,
    places,
  };
}

function leave({ ownership, places }: Operations): void {
  ownership.releaseAll();
  places.catchUp();
}

function changeLedger(prepare: PrepareLedger, run: string, change: LedgerChange): BudgetRefusal | undefined {
  const { refusal, write } = prepare(run, change);
  write();
  return refusal;
}

async function removeInParts({ writer, remove }: Operations, runs: readonly string[]): Promise<number> {
  let removed = 0;
  for (let i = 0; i < runs.length; i += REMOVE_AT_ONCE) {
    const part = runs.slice(i, i + REMOVE_AT_ONCE);
    removed += await writer.write(() => remove(part));
    await setImmediate();
  }
  return removed;
}

/** Free pages go back to the file system, a few at a time. */
async function compact(db: DatabaseSync, { writer, places }: Operations): Promise<void> {
  await writer.write(() => places.mend());
  while (pragma(db, "freelist_count") > 0) {
    await writer.write(() => db.exec(`PRAGMA incremental_vacuum(${COMPACT_AT_ONCE})`));
    await setImmediate();
  }
  truncateLog(db);
}

function isOk(result: { readonly ok: boolean }): boolean {
  return result.ok;
}

function isAccepted(result: string): boolean {
  return result === "accepted";
}

function isCreated(result: { readonly created: boolean }): boolean {
  return result.created;
}
