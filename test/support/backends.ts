/** One test on every store there is: what one process leaves behind, as the next one finds it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createMemoryStore, type MemoryStore } from "../../src/adapters/store/memory.ts";
import { SYSTEM_CLOCK } from "../../src/adapters/store/sqlite-processes.ts";
import { openSqliteStore, type SqliteStore } from "../../src/adapters/store/sqlite.ts";
import type { AppendRequest, AppendResult, Store } from "../../src/ports/store.ts";
import type { RunStatus } from "../../src/ports/view.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

const HOUR_MS = 3_600_000;

export interface Backend {
  readonly clock: FakeClock;
  /** The same data as one more living process has it. */
  open(): Store;
  /** Every process so far is dead from now on, as those that come later see it. What it still tries is what a zombie tries. */
  crash(): void;
}

export const BACKENDS: readonly (readonly [name: string, create: () => Promise<Backend>])[] = [
  ["memory", inMemory],
  ["SQLite", onSqlite],
];

async function inMemory(): Promise<Backend> {
  const clock = createFakeClock();
  const first = createMemoryStore({ now: () => clock.now() });
  const opened: MemoryStore[] = [];
  return {
    clock,
    open: () => {
      const store = first.peer(`memory/${opened.length + 2}`);
      opened.push(store);
      return store;
    },
    crash: () => {
      for (const store of opened) store.die();
    },
  };
}

async function onSqlite(): Promise<Backend> {
  const clock = createFakeClock();
  const folder = await mkdtemp(join(tmpdir(), "executus-backend-"));
  const opened: SqliteStore[] = [];
  let crashes = 0;
  onTestFinished(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    clock,
    open: () => {
      const late = crashes * HOUR_MS;
      const store = openSqliteStore({
        file: join(folder, "runs.db"),
        self: `here/${opened.length + 1}`,
        pollMs: 5,
        clock: { now: () => clock.now(), uptime: () => SYSTEM_CLOCK.uptime() + late },
      });
      opened.push(store);
      return store;
    },
    crash: () => {
      crashes++;
    },
  };
}

export interface Process extends Omit<World, "store"> {
  readonly store: Store;
}

/** An executor as one more process on the backend; `through` changes what it sees of the store. */
export function startProcess(backend: Backend, script: Script, { through, ...options }: WorldOptions = {}): Process {
  const opened = backend.open();
  const store = through?.(opened) ?? opened;
  const world = createWorld(script, { ...options, from: { ...createWorld([]), clock: backend.clock }, through: () => store });
  onTestFinished(() => backend.clock.until(world.executor.shutdown({ graceMs: 0 })));
  return { ...world, store };
}

export interface HeldBack {
  readonly through: (store: Store) => Store;
  /** Resolves when an append is held. */
  readonly reached: Promise<void>;
  letThrough(): void;
  /** What the first one was told, once it was let through. */
  readonly outcome: Promise<AppendResult>;
}

/** Holds back the appends that fit until they are let through. */
export function heldBack(fits: (request: AppendRequest) => boolean): HeldBack {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const outcome = Promise.withResolvers<AppendResult>();
  const through = (store: Store): Store => ({
    ...store,
    journal: {
      ...store.journal,
      append: async (request) => {
        if (!fits(request)) return store.journal.append(request);
        reached.resolve();
        await gate.promise;
        const result = await store.journal.append(request);
        outcome.resolve(result);
        return result;
      },
    },
  });
  return { through, reached: reached.promise, letThrough: () => gate.resolve(), outcome: outcome.promise };
}

export async function untilStatus(store: Store, run: string, status: RunStatus): Promise<void> {
  while ((await store.runs.get(run))?.status !== status) await turns(1);
}

export async function turns(n = 30): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}
