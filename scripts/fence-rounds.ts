/**
 * Takes runs from a process that is stopped for longer than its lease, wakes it up, and counts what it could still write.
 *
 *   node --conditions=executus-source scripts/fence-rounds.ts [--rounds 1000] [--runs 50] [--seed 1]
 *
 * A round is one run that was taken; a process has `--runs` of them when it is stopped. Exit 0 only if nothing was accepted after a
 * takeover, no `once` call took effect twice, every process heard that it had lost its runs, and all invariants hold.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/testing/seeded-random.ts";
import { fenceRound } from "../test/support/fence-round.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1000" },
    runs: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
  },
});
const wanted = Number(values.rounds);
const random = seededRandom(Number(values.seed));
const total = { stops: 0, taken: 0, fenced: 0, acceptedAfterTakeover: 0, lateEffects: 0, repeatedOnce: 0, problems: 0 };

while (total.taken < wanted) {
  const folder = mkdtempSync(join(tmpdir(), "executus-fence-"));
  const stopAfterMs = random.below(300);
  const round = await fenceRound({ folder, runs: Number(values.runs), prefix: "r", stopAfterMs });
  rmSync(folder, { recursive: true, force: true });
  total.stops++;
  total.taken += round.taken;
  total.fenced += round.fenced;
  total.acceptedAfterTakeover += round.acceptedAfterTakeover;
  total.lateEffects += round.lateEffects;
  total.repeatedOnce += round.repeatedOnce;
  total.problems += round.problems.length;
  for (const problem of round.problems) console.error(problem);
  console.log(JSON.stringify(total));
}
const isWell =
  total.acceptedAfterTakeover === 0 && total.repeatedOnce === 0 && total.problems === 0 && total.fenced === total.taken;
console.log(isWell ? "passed" : "failed");
process.exit(isWell ? 0 : 1);
