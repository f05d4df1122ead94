/**
 * The embedded store: one SQLite file, several processes.
 *
 * One connection writes, from one queue, in groups; another reads. See `sqlite-writer.ts` for the commits, `sqlite-schema.ts`
 * for what lies where, `chain.ts` for the checksums, `sqlite-owners.ts` for who may write into a run.
 */
import { blobsFolder, openFolderBlobs } from "../blobs/folder.ts";
import { resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Store } from "../../ports/store.ts";
import { ownIdentity } from "./process-identity.ts";
import { closeWriter, openWriter } from "./sqlite-connection.ts";
import { toOpenError } from "./sqlite-errors.ts";
import { type ProcessOptions, type SqliteClock, SYSTEM_CLOCK } from "./sqlite-processes.ts";
import { openReadSide } from "./sqlite-read-side.ts";
import type { WholeRun } from "./sqlite-runs.ts";
import { createWriteSide, type OnChange } from "./sqlite-write-side.ts";

export interface SqliteStoreOptions {
  /** Path of the store file; it and its folder are made if they are not there. */
  readonly file: string;
  /** Open for looking only: nothing is written, not even a new file. */
  readonly readOnly?: boolean;
  /** `host/pid` of this process as others see it. Default: the host's name and the process id. */
  readonly self?: string;
  /** How often this process says that it is alive, ms. Default 5,000. */
  readonly heartbeatMs?: number;
  /** Silence after which its runs may be taken, ms. Default 15,000. */
  readonly leaseMs?: number;
  /** How often to look for writes of other processes while somebody watches, ms. Default 100. */
  readonly pollMs?: number;
  /** Time, for tests. */
  readonly clock?: Partial<SqliteClock>;
}

export interface SqliteStore extends Store {
  /** A folder beside the file, named like it: `runs.blobs` for `runs.db`. */
  readonly blobs: Blobs;
  /** Absolute path of the file. */
  readonly file: string;
  /**
   * Take in a run that was driven elsewhere; nobody owns it here until it is claimed. Resolves to false when its id or its
   * idempotency key is taken. Use `importRuns`, which checks what it takes in.
   */
  insertRun(run: WholeRun): Promise<boolean>;
  /** Remove what budgets counted in calendar windows that ended before this, ms since the epoch. Resolves to how many went. */
  forgetWindows(endedBefore: number): Promise<number>;
  /** Give the space of removed runs back to the file system. */
  compact(): Promise<void>;
}

/**
 * Open the store in `file`, for this process beside any others.
 *
 * Throws ExecutusError: `store_unavailable` (cannot be opened or made), `store_foreign` (another program's file), `store_newer`
 * (written by a later version), `store_damaged`.
 *
 * @example
 * await using store = openSqliteStore({ file: ".executus/executus.db" });
 * const executor = createExecutor({ models, store });
 */
export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const file = resolve(options.file);
  const identity = ownIdentity();
  const process: ProcessOptions = {
    identity,
    name: options.self ?? `${identity.host}/${identity.pid}`,
    clock: { ...SYSTEM_CLOCK, ...options.clock },
    leaseMs: options.leaseMs ?? 15_000,
  };
  const settings: Settings = { file, process, heartbeatMs: options.heartbeatMs ?? 5_000, pollMs: options.pollMs ?? 100 };
  try {
    return options.readOnly === true ? openForReading(settings) : openForWriting(settings);
  } catch (error) {
    throw toOpenError(error, file);
  }
}

interface Settings {
  readonly file: string;
  readonly process: ProcessOptions;
  readonly heartbeatMs: number;
  readonly pollMs: number;
}

function openForWriting({ heartbeatMs, ...settings }: Settings): SqliteStore {
  const { file, process } = settings;
  const db = openWriter(file);
  const onChange: OnChange = (run, writer, what) => {
    if (watchers.size > 0) writer.afterCommit(() => watchers.touch(run, what));
  };
  const writes = createWriteSide({ db, file, process, heartbeatMs, onChange });
  const reads = openReadSide({ ...settings, writer: db, ownId: writes.ownId });
  const { watchers } = reads;

  const dispose = async (): Promise<void> => {
    // A full disk must not keep a process from ending: what it owned is then taken as after a crash.
    await writes.finish().catch(() => {});
    reads.close();
    closeWriter(db);
  };
  let disposed: Promise<void> | undefined;

  return {
    file,
    blobs: openFolderBlobs(blobsFolder(file)),
    journal: { ...reads.journal, ...writes.journal },
    inbox: { ...reads.inbox, ...writes.inbox },
    owners: { ...reads.owners, ...writes.owners },
    runs: { ...reads.runs, ...writes.runs },
    outbox: { ...reads.outbox, ...writes.outbox },
    budgets: { ...reads.budgets, ...writes.budgets },
    lanes: reads.lanes,
    insertRun: (run) => writes.insertRun(run),
    forgetWindows: (endedBefore) => writes.forgetWindows(endedBefore),
    compact: () => writes.compact(),
    [Symbol.asyncDispose]: () => (disposed ??= dispose()),
  };
}

function openForReading(settings: Settings): SqliteStore {
  const { file } = settings;
  const reads = openReadSide({ ...settings, ownId: () => undefined });
  const refuse = async (): Promise<never> => {
    throw new ExecutusError("store_unavailable", `The store ${file} is open for reading only`, {
      file,
      hint: "Open it without `readOnly` to write.",
    });
  };
  return {
    file,
    blobs: openFolderBlobs(blobsFolder(file)),
    journal: { ...reads.journal, append: refuse },
    inbox: { ...reads.inbox, send: refuse },
    owners: { ...reads.owners, claim: refuse, release: refuse },
    runs: { ...reads.runs, create: refuse, remove: refuse },
    lanes: reads.lanes,
    outbox: { ...reads.outbox, claim: refuse, record: refuse, requeue: refuse },
    budgets: { ...reads.budgets, apply: refuse },
    insertRun: refuse,
    forgetWindows: refuse,
    compact: refuse,
    [Symbol.asyncDispose]: async () => reads.close(),
  };
}
