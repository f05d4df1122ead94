/** A process with many runs is stopped for longer than its lease, another one takes them all, and the first one wakes up. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { createExecutor } from "../../src/create-executor.ts";
import { openSqliteStore, type SqliteStore } from "../../src/adapters/store/sqlite.ts";
import { isFinal } from "../../src/kernel/status.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import { type EffectLine, fenceAgent, fenceModels } from "./fence-agent.ts";

export interface FenceRound {
  /** Runs that were taken from the stopped process. */
  readonly taken: number;
  /** Of these, runs of which it heard that it had lost them. */
  readonly fenced: number;
  /** Events of its attempts that came after those of the takeover: must be 0. */
  readonly acceptedAfterTakeover: number;
  /** Effects that it had after it woke up: they cannot be undone, and have the same key. */
  readonly lateEffects: number;
  /** Keys of `once` calls with more than one effect: must be 0. */
  readonly repeatedOnce: number;
  /** Whatever else is wrong: must be empty. */
  readonly problems: readonly string[];
}

const LEASE_MS = 1_000;
/** A process that is stopped inside a transaction keeps everybody out; it is woken and stopped again. */
const STOPS = 200;

export async function fenceRound(options: {
  readonly folder: string;
  readonly runs: number;
  readonly prefix: string;
  /** Ms between the start and the stop. */
  readonly stopAfterMs: number;
}): Promise<FenceRound> {
  const { folder, runs, prefix, stopAfterMs } = options;
  const file = join(folder, "store.db");
  const effects = join(folder, `${prefix}.effects`);
  const script = join(import.meta.dirname, "fenced-process.ts");
  const flags = ["--conditions=executus-source", "--no-warnings", script, file, effects, String(runs), prefix];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    await lines.next();
    await delay(stopAfterMs);
    await stopOutsideOfWrites(child, file);
    await using store = openSqliteStore({ file, leaseMs: LEASE_MS, heartbeatMs: 100 });
    await using executor = createExecutor({ models: fenceModels(), store, agents: [fenceAgent(effects)] });
    const epochs = await takeAll(executor, store, prefix);
    const wokenAt = Date.now();
    child.kill("SIGCONT");
    const said = JSON.parse(String((await lines.next()).value)) as { readonly fenced: readonly string[] };
    await allEnded(store, prefix);
    const seen = readEffects(effects);
    return {
      taken: epochs.size,
      fenced: said.fenced.filter((run) => epochs.has(run)).length,
      acceptedAfterTakeover: await acceptedAfter(store, epochs),
      lateEffects: seen.filter(({ pid, at }) => pid === child.pid && at >= wokenAt).length,
      repeatedOnce: repeated(seen.filter(({ tool }) => tool === "pay")),
      problems: (await storeViolations(store)).map(({ run, invariant, message }) => `${run}: ${invariant} ${message}`),
    };
  } finally {
    await end(child);
  }
}

async function stopOutsideOfWrites(child: ChildProcess, file: string): Promise<void> {
  for (let stops = 0; stops < STOPS; stops++) {
    child.kill("SIGSTOP");
    if (isWritable(file)) return;
    child.kill("SIGCONT");
    await delay(3);
  }
  throw new Error("the process was inside a write whenever it was stopped");
}

function isWritable(file: string): boolean {
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA busy_timeout = 20; BEGIN IMMEDIATE; ROLLBACK");
    return true;
  } catch {
    return false;
  } finally {
    db.close();
  }
}

type Executor = ReturnType<typeof createExecutor>;

/** By run: the first epoch in the new hands. */
async function takeAll(executor: Executor, store: SqliteStore, prefix: string): Promise<ReadonlyMap<string, number>> {
  const epochs = new Map<string, number>();
  for (;;) {
    const { resumed } = await executor.recover();
    for (const { run } of resumed) {
      const attempt = (await store.journal.read(run)).findLast(({ type }) => type === "attempt.started");
      if (attempt !== undefined && !epochs.has(run)) epochs.set(run, attempt.epoch);
    }
    const rows = await store.runs.list({ prefix: `${prefix}-`, limit: Infinity });
    if (rows.every(({ status, run }) => isFinal(status) || epochs.has(run))) return epochs;
    await delay(50);
  }
}

async function allEnded(store: SqliteStore, prefix: string): Promise<void> {
  for (;;) {
    const rows = await store.runs.list({ prefix: `${prefix}-`, limit: Infinity });
    if (rows.every(({ status }) => isFinal(status))) return;
    await delay(50);
  }
}

async function acceptedAfter(store: SqliteStore, epochs: ReadonlyMap<string, number>): Promise<number> {
  let accepted = 0;
  for (const [run, epoch] of epochs) {
    const events = await store.journal.read(run);
    const takenAt = events.findIndex((event) => event.epoch === epoch);
    accepted += events.slice(takenAt).filter((event) => event.epoch < epoch).length;
  }
  return accepted;
}

function readEffects(file: string): readonly EffectLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EffectLine);
}

function repeated(lines: readonly EffectLine[]): number {
  return lines.length - new Set(lines.map(({ key }) => key)).size;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
