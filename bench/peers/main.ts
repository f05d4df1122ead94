/**
 * `npm run bench:peers`: executus, the floors and the peers on one workload, in one go, interleaved, every measurement in a process
 * of its own; medians over rounds. Writes bench/RESULTS.md. executus runs as built, the way a user has it.
 *
 *   npm run bench:peers [-- --rounds 2] [--only executus,floor,langgraph] [--quick] [--out FILE]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Cell, CELLS, PEERS } from "./cells.ts";
import { type ColdStart, coldStarts } from "./cold.ts";
import { installExecutus, installPeers, isInstalled, weigh, type Weight } from "./install.ts";
import { report } from "./report.ts";
import { createSamples, LIMIT_MS, type Samples } from "./samples.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    warm: { type: "string", default: "30000" },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const { quick } = values;
const WARM = Number(values.warm);
/** Who has not run that many steps by then is measured as it is, ms: such a peer takes milliseconds for a step, and a loop with flushes 12 s. */
const WARM_MS = { peer: 4_000, executus: 12_000, floor: 12_000 } as const;
const ROUNDS = Number(values.rounds ?? (quick ? 1 : 2));
const STEPS: readonly number[] = quick ? [10, 50] : [10, 50, 200, 1_000];
const RUNS: readonly number[] = quick ? [50] : [50, 1_000];
/** A second round of anything begins only before these, minutes from the start. */
const LAST_ROUND_OF = { steps: 9, concurrent: 15 };
const root = resolve(import.meta.dirname, "../..");
const out = resolve(
  values.out ?? (quick || values.only !== undefined ? join(root, ".executus/bench-peers.md") : join(root, "bench/RESULTS.md")),
);

const only = values.only?.split(",");
const isWanted = ({ group, kind }: Cell): boolean =>
  only === undefined || only.includes(group) || only.includes(kind.split("/")[0] ?? "");
const cells = CELLS.filter(isWanted);
const peers = PEERS.filter((peer) => cells.some(({ kind }) => kind.startsWith(`${peer}/`)));

const started = performance.now();
const minutes = (): number => (performance.now() - started) / 60_000;
const say = (line: string): void => console.log(`${minutes().toFixed(1).padStart(5)} min  ${line}`);

async function perStep(samples: Samples): Promise<void> {
  const sizes = STEPS.flatMap((steps) => [1, 4].map((parallel) => ({ steps, parallel })));
  for (let round = 1; round <= ROUNDS; round++) {
    if (round > 1 && minutes() > LAST_ROUND_OF.steps) return say("no time for another round of steps");
    say(`round ${round} of ${ROUNDS}: steps`);
    for (const { steps, parallel } of sizes) {
      const job = { mode: "steps" as const, steps, parallel, warm: WARM, warmSteps: Math.min(steps, 50), measureMs: 500 };
      for (const cell of cells) await samples.take(cell, { ...job, warmMs: WARM_MS[cell.group] });
    }
  }
}

async function concurrent(samples: Samples): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    if (round > 1 && minutes() > LAST_ROUND_OF.concurrent) return say("no time for another round of concurrent runs");
    say(`round ${round}: concurrent runs`);
    for (const runs of RUNS)
      for (const cell of cells)
        await samples.take(cell, { mode: "concurrent", steps: 10, runs, delayMs: 50, warm: WARM, warmMs: WARM_MS[cell.group] });
  }
}

async function once(samples: Samples): Promise<void> {
  say("bytes and memory");
  for (const cell of cells) {
    if (cell.keeps === "nothing") continue;
    for (const steps of STEPS) await samples.take(cell, { mode: "bytes", steps }, 2 * LIMIT_MS);
  }
  const runs = RUNS.at(-1) ?? 50;
  for (const cell of cells) await samples.take(cell, { mode: "parked", steps: 10, runs });
  for (let round = 1; round <= (quick ? 1 : 5); round++)
    for (const cell of cells) await samples.take(cell, { mode: "first", steps: 2 });
}

function install(folder: string): ReadonlyMap<string, Weight> {
  const weights = new Map(peers.map((peer) => [peer as string, weigh(join(root, "bench/peers", peer))]));
  if (!cells.some(({ group }) => group === "executus") || only !== undefined) return weights;
  say("packing and installing executus");
  return weights.set("executus", weigh(installExecutus(folder)));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "executus-peers-"));
  const [load = NaN] = loadavg();
  try {
    if (peers.length > 0) installPeers();
    const missing = peers.filter((peer) => !isInstalled(peer));
    if (missing.length > 0) throw new Error(`not installed at the pinned versions: ${missing.join(", ")}`);
    say("building executus");
    execFileSync(process.execPath, [join(root, "scripts/build.ts")], { stdio: "inherit" });
    const weights = install(folder);
    const samples = createSamples(say);
    await perStep(samples);
    await concurrent(samples);
    await once(samples);
    say("cold start");
    const cold: readonly ColdStart[] = coldStarts({ peers, rounds: quick ? 3 : 7 });
    const text = report({
      samples,
      cells,
      steps: STEPS,
      runs: RUNS,
      rounds: ROUNDS,
      warm: WARM,
      warmMs: WARM_MS.peer,
      weights,
      cold,
      minutes: minutes(),
      load,
    });
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, text);
    say(`wrote ${relative(process.cwd(), out)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
