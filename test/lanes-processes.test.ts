/** A lane that two processes share on one file: its limit holds over both, also when one of them is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSqliteStore } from "../src/adapters/store/sqlite.ts";

let folder: string;
const children: ChildProcess[] = [];
const ends = new Map<ChildProcess, Promise<unknown>>();

/** Once every process has queued its runs: this one ends when nothing is left. */
async function finish(child: ChildProcess | undefined): Promise<void> {
  child?.stdin?.end();
  if (child !== undefined) await ends.get(child);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-lanes-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await ends.get(child);
  }
  rmSync(folder, { recursive: true, force: true });
});

const RUNS_EACH = 6;

async function startProcess(name: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "support/lane-process.ts");
  const args = [
    "--conditions=executus-source",
    "--no-warnings",
    script,
    join(folder, "runs.db"),
    join(folder, "log"),
    name,
    String(RUNS_EACH),
  ];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  // From the start: one may have ended before the other has begun.
  ends.set(child, once(child, "exit"));
  await once(child.stdout ?? child, "data");
  return child;
}

interface Work {
  readonly what: string;
  readonly run: string;
  readonly by: string;
}

function workOf(): readonly Work[] {
  const lines = readFileSync(join(folder, "log"), "utf8").trim().split("\n");
  return lines.map((line) => {
    const [what = "", run = "", by = ""] = line.split(" ");
    return { what, run, by };
  });
}

/** Most that worked at once; work of a process that died ends with its last line. */
function mostAtOnce(work: readonly Work[], dead?: string): number {
  const busy = new Map<string, string>();
  const lastOfDead = work.findLastIndex(({ by }) => by === dead);
  let most = 0;
  for (const [i, { what, run, by }] of work.entries()) {
    if (what === "begin") busy.set(run, by);
    else busy.delete(run);
    const living = [...busy.values()].filter((whose) => i <= lastOfDead || whose !== dead);
    most = Math.max(most, living.length);
  }
  return most;
}

async function finished(): Promise<number> {
  await using store = openSqliteStore({ file: join(folder, "runs.db"), readOnly: true });
  return (await store.runs.list({ status: ["completed"], limit: 100 })).length;
}

it("S36 two processes drive the runs of a lane, two at a time in all, each run once", async () => {
  const both = await Promise.all([startProcess("p"), startProcess("q")]);
  await Promise.all(both.map(finish));
  const work = workOf();
  expect(mostAtOnce(work)).toBeLessThanOrEqual(2);
  const begun = work.filter(({ what }) => what === "begin").map(({ run }) => run);
  expect(new Set(begun).size).toBe(2 * RUNS_EACH);
  expect(begun).toHaveLength(2 * RUNS_EACH);
  expect(await finished()).toBe(2 * RUNS_EACH);
});

it("S36 a process that is killed leaves its place and its queue to the other", async () => {
  const [first, second] = await Promise.all([startProcess("p"), startProcess("q")]);
  while (workOf().filter(({ what }) => what === "end").length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  first?.kill("SIGKILL");
  await finish(second);
  expect(mostAtOnce(workOf(), "p")).toBeLessThanOrEqual(2);
  expect(await finished()).toBe(2 * RUNS_EACH);
});
