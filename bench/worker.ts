/** One measurement in one fresh process; prints one line of JSON. `node --expose-gc bench/worker.ts '{"mode": ...}'` */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { bytesIn, type Contender, type Kind, openContender } from "./contender.ts";
import { median } from "./measure.ts";
import { finalText, lookupsSoFar, mockModel, type ScriptOptions } from "./workload.ts";

export interface Job {
  readonly mode: "steps" | "bytes" | "concurrent" | "parked" | "resume" | "first";
  readonly kind: Kind;
  readonly steps: number;
  /** Calls per step; 1 unless said otherwise. */
  readonly parallel?: number;
  readonly runs?: number;
  readonly delayMs?: number;
  /**
   * How many steps the code is warmed up with, in runs of `warmSteps`; 20,000 in runs as they are measured. Steps, not time: after
   * two seconds a loop that waits for a disk had run a tenth as often as one in memory, and was still half compiled.
   */
  readonly warm?: number;
  readonly warmSteps?: number;
  /** Stops warming up after this time, ms. */
  readonly warmMs?: number;
  /** Stops taking measurements after this time. */
  readonly measureMs?: number;
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const { parallel = 1 } = job;
const folder = mkdtempSync(join(tmpdir(), "executus-bench-"));
const gc = (globalThis as { gc?: () => void }).gc ?? ((): void => {});

type Script = { -readonly [K in keyof ScriptOptions]: ScriptOptions[K] };

/** `script` may be changed between runs. */
async function contender(script: Script = { steps: job.steps, parallel }, name = "runs"): Promise<Contender> {
  const inside = join(folder, name);
  mkdirSync(inside, { recursive: true });
  const opened = await openContender(job.kind, script, inside);
  return {
    ...opened,
    run: async (id) => {
      const text = await opened.run(id);
      // Some return the text of every step.
      if (!text.endsWith(finalText(script.steps))) throw new Error(`${job.kind} ended with: ${text.slice(-200)}`);
      return text;
    },
  };
}

/** Throws unless the work since `before` was exactly that of so many runs. */
function checkLookups(before: number, runs: number): void {
  const [did, wanted] = [lookupsSoFar() - before, runs * (job.steps - 1) * parallel];
  if (did !== wanted) throw new Error(`${job.kind}: ${did} tool calls instead of ${wanted}`);
}

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

async function steps(): Promise<object> {
  const { warmSteps = job.steps, measureMs = Infinity } = job;
  const script: Script = { steps: warmSteps, parallel };
  const measured = await contender(script);
  await warmUp(measured, script);
  script.steps = job.steps;
  const wanted = Math.max(1, Math.min(40, Math.floor(4_000 / job.steps)));
  const before = lookupsSoFar();
  const first = await timed(measured);
  const timings: Timing[] = [];
  for (const t = performance.now(); timings.length < wanted && first.ms < measureMs && performance.now() - t < measureMs;)
    timings.push(await timed(measured));
  checkLookups(before, timings.length + 1);
  await measured.close();
  // The first prepares statements and creates tables; it counts only where a single run takes longer than the time there is.
  const counted = timings.length > 0 ? timings : [first];
  const perStep = (values: readonly number[]): number => median(values) / job.steps;
  return {
    msPerStep: perStep(counted.map(({ ms }) => ms)),
    cpuMsPerStep: perStep(counted.map((timing) => timing.cpu)),
    runs: counted.length,
  };
}

/**
 * Until the compiler is done: a server runs for days. A collection in between would throw its work away, and so would a second one of
 * what is measured: code is compiled for the one there is.
 */
async function warmUp(one: Contender, { steps: length }: ScriptOptions, atOnce = 1): Promise<void> {
  const { warm = 20_000, warmMs = 40_000 } = job;
  const start = performance.now();
  for (let done = 0; done < warm && performance.now() - start < warmMs; done += atOnce * length)
    await Promise.all(Array.from({ length: atOnce }, () => one.run()));
}

interface Timing {
  readonly ms: number;
  readonly cpu: number;
}

async function timed(one: Contender): Promise<Timing> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await one.run();
  return { ms: performance.now() - start, cpu: cpuMs(cpu) };
}

/** Bytes of the files after a checkpoint, per step of a single run, less what a store with one run of one step has. */
async function bytes(): Promise<object> {
  const size = async (steps: number, name: string): Promise<number> => {
    const one = await contender({ steps, parallel }, name);
    await one.run();
    const inMemory = one.storedBytes?.() ?? 0;
    await one.close();
    return (await bytesIn(join(folder, name))) + inMemory;
  };
  const empty = await size(1, "empty");
  return { bytesPerStep: ((await size(job.steps, "full")) - empty) / job.steps };
}

async function concurrent(): Promise<object> {
  const { runs = 1000, delayMs = 50 } = job;
  const script: Script = { steps: job.steps, parallel, delayMs: 1 };
  const all = await contender(script);
  await warmUp(all, script, Math.ceil(runs / 2));
  script.delayMs = delayMs;
  const before = lookupsSoFar();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: runs }, () => all.run()));
  const wallMs = performance.now() - start;
  delay.disable();
  const used = cpuMs(cpu);
  checkLookups(before, runs);
  await all.close();
  return {
    wallMs,
    cpuMs: used,
    p99Ms: delay.percentile(99) / 1e6,
    maxMs: delay.max / 1e6,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
  };
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
  const all = await contender({ steps: job.steps, parallel, gate });
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

/** A fresh process until its first run is through. */
async function first(): Promise<object> {
  const one = await contender();
  await one.run();
  const sinceStartMs = performance.now();
  const used = cpuMs();
  await one.close();
  return { sinceStartMs, cpuMs: used };
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
  const [{ subject }, { openSqliteStore }] = await Promise.all([import("./subject.ts"), import("executus/sqlite")]);
  const file = join(folder, "executus.db");
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

const modes = { steps, bytes, concurrent, parked, resume, first };

try {
  console.log(JSON.stringify(await modes[job.mode]()));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
