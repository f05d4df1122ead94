/** Opens what a command works on: store, blobs, executor. */
import { existsSync, statSync } from "node:fs";
import { openSqliteStore, type SqliteStore } from "../../adapters/store/sqlite.ts";
import { createExecutor } from "../../create-executor.ts";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Models } from "../../ports/models.ts";
import type { Executor, ExecutorConfig } from "../../run/types.ts";
import { cliSecrets } from "./secrets.ts";
import { DEFAULT_DB } from "./command-line.ts";

export interface HostOptions {
  /** Default `.executus/executus.db`. */
  readonly db?: string;
  /** `create`: the store is made where there is none; `write`: it must be there; `read`: nothing is written. Default `create`. */
  readonly access?: "create" | "write" | "read";
  /** For the host's own executor; without models it can look at runs, tell them things and end them. */
  readonly executor?: ExecutorOptions;
}

export type ExecutorOptions = Partial<Omit<ExecutorConfig, "store" | "blobs">>;

export interface Host {
  readonly db: string;
  readonly store: SqliteStore;
  readonly blobs: Blobs;
  readonly executor: Executor;
  /** Another executor on the same store and blobs: one per agent, because agents may bring their own models. */
  executorWith(options: ExecutorOptions): Executor;
  /** Leaves the runs of this process resumable, then closes the store. */
  close(): Promise<void>;
}

const NO_MODELS: Models = { resolve: () => Promise.resolve([]) };

/**
 * Opens the store, the folder of blobs beside it, and an executor. Throws ExecutusError `store_unavailable`, `store_foreign`,
 * `store_newer` or `store_damaged`.
 *
 * @example
 * await using stack = new AsyncDisposableStack();
 * const host = stack.adopt(openHost({ db, access: "create", executor: { models } }), (host) => host.close());
 */
export function openHost(options: HostOptions = {}): Host {
  const { db = DEFAULT_DB, access = "create" } = options;
  if (access !== "create" || existsSync(db)) checkThere(db);
  const store = openSqliteStore({ file: db, readOnly: access === "read" });
  const { blobs } = store;
  const executors: Executor[] = [];
  const executorWith = (given: ExecutorOptions): Executor => {
    const executor = createExecutor({ models: NO_MODELS, secrets: cliSecrets(), ...given, store, blobs });
    executors.push(executor);
    return executor;
  };
  return {
    db,
    store,
    blobs,
    executor: executorWith({ wakes: false, ...options.executor }),
    executorWith,
    close: async () => {
      await Promise.all(executors.map((executor) => executor.shutdown()));
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A misspelt --db must not make an empty store. */
export function checkThere(db: string): void {
  const hint = db === DEFAULT_DB ? "Start a run, which makes it, or name another with --db." : "Check the name given with --db.";
  if (!existsSync(db)) throw new ExecutusError("store_unavailable", `There is no store at ${db}`, { file: db, hint });
  const stats = statSync(db);
  if (stats.isFile()) return;
  // SQLite would wait for a pipe, and take a device for an empty store.
  throw new ExecutusError(
    "store_unavailable",
    `${db} is ${stats.isDirectory() ? "a folder" : "a pipe or a device"}, not a store`,
    {
      file: db,
      hint: "Name the file, for example with /executus.db at the end.",
    },
  );
}
