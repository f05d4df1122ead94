/**
 * What many waiting runs cost a process: fills a SQLite store with them, then measures a worker on it in a process of its own.
 *
 *   node --conditions=executus-source scripts/waiting-runs.ts [COUNT]      default 100,000
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExecutor } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";
import { park } from "../test/support/parked-runs.ts";
import { makeAgent, makeTool } from "../test/support/world.ts";

const YEAR_MS = 365 * 86_400_000;
const SOON_MS = 3_000;

async function fill(file: string, count: number): Promise<void> {
  await using store = openSqliteStore({ file });
  await park(store, { prefix: "asleep", count, at: Date.now() + YEAR_MS });
}

/** Heap after a collection, timers that are set. */
function cost(): { readonly heapMb: number; readonly timers: number } {
  globalThis.gc?.();
  const heapMb = Math.round((process.memoryUsage().heapUsed / 1e6) * 10) / 10;
  return { heapMb, timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const from = performance.now();
  const value = await work();
  return { ms: Math.round((performance.now() - from) * 10) / 10, value };
}

async function work(file: string): Promise<void> {
  const agents = [makeAgent([makeTool("nap", async () => "", { effect: "read" })])];
  const opened = await timed(async () => {
    const store = openSqliteStore({ file });
    await store.runs.list({ limit: 100 });
    return store;
  });
  await using store = opened.value;
  await using executor = createExecutor({
    models: scriptedModel([{ text: "" }, { text: "awake" }]),
    store,
    agents,
    sweepMs: 60_000,
  });
  const recovered = await timed(() => executor.recover());
  const orphans = await timed(() => store.owners.orphans(1_000));
  const due = await timed(() => store.owners.due(Date.now(), 1_000));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const idle = process.cpuUsage(before);
  console.log({
    openAndListMs: opened.ms,
    peakMb: Math.round(process.resourceUsage().maxRSS / 1_024),
    recoverMs: recovered.ms,
    resumed: recovered.value.resumed.length,
    orphansMs: orphans.ms,
    dueMs: due.ms,
    idleCpuMsPerSecond: Math.round((idle.user + idle.system) / 1_000),
    ...cost(),
  });
  const at = Date.now() + SOON_MS;
  await park(store, { prefix: "soon", count: 1, at });
  await executor.recover();
  let wokeAt = 0;
  for await (const event of executor.events("soon0")) if (event.type === "tool.woken") wokeAt = event.at;
  while (wokeAt === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    for await (const event of executor.events("soon0", { follow: false })) if (event.type === "tool.woken") wokeAt = event.at;
  }
  console.log({ lateMs: wokeAt - at, status: (await store.runs.get("soon0"))?.status });
}

const [first = "100000", file] = process.argv.slice(2);
if (first === "--work" && file !== undefined) await work(file);
else {
  const folder = mkdtempSync(join(tmpdir(), "executus-waiting-"));
  try {
    for (const count of [0, Number(first)]) {
      const path = join(folder, `${count}.db`);
      const { ms } = await timed(() => fill(path, count));
      console.log(`${count} waiting runs: filled in ${Math.round(ms)} ms, ${Math.round(statSync(path).size / 1e6)} MB`);
      const words = ["--expose-gc", "--conditions=executus-source", "--no-warnings", import.meta.filename, "--work", path];
      spawnSync(process.execPath, words, { stdio: "inherit" });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
