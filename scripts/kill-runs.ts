/**
 * Runs of their own under `kill -9` at random moments, many in a process, until all have ended; then the next ones, until there were
 * enough kills. Counted from outside: what was acknowledged and lost, what was done twice, what a journal says and did not happen.
 *
 *   node --conditions=executus-source scripts/kill-runs.ts [--kills 1000] [--seed 1] [--runs 12] [--parallel 2] [--lines 60]
 *
 * Ends with a line of figures; exit 0 only if there are no problems. A failing folder is kept.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkStore } from "../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore } from "../src/adapters/store/sqlite.ts";
import { seededRandom } from "../src/testing/seeded-random.ts";
import { describeViolations, storeViolations } from "../src/testing/invariants.ts";
import type { RunEvent } from "../src/ports/events.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    runs: { type: "string", default: "12" },
    parallel: { type: "string", default: "2" },
    lines: { type: "string", default: "60" },
  },
});
const wanted = Number(values.kills);
const random = seededRandom(Number(values.seed));
const program = resolve(import.meta.dirname, "../test/support/killed-process.ts");
const runs = Array.from({ length: Number(values.runs) }, (_, i) => `r${i}`);

const tally = { kills: 0, rounds: 0, calls: 0, unknown: 0, reconciled: 0, sentAgain: 0, acknowledged: 0 };
const problems: string[] = [];

interface Ended {
  readonly killed: boolean;
  /** `started r0`, `told r0`. */
  readonly acknowledged: readonly string[];
  readonly problem?: string;
}

/** Killed once it has said so many lines, a little later at most; Infinity: left to end. */
function runProcess(folder: string, killAfter: number): Promise<Ended> {
  const args = ["--conditions=executus-source", "--no-warnings", program, folder, String(runs.length)];
  // What is compiled once is compiled for all of them: starting is most of what a killed process does.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "executus-compile-cache") };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env, timeout: 300_000 });
  let [output, errors] = ["", ""];
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split("\n").length > killAfter) child.kill("SIGKILL");
  });
  return new Promise((done) => {
    child.on("close", (code, signal) => {
      const acknowledged = output.split("\n").filter((line) => /^(started|told) /.test(line));
      const killed = signal === "SIGKILL";
      const isSound = killed || (code === 0 && output.includes("ended\n"));
      const problem = isSound ? {} : { problem: `a process ended by itself with ${code ?? signal}: ${errors.slice(-500)}` };
      done({ killed, acknowledged, ...problem });
    });
  });
}

async function playRound(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "executus-kills-"));
  const acknowledged = new Set<string>();
  const found: string[] = [];
  for (;;) {
    const isLast = tally.kills >= wanted;
    if (!isLast) tally.kills++;
    const ended = await runProcess(folder, isLast ? Infinity : Math.ceil(random.next() * Number(values.lines)));
    if (!isLast && !ended.killed) tally.kills--;
    for (const line of ended.acknowledged) acknowledged.add(line);
    if (ended.problem !== undefined) found.push(ended.problem);
    if (!ended.killed) break;
  }
  tally.rounds++;
  tally.acknowledged += acknowledged.size;
  found.push(...(await problemsOf(folder, acknowledged)));
  if (found.length === 0) rmSync(folder, { recursive: true });
  else problems.push(...found, `kept for a look: ${folder}`);
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);

async function problemsOf(folder: string, acknowledged: ReadonlySet<string>): Promise<readonly string[]> {
  const db = join(folder, "runs.db");
  const found = (await checkStore(db)).problems.map(({ run, message }) => `${run ?? "store"}: ${message}`);
  await using store = openSqliteStore({ file: db, readOnly: true });
  const effects = linesOf(join(folder, "effects"));
  const twice = effects.filter((key, i) => effects.indexOf(key) !== i);
  found.push(...twice.map((key) => `done twice: ${key}`));
  for (const run of runs)
    found.push(...problemsOfRun(run, await store.journal.read(run), { effects: new Set(effects), acknowledged }));
  found.push(...problemsOfDeliveries(linesOf(join(folder, "deliveries"))));
  const broken = await storeViolations(store);
  if (broken.length > 0) found.push(describeViolations(broken));
  return found;
}

interface Seen {
  readonly effects: ReadonlySet<string>;
  readonly acknowledged: ReadonlySet<string>;
}

function* problemsOfRun(run: string, journal: readonly RunEvent[], { effects, acknowledged }: Seen): Generator<string> {
  const last = journal.at(-1);
  if (last?.type !== "run.finished" || last.status !== "completed") yield `${run} ended with ${last?.type ?? "nothing"}`;
  if (acknowledged.has(`told ${run}`) && !journal.some(({ type }) => type === "steer.received"))
    yield `${run}: what it was told is lost`;
  for (const event of journal) if (event.type === "tool.ended") yield* problemsOfCall(`${run}:${event.call}`, event, effects);
}

type ToolEnded = Extract<RunEvent, { readonly type: "tool.ended" }>;

function* problemsOfCall(key: string, event: ToolEnded, effects: ReadonlySet<string>): Generator<string> {
  tally.calls++;
  if (event.reconciled === true) tally.reconciled++;
  if (event.outcome === "unknown") tally.unknown++;
  else if (event.outcome !== "ok") yield `call ${key} ended as ${event.outcome}`;
  else if (!effects.has(key)) yield `call ${key} has a result and never happened`;
}

/** At least one each, and whatever came again was the same. */
function* problemsOfDeliveries(lines: readonly string[]): Generator<string> {
  tally.sentAgain += lines.length - new Set(lines).size;
  for (const run of runs) {
    const distinct = new Set(lines.filter((line) => line.startsWith(`${run} `)));
    if (distinct.size !== 1) yield `${run}: ${distinct.size} different deliveries`;
  }
}

/** One that is left to end fills the cache, and shows that it can end. */
async function warmUp(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "executus-kills-"));
  const { problem } = await runProcess(folder, Infinity);
  rmSync(folder, { recursive: true });
  if (problem !== undefined) throw new Error(problem);
}

console.log(`seed ${values.seed}, ${wanted} kills`);
await warmUp();
const loops = Array.from({ length: Number(values.parallel) }, async () => {
  while (tally.kills < wanted && problems.length < 20) await playRound();
});
await Promise.all(loops);
for (const problem of problems) console.log(`  ${problem}`);
console.log(
  Object.entries(tally)
    .map(([name, count]) => `${count} ${name}`)
    .join(", "),
);
console.log(`${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
