/** One measurement in one fresh process; prints one line of JSON. `node --expose-gc bench/worker.ts '{"mode": ...}'` */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "executus/sqlite";
import { appendEach, appendGrouped, bareLoop, openBareLog } from "./bare-loop.ts";
import { subject } from "./subject.ts";
import { mockModel } from "./workload.ts";

export type Kind = "bare" | "bare-sqlite" | "memory" | "sqlite";

export interface Job {
  readonly mode: "steps" | "concurrent" | "parked" | "resume";
  readonly kind: Kind;
  readonly steps: number;
  readonly runs?: number;
  readonly delayMs?: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const folder = mkdtempSync(join(tmpdir(), "executus-bench-"));
const file = join(folder, "bench.db");
const gc = (globalThis as { gc?: () => void }).gc ?? ((): void => {});

interface Contender {
  run(id?: string): Promise<string>;
  close(): Promise<void>;
}

async function contender(
  steps: number,
  extra: { delayMs?: number; gate?: (step: number) => Promise<void> | undefined } = {},
): Promise<Contender> {
  const model = mockModel({ steps, ...extra });
  switch (job.kind) {
    case "bare":
      return { run: () => bareLoop(model), close: async () => {} };
    case "bare-sqlite": {
      const db = openBareLog(file);
      const append = job.mode === "steps" ? appendEach(db) : appendGrouped(db);
      return { run: () => bareLoop(model, append), close: async () => db.close() };
    }
    case "memory": {
      const { executor, ...one } = subject(model);
      return { run: (id) => one.run(id), close: () => executor.shutdown() };
    }
    case "sqlite": {
      const store = openSqliteStore({ file });
      const { executor, ...one } = subject(model, store);
      return {
        run: (id) => one.run(id),
        close: async () => {
          await executor.shutdown();
          await store[Symbol.asyncDispose]();
        },
      };
    }
  }
}

async function steps(): Promise<object> {
  const warm = await contender(job.steps);
  // Warm until the compiler is done: a server runs for days, and a collection in between would throw its work away.
  for (let t = performance.now(); performance.now() - t < 2_000;) await warm.run();
  const times: number[] = [];
  const wanted = Math.max(1, Math.min(40, Math.floor(4_000 / job.steps)));
  for (let i = 0; i < wanted; i++) {
    const start = performance.now();
    await warm.run();
    times.push((performance.now() - start) / job.steps);
  }
  await warm.close();
  return { msPerStep: median(times), best: Math.min(...times) };
}

/** Bytes of the file after a checkpoint, per step of a single run, less what an empty store has. */
async function bytes(): Promise<number> {
  const size = (): number => statSync(file).size;
  const empty = await contender(1);
  await empty.run();
  await empty.close();
  checkpoint();
  const before = size();
  const one = await contender(job.steps);
  await one.run();
  await one.close();
  checkpoint();
  return (size() - before) / job.steps;
}

function checkpoint(): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

async function concurrent(): Promise<object> {
  const { runs = 1000, delayMs = 50 } = job;
  const all = await contender(job.steps, { delayMs });
  // A server that has been up for a while: both sides compiled, as in the figures per step.
  for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: runs / 2 }, () => all.run()));
  gc();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: runs }, () => all.run()));
  const wallMs = performance.now() - start;
  delay.disable();
  const used = process.cpuUsage(cpu);
  await all.close();
  return { wallMs, cpuMs: (used.user + used.system) / 1000, p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 };
}

/** Every run is held in the same model call, half way through; what does the process hold per run? */
async function parked(): Promise<object> {
  const { runs = 1000 } = job;
  let held = 0;
  const opened = Promise.withResolvers<void>();
  const gate = (step: number): Promise<void> | undefined => {
    if (step !== Math.floor(job.steps / 2) || !armed) return undefined;
    held++;
    return opened.promise;
  };
  let armed = false;
  const all = await contender(job.steps, { gate });
  for (let i = 0; i < 20; i++) await all.run();
  await settle();
  const before = heap();
  armed = true;
  const ended = Promise.all(Array.from({ length: runs }, () => all.run()));
  while (held < runs) await new Promise((resolve) => setTimeout(resolve, 10));
  await settle();
  const bytesPerRun = (heap() - before) / runs;
  opened.resolve();
  await ended;
  await all.close();
  return { bytesPerRun };
}

function heap(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A run of about 10,000 events is left by one executor and taken over by another; until its next model call. */
async function resume(): Promise<object> {
  const store = openSqliteStore({ file });
  const until = Promise.withResolvers<void>();
  const never = new Promise<void>(() => {});
  const first = subject(
    mockModel({ steps: job.steps + 10, gate: (step) => (step < job.steps ? undefined : (until.resolve(), never)) }),
    store,
  );
  // It ends interrupted, as meant.
  first.run("long").catch(() => {});
  await until.promise;
  await first.executor.shutdown({ graceMs: 10 });
  await store[Symbol.asyncDispose]();
  const again = openSqliteStore({ file });
  const called = Promise.withResolvers<number>();
  const start = performance.now();
  const second = subject(
    mockModel({ steps: job.steps + 1, gate: () => (called.resolve(performance.now() - start), undefined) }),
    again,
  );
  const handle = await second.executor.resume("long");
  const resumeMs = await called.promise;
  const result = await handle.result;
  await again[Symbol.asyncDispose]();
  return { resumeMs, events: result.seq, status: result.status };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const modes = { steps, concurrent, parked, resume };

try {
  const measured = (process.argv[3] ?? "") === "bytes" ? { bytesPerStep: await bytes() } : await modes[job.mode]();
  console.log(JSON.stringify(measured));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
