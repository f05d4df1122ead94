/**
 * Plays a corpus under `kill -9` at random moments until it is through, again and again until enough kills were made, and
 * counts real executions from outside: every answered call of the corpus exactly one line in the effects file.
 *
 *   node --conditions=executus-source scripts/kill-loop.ts [--kills 500] [--seed 1] [--min 150] [--max 1500] [CORPUS.jsonl...]
 *
 * Ends with `N passed, M failed`; exit 0 only if no line is there twice, none is missing and every recording passed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Recording, readRecordings, resultOf, runIdOf } from "../src/hosts/cli/play/recording.ts";
import { seededRandom } from "../src/testing/seeded-random.ts";

const root = resolve(import.meta.dirname, "..");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "500" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    min: { type: "string", default: "150" },
    max: { type: "string", default: "1500" },
    delay: { type: "string", default: "6" },
  },
});

const wantedKills = Number(values.kills);
const random = seededRandom(Number(values.seed));
const corpus = positionals.length > 0 ? positionals : openCorpus();

function openCorpus(): string[] {
  const folder = join(process.env["EXECUTUS_CORPUS"] ?? resolve(root, "../shared/corpus"), "open/runs");
  if (!existsSync(folder)) {
    console.error(`There is no corpus in ${folder}: give the recordings as arguments, or set EXECUTUS_CORPUS.`);
    process.exit(2);
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => join(folder, name));
}

/** Every call that the recordings answer, as the kernel names it. */
async function expectedLines(): Promise<Set<string>> {
  const lines = new Set<string>();
  for (const file of corpus)
    for await (const recording of readRecordings(file)) for (const line of linesOf(recording)) lines.add(line);
  return lines;
}

function* linesOf(recording: Recording): Generator<string> {
  for (const [step, turn] of recording.turns.entries()) {
    for (const ordinal of turn.assistant.toolCalls.keys()) {
      if (resultOf(turn, ordinal) !== undefined) yield `${runIdOf(recording)} ${step}.${ordinal}`;
    }
  }
}

interface Ended {
  readonly killed: boolean;
  readonly code: number | null;
  readonly output: string;
}

function play(db: string, effects: string, killAfterMs: number | undefined): Promise<Ended> {
  const args = ["--conditions=executus-source", "--no-warnings", join(root, "src/hosts/cli/main.ts"), "play", ...corpus];
  const more = [
    "--db",
    db,
    "--effects",
    effects,
    "--concurrency",
    "24",
    "--tool-delay",
    values.delay,
    "--model-delay",
    values.delay,
  ];
  const child: ChildProcess = spawn(process.execPath, [...args, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  let killed = false;
  const timer =
    killAfterMs === undefined
      ? undefined
      : setTimeout(() => {
          killed = child.kill("SIGKILL");
        }, killAfterMs);
  return new Promise((done) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ killed: killed && code === null, code, output });
    });
  });
}

interface Round {
  readonly kills: number;
  readonly problems: readonly string[];
  readonly passed: number;
}

/** One corpus from the first start to the end, killed on the way as often as it takes or as kills are left. */
async function playRound(expected: ReadonlySet<string>, killsLeft: number): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), "executus-kill-"));
  const [db, effects] = [join(folder, "runs.db"), join(folder, "effects.txt")];
  let kills = 0;
  let ended: Ended;
  do {
    const [min, max] = [Number(values.min), Number(values.max)];
    ended = await play(db, effects, kills < killsLeft ? min + random.next() * (max - min) : undefined);
    if (ended.killed) kills++;
  } while (ended.killed);
  const problems = [...linesOff(effects, expected)];
  const passed = Number(/(\d+) passed/.exec(ended.output)?.[1] ?? 0);
  if (ended.code !== 0) problems.push(`play ended with ${ended.code}: ${ended.output.slice(-2_000)}`);
  if (problems.length === 0) rmSync(folder, { recursive: true });
  else console.log(`kept for a look: ${folder}`);
  return { kills, problems, passed };
}

function* linesOff(effects: string, expected: ReadonlySet<string>): Generator<string> {
  const seen = new Set<string>();
  for (const line of readFileSync(effects, "utf8")
    .split("\n")
    .filter((text) => text !== "")) {
    if (seen.has(line)) yield `executed twice: ${line}`;
    if (!expected.has(line)) yield `not in the corpus: ${line}`;
    seen.add(line);
  }
  for (const line of expected) if (!seen.has(line)) yield `never executed: ${line}`;
}

console.log(`seed ${values.seed}, ${wantedKills} kills, ${corpus.length} files`);
const expected = await expectedLines();
let [kills, rounds, passed, failed] = [0, 0, 0, 0];
while (kills < wantedKills) {
  const round = await playRound(expected, wantedKills - kills);
  kills += round.kills;
  rounds++;
  passed += round.passed;
  failed += round.problems.length;
  for (const problem of round.problems.slice(0, 10)) console.log(`  ${problem}`);
  console.log(`round ${rounds}: ${kills} kills, ${expected.size} calls, ${round.problems.length} problems`);
}
console.log(`${kills} kills in ${rounds} rounds, ${expected.size * rounds} calls${failed === 0 ? ", each executed once" : ""}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
