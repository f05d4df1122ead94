/** Runs that are killed at random moments and left to end, and what their logs say. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "executus/sqlite";
import type { SeededRandom } from "executus/testing";
import { median } from "../measure.ts";
import { QUIET } from "../peers/cells.ts";
import { CALLS_PER_STEP, STEPS } from "./work.ts";

export interface System {
  readonly name: string;
  /** Takes a folder and the variant; goes on with what is in the folder. */
  readonly file: string;
  readonly variant: string;
}

export interface Tally {
  readonly kills: number;
  readonly runs: number;
  /** Times that a call was begun again after its effect was complete. */
  readonly finishedAgain: number;
  /** Of these, calls whose result was in the journal before; known for executus only. */
  readonly journaledAgain: number;
  /** Calls that ended as unknown. */
  readonly unknown: number;
  /** Calls whose effect never happened, those reported as unknown left out. */
  readonly missing: number;
  readonly problems: readonly string[];
}

const KILLS_PER_RUN = 3;
const LIMIT_MS = 60_000;

interface Attempt {
  readonly killed: boolean;
  readonly status: string | undefined;
  /** From `ready` to the end. */
  readonly ms: number;
  readonly errors: string;
}

function attempt({ file, variant }: System, folder: string, killAfterMs?: number): Promise<Attempt> {
  const child = spawn(process.execPath, ["--no-warnings", file, folder, variant], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...QUIET },
    timeout: LIMIT_MS,
  });
  let [output, errors, readyAt] = ["", "", 0];
  let timer: NodeJS.Timeout | undefined;
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2_000)));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (readyAt > 0 || !output.includes("ready\n")) return;
    readyAt = performance.now();
    if (killAfterMs !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  return new Promise((resolve) => {
    child.on("close", (_code, signal) => {
      clearTimeout(timer);
      const status = /^ended (.*)$/m.exec(output)?.[1];
      resolve({ killed: signal === "SIGKILL", status, ms: performance.now() - readyAt, errors });
    });
  });
}

export interface KillOptions {
  readonly kills: number;
  readonly random: SeededRandom;
}

export async function killRuns(system: System, { kills, random }: KillOptions): Promise<Tally> {
  const spanMs = await usualMs(system);
  let tally: Tally = { kills: 0, runs: 0, finishedAgain: 0, journaledAgain: 0, unknown: 0, missing: 0, problems: [] };
  while (tally.kills < kills && tally.problems.length < 5) {
    const one = await killRun(system, () => random.next() * spanMs);
    tally = {
      kills: tally.kills + one.kills,
      runs: tally.runs + 1,
      finishedAgain: tally.finishedAgain + one.finishedAgain,
      journaledAgain: tally.journaledAgain + one.journaledAgain,
      unknown: tally.unknown + one.unknown,
      missing: tally.missing + one.missing,
      problems: [...tally.problems, ...one.problems],
    };
  }
  return tally;
}

/** What the run takes when nobody kills it. */
async function usualMs(system: System): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const folder = mkdtempSync(join(tmpdir(), "executus-crash-"));
    const { status, ms, errors } = await attempt(system, folder);
    rmSync(folder, { recursive: true, force: true });
    if (status !== "completed") throw new Error(`${system.name} ended with ${status}: ${errors}`);
    times.push(ms);
  }
  return median(times);
}

async function killRun(system: System, killAfterMs: () => number): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "executus-crash-"));
  const marks: Mark[] = [];
  let last: Attempt;
  do {
    last = await attempt(system, folder, marks.length < KILLS_PER_RUN ? killAfterMs() : undefined);
    if (last.killed) marks.push({ lines: linesIn(folder).length, journaled: await journaledIn(folder) });
  } while (last.killed);
  const problems = last.status === "completed" ? [] : [`${system.name} ended with ${last.status}: ${last.errors}`];
  const counted = { ...count(folder, marks, await unknownIn(folder)), kills: marks.length, runs: 1, problems };
  rmSync(folder, { recursive: true, force: true });
  return counted;
}

/** Where the log stood at a kill, and which calls the journal had results of. */
interface Mark {
  readonly lines: number;
  readonly journaled: ReadonlySet<number>;
}

function count(folder: string, marks: readonly Mark[], unknown: ReadonlySet<number>): Omit<Tally, "kills" | "runs" | "problems"> {
  const done = new Set<number>();
  let [finishedAgain, journaledAgain] = [0, 0];
  for (const [i, line] of linesIn(folder).entries()) {
    const [word, text] = line.split(" ");
    const item = Number(text);
    if (word === "done") done.add(item);
    else if (done.has(item)) {
      finishedAgain++;
      if (marks.some(({ lines, journaled }) => lines <= i && journaled.has(item))) journaledAgain++;
    }
  }
  const missing = Array.from({ length: STEPS * CALLS_PER_STEP }, (_, item) => item).filter(
    (item) => !done.has(item) && !unknown.has(item),
  );
  return { finishedAgain, journaledAgain, unknown: unknown.size, missing: missing.length };
}

function linesIn(folder: string): readonly string[] {
  const log = join(folder, "effects.txt");
  return existsSync(log)
    ? readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
}

const journaledIn = (folder: string): Promise<ReadonlySet<number>> => itemsEnded(folder, (outcome) => outcome !== "unknown");
const unknownIn = (folder: string): Promise<ReadonlySet<number>> => itemsEnded(folder, (outcome) => outcome === "unknown");

/** Items of calls that have ended so in executus' journal; none where there is no such file. */
async function itemsEnded(folder: string, wanted: (outcome: string) => boolean): Promise<ReadonlySet<number>> {
  const file = join(folder, "runs.db");
  if (!existsSync(file)) return new Set();
  await using store = openSqliteStore({ file });
  const events = (await store.runs.get("run")) === undefined ? [] : await store.journal.read("run");
  const items = new Set<number>();
  for (const event of events) {
    if (event.type !== "tool.ended" || !wanted(event.outcome)) continue;
    const [step, ordinal] = event.call.split(".").map(Number);
    items.add((step ?? NaN) * CALLS_PER_STEP + (ordinal ?? NaN));
  }
  return items;
}
