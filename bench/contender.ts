/** Whoever runs the workload: the floors, executus, and the peers of `bench/peers`. Only what is measured is loaded. */
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { appendEach, appendGrouped, bareLoop, openBareLog } from "./bare-loop.ts";
import { type Answer, createScript, mockModel, type ScriptOptions } from "./workload.ts";

export type OwnKind = "bare" | "bare-sqlite" | "bare-grouped" | "memory" | "sqlite";
/** `PEER/VARIANT`, as in `bench/peers/PEER/peer.mjs`. */
export type Kind = OwnKind | `${string}/${string}`;

export interface Contender {
  /** The text of the last answer. */
  readonly run: (id?: string) => Promise<string>;
  /** Bytes that are kept in memory instead of in files. */
  readonly storedBytes?: () => number;
  readonly close: () => Promise<void>;
}

/** What a peer's module exports: the variant is opened once, every run has a script of its own. */
export interface Peer {
  readonly open: (options: { readonly variant: string; readonly folder: string }) => Promise<{
    readonly run: (options: PeerRun) => Promise<string>;
    readonly storedBytes?: () => number;
    readonly close?: () => unknown;
  }>;
}

export interface PeerRun {
  readonly steps: number;
  /** The answers of the model, for a loop with a model interface of its own. */
  readonly next: () => Promise<Answer>;
  /** The same, as a model of the AI SDK. */
  readonly model: () => unknown;
}

export async function openContender(kind: Kind, script: ScriptOptions, folder: string): Promise<Contender> {
  switch (kind) {
    case "bare":
      return { run: () => bareLoop(mockModel(script)), close: async () => {} };
    case "bare-sqlite":
    case "bare-grouped": {
      const db = openBareLog(join(folder, "bare.db"));
      const append = kind === "bare-sqlite" ? appendEach(db) : appendGrouped(db);
      return { run: () => bareLoop(mockModel(script), append), close: async () => db.close() };
    }
    case "memory": {
      const { subject } = await import("./subject.ts");
      const { executor, run } = subject(mockModel(script));
      return { run, close: () => executor.shutdown() };
    }
    case "sqlite":
      return openDurable(script, join(folder, "executus.db"));
    default:
      return openPeer(kind, script, folder);
  }
}

async function openDurable(script: ScriptOptions, file: string): Promise<Contender> {
  const [{ subject }, { openSqliteStore }] = await Promise.all([import("./subject.ts"), import("executus/sqlite")]);
  const store = openSqliteStore({ file });
  const { executor, run } = subject(mockModel(script), store);
  return {
    run,
    close: async () => {
      await executor.shutdown();
      await store[Symbol.asyncDispose]();
    },
  };
}

async function openPeer(kind: string, script: ScriptOptions, folder: string): Promise<Contender> {
  const [name = "", variant = ""] = kind.split("/");
  const module = (await import(`./peers/${name}/peer.mjs`)) as Peer;
  const peer = await module.open({ variant, folder });
  const { storedBytes } = peer;
  return {
    run: () => peer.run({ steps: script.steps, next: createScript(script), model: () => mockModel(script) }),
    ...(storedBytes === undefined ? {} : { storedBytes }),
    close: async () => void (await peer.close?.()),
  };
}

/** Bytes of all files of a folder, after the logs of its databases were checkpointed. */
export async function bytesIn(folder: string): Promise<number> {
  for (const path of await filesIn(folder)) {
    if (!path.endsWith(".db")) continue;
    const db = new DatabaseSync(path);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
  }
  return (await filesIn(folder)).reduce((sum, path) => sum + statSync(path).size, 0);
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
