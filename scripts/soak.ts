/**
 * `npm run soak -- --minutes N`: mixed runs (tools, children, waiting, deliveries) on one SQLite store in one process, for N minutes.
 * Every few seconds the process comes to rest and is looked at: memory after a collection, open files, what keeps the event loop
 * alive, listeners, the size of the log. Runs of earlier rounds are pruned, as an operator would.
 *
 *   npm run soak -- [--minutes 3] [--lanes 8] [--round 10]
 *
 * Exit 1 if memory grew by 5 % or more after the warm-up, if files, timers or listeners did not stay level, or if the log reached
 * 64 MB. The 99th percentile of a journal write is printed.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Store } from "executus";
import { openSqliteStore, pruneStore } from "executus/sqlite";
import { openSoakWorld } from "./soak-runs.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    lanes: { type: "string", default: "8" },
    round: { type: "string", default: "10" },
  },
});
const MINUTES = Number(values.minutes);
const ROUND_MS = Number(values.round) * 1_000;
const MOST_GROWTH = 0.05;
const MOST_LOG_BYTES = 64 * 2 ** 20;
const P99_MS = 5;
/** Code is compiled and caches fill; then memory is to stay level. */
const WARM_UP = 1 / 3;

interface Look {
  readonly atMs: number;
  readonly runs: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly files: number;
  /** Timers, sockets, requests: what keeps the event loop alive. */
  readonly active: number;
  readonly listeners: number;
}

async function look(atMs: number, runs: number): Promise<Look> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await pause(50);
  }
  const { rss, heapUsed } = process.memoryUsage();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const active = process.getActiveResourcesInfo().length;
  const files = readdirSync("/proc/self/fd").length;
  return { atMs, runs, rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, files, active, listeners };
}

/** The same store; every append is timed. */
function timed(store: Store, histogram: RecordableHistogram): Store {
  const { journal } = store;
  return {
    ...store,
    journal: {
      ...journal,
      append: async (request) => {
        const from = performance.now();
        const result = await journal.append(request);
        histogram.record(Math.max(1, Math.round((performance.now() - from) * 1e6)));
        return result;
      },
    },
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function verdict(looks: readonly Look[], mostLogBytes: number): readonly string[] {
  const after = looks.slice(Math.floor(looks.length * WARM_UP));
  const few = Math.max(1, Math.floor(after.length / 4));
  const [first, last] = [after.slice(0, few), after.slice(-few)];
  const of = (some: readonly Look[], name: keyof Look): number => median(some.map((one) => one[name]));
  const growth = of(last, "rssMb") / of(first, "rssMb") - 1;
  const heap = of(last, "heapMb") / of(first, "heapMb") - 1;
  console.log(`memory after warm-up: ${percent(growth)} resident, ${percent(heap)} heap`);
  const broken = [];
  if (!(growth < MOST_GROWTH)) broken.push(`memory grew by ${percent(growth)}`);
  for (const name of ["files", "active", "listeners"] as const)
    if (of(last, name) > of(first, name)) broken.push(`${name} grew from ${of(first, name)} to ${of(last, name)}`);
  if (mostLogBytes >= MOST_LOG_BYTES) broken.push(`the log reached ${Math.round(mostLogBytes / 2 ** 20)} MB`);
  return broken;
}

const percent = (share: number): string => `${share >= 0 ? "+" : ""}${(share * 100).toFixed(1)} %`;

async function soak(folder: string): Promise<readonly string[]> {
  const file = join(folder, "runs.db");
  const histogram = createHistogram();
  await using store = openSqliteStore({ file });
  const world = await openSoakWorld(timed(store, histogram));
  const from = performance.now();
  const looks: Look[] = [];
  let [runs, mostLogBytes] = [0, 0];
  while (performance.now() - from < MINUTES * 60_000) {
    const [round, startedAt] = [performance.now(), Date.now()];
    const lane = async (): Promise<void> => {
      while (performance.now() - round < ROUND_MS) await world.play(runs++);
    };
    await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
    mostLogBytes = Math.max(mostLogBytes, statSync(`${file}-wal`).size);
    await pruneStore(store, { finishedBefore: startedAt });
    world.forget();
    looks.push(await look(performance.now() - from, runs));
    say(looks.at(-1), mostLogBytes, histogram);
  }
  await world.close();
  console.log(`${runs} runs, ${world.received()} deliveries, ${histogram.count} journal writes`);
  const p99 = histogram.percentile(99) / 1e6;
  console.log(
    `journal write: p50 ${(histogram.percentile(50) / 1e6).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (wanted: below ${P99_MS})`,
  );
  return verdict(looks, mostLogBytes);
}

function say(now: Look | undefined, mostLogBytes: number, histogram: RecordableHistogram): void {
  if (now === undefined) return;
  const { atMs, runs, rssMb, heapMb, files, active, listeners } = now;
  const log = (mostLogBytes / 2 ** 20).toFixed(1);
  console.log(
    `${(atMs / 60_000).toFixed(1).padStart(5)} min  ${runs} runs, ${rssMb.toFixed(1)} MB resident, ${heapMb.toFixed(1)} MB heap, ${files} files, ` +
      `${active} active, ${listeners} listeners, log at most ${log} MB, write p99 ${(histogram.percentile(99) / 1e6).toFixed(2)} ms`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "executus-soak-"));
try {
  const broken = await soak(folder);
  for (const line of broken) console.log(`broken: ${line}`);
  console.log(broken.length === 0 ? "level" : "not level");
  process.exitCode = broken.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
