/**
 * Group commit: everything that wants to write in one turn of the event loop goes into one transaction.
 *
 * G1 Operations happen in the order they were asked for; a promise resolves after COMMIT returned.
 * G2 An operation decides before it writes: one that is refused has written nothing and costs the others nothing.
 * G3 A batch ends after a few milliseconds, so that nobody waits for the event loop; the rest follows in the next turn.
 * G4 When the place fails (full, read-only, broken), nothing of the batch is kept and everything waiting is rejected; the next
 *    operation tries again. When one operation fails, it fails alone.
 */
import type { DatabaseSync } from "node:sqlite";
import { isBusy, isUnavailable, toStoreError } from "./sqlite-errors.ts";

const BATCH_MS = 5;
const BUSY_RETRY_MS = [1, 2, 5, 10, 25, 50] as const;
const BUSY_LIMIT_MS = 10_000;

export interface Writer {
  /** Do this inside the next transaction. Rejects with ExecutusError. */
  write<T>(operation: () => T): Promise<T>;
  /** Called once everything that was written is durable: from inside an operation. */
  afterCommit(then: () => void): void;
  /** Resolves when nothing is waiting any more. */
  drained(): Promise<void>;
}

export interface WriterOptions {
  readonly db: DatabaseSync;
  readonly file: string;
  /** Nothing of what the operations remembered is true any more. */
  readonly onRollback: () => void;
}

interface Task {
  readonly operation: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  result: unknown;
}

export function createWriter({ db, file, onRollback }: WriterOptions): Writer {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let queue: Task[] = [];
  let committed: (() => void)[] = [];
  let idle: (() => void)[] = [];
  let isScheduled = false;
  let busySince: number | undefined;
  let busyTries = 0;

  function flush(): void {
    isScheduled = false;
    const tasks = queue;
    try {
      begin.run();
    } catch (error) {
      if (isBusy(error) && waitForLock()) return;
      failAll(error);
      return;
    }
    busySince = undefined;
    const count = runBatch(tasks);
    if (count > 0) settle(tasks, count);
    if (queue.length > 0) schedule();
    else for (const resolve of idle.splice(0)) resolve();
  }

  /** Returns how many are committed and may be told; 0 when they have been told otherwise already. */
  function runBatch(tasks: Task[]): number {
    const started = performance.now();
    let count = 0;
    try {
      for (const task of tasks) {
        task.result = task.operation();
        count++;
        if (performance.now() - started > BATCH_MS) break;
      }
      commit.run();
      return count;
    } catch (error) {
      rollBack();
      if (isUnavailable(error)) failAll(error);
      else runAlone(tasks, Math.min(count + 1, tasks.length));
      return 0;
    }
  }

  function settle(tasks: Task[], count: number): void {
    queue = tasks.length === count ? [] : tasks.slice(count);
    for (let i = 0; i < count; i++) tasks[i]?.resolve(tasks[i]?.result);
    const told = committed;
    if (told.length === 0) return;
    committed = [];
    for (const then of told) then();
  }

  /** One of these is at fault: a transaction for each shows which. */
  function runAlone(tasks: Task[], count: number): void {
    queue = tasks.slice(count);
    for (const task of tasks.slice(0, count)) {
      try {
        begin.run();
        task.result = task.operation();
        commit.run();
        settleAlone(task);
      } catch (error) {
        rollBack();
        task.reject(toStoreError(error, file));
      }
    }
  }

  function settleAlone(task: Task): void {
    task.resolve(task.result);
    for (const then of committed.splice(0)) then();
  }

  function rollBack(): void {
    committed = [];
    if (db.isTransaction) db.exec("ROLLBACK");
    onRollback();
  }

  function failAll(error: unknown): void {
    const tasks = queue;
    queue = [];
    busySince = undefined;
    for (const task of tasks) task.reject(toStoreError(error, file));
    for (const resolve of idle.splice(0)) resolve();
  }

  /** Another process is writing. False when it has been for too long. */
  function waitForLock(): boolean {
    busySince ??= performance.now();
    if (performance.now() - busySince > BUSY_LIMIT_MS) return false;
    const delayMs = BUSY_RETRY_MS[Math.min(busyTries++, BUSY_RETRY_MS.length - 1)] ?? 0;
    isScheduled = true;
    setTimeout(flush, delayMs);
    return true;
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    busyTries = 0;
    setImmediate(flush);
  }

  return {
    write<T>(operation: () => T): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      queue.push({ operation, resolve: resolve as (value: unknown) => void, reject, result: undefined });
      schedule();
      return promise;
    },
    afterCommit: (then) => {
      committed.push(then);
    },
    drained: () => (queue.length === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  };
}
