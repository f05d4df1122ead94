/**
 * Plays as many seeds as one likes of the simulation that the tests play some of. Each draws some of the features of an executor.
 *
 *   node --conditions=executus-source scripts/simulate.ts [--seeds 20000] [--from 1]
 *
 * Ends at the first seed in which something is wrong, with what it is and how to play it again; exit 0 only if there is none.
 */
import { parseArgs } from "node:util";
import { simulate } from "../src/testing/simulate.ts";
import { agentOf, simulatedFeatures } from "../test/support/simulated-features.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "20000" }, from: { type: "string", default: "1" } },
});
const from = Number(values.from);
const end = from + Number(values.seeds);
const BATCH = 500;

const startedAt = performance.now();
const total = { runs: 0, events: 0, crashes: 0, pauses: 0, lateEffects: 0 };
for (let seed = from; seed < end; seed += BATCH) {
  const seeds = Array.from({ length: Math.min(BATCH, end - seed) }, (_, i) => seed + i);
  try {
    const { runs, events, crashes, pauses, lateEffects } = await simulate(agentOf, {
      ...simulatedFeatures,
      seeds,
    });
    total.runs += runs;
    total.events += events;
    total.crashes += crashes;
    total.pauses += pauses;
    total.lateEffects += lateEffects;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  const done = seed + seeds.length - from;
  const perSecond = done / ((performance.now() - startedAt) / 1_000);
  console.log(`${done} seeds, ${perSecond.toFixed(1)} per second  ${JSON.stringify(total)}`);
}
console.log("passed");
