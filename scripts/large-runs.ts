/**
 * Runs with something very large in them, each begun in one process and ended by another: how much memory a process takes, for how long
 * its event loop stands still at most, how soon a run goes on.
 *
 *   node --conditions=executus-source scripts/large-runs.ts [--times 1]
 *
 * Of several times the best is printed: another process on the machine adds to a stall and takes nothing off it. Exit 1 when a bar is
 * missed.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const MOST_MB = 400;
const MOST_STALL_MS = 200;
const MOST_RESUME_MS = 1_000;
const KINDS = {
  result: "a result of 64 MB",
  calls: "an answer with 2,000 calls",
  prompt: "a prompt of 5 MB",
  events: "10,000 events",
} as const;

interface Said {
  readonly megabytes: number;
  readonly stallMs: number;
  readonly takenMs: number;
}

const { values } = parseArgs({ options: { times: { type: "string", default: "1" } } });
const program = join(import.meta.dirname, "../test/support/large-process.ts");

function play(kind: string, isBest: (one: Said, other: Said) => boolean): readonly Said[] {
  let best: readonly Said[] = [];
  for (let i = 0; i < Number(values.times); i++) {
    const folder = mkdtempSync(join(tmpdir(), "executus-large-"));
    try {
      const said = [[], ["resume"]].map((words) => {
        const command = ["--conditions=executus-source", "--no-warnings", program, folder, kind, ...words];
        return JSON.parse(execFileSync(process.execPath, command, { encoding: "utf8" })) as Said;
      });
      best = said.map((one, n) => (best[n] === undefined || isBest(one, best[n]) ? one : best[n]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return best;
}

let isMissed = false;
for (const [kind, what] of Object.entries(KINDS)) {
  const [begun, resumed] = play(kind, (one, other) => one.stallMs < other.stallMs);
  if (begun === undefined || resumed === undefined) throw new Error("nothing was measured");
  const megabytes = Math.max(begun.megabytes, resumed.megabytes);
  const stallMs = Math.max(begun.stallMs, resumed.stallMs);
  isMissed ||= megabytes >= MOST_MB || stallMs > MOST_STALL_MS || resumed.takenMs >= MOST_RESUME_MS;
  const stalls = `stands still ${begun.stallMs} ms, when resumed ${resumed.stallMs} ms`;
  console.log(`${what.padEnd(27)} ${megabytes} MB resident, ${stalls}, resumed after ${resumed.takenMs} ms`);
}
const load = loadavg()[0]?.toFixed(1);
console.log(`bars: ${MOST_MB} MB, ${MOST_STALL_MS} ms, ${MOST_RESUME_MS} ms: ${isMissed ? "missed" : "held"} (load ${load})`);
process.exitCode = isMissed ? 1 : 0;
