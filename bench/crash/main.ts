/**
 * `npm run bench:crash`: the same work under `kill -9` for executus and LangGraph, from one script with a seed. Every run is killed at
 * a random moment up to three times, then left to end. A call is finished once its effect is complete; how many finished calls
 * run again?
 *
 *   npm run bench:crash [-- --kills 100] [--seed 1] [--only executus] [--built]
 *
 * executus runs as built; with `--built` it is not built anew.
 *
 * Exit 0 only if executus ran no call of a `once` tool again after it was finished, and no journaled call of any tool.
 */
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "executus/testing";
import { machine } from "../measure.ts";
import { installPeers } from "../peers/install.ts";
import { table } from "../peers/format.ts";
import { killRuns, type System, type Tally } from "./kill-runs.ts";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    only: { type: "string" },
    built: { type: "boolean", default: false },
  },
});

const executus = join(import.meta.dirname, "executus-process.ts");
const langgraph = join(root, "bench/peers/langgraph/crash.mjs");
const SYSTEMS: readonly System[] = [
  { name: "executus, tools `once`", file: executus, variant: "once" },
  { name: "executus, tools `once` with `reconcile`", file: executus, variant: "reconcile" },
  { name: "executus, tools `idempotent`", file: executus, variant: "idempotent" },
  { name: "LangGraph, `SqliteSaver`, `ToolNode`", file: langgraph, variant: "tool-node" },
  { name: "LangGraph, the same, `durability: sync`", file: langgraph, variant: "tool-node-sync" },
  { name: "LangGraph, `createReactAgent` v2", file: langgraph, variant: "react-v2" },
];
const systems = SYSTEMS.filter(({ name }) => values.only === undefined || name.toLowerCase().startsWith(values.only));

console.log(`${machine()}, seed ${values.seed}, at least ${values.kills} kills of each`);
if (systems.some(({ file }) => file === langgraph)) installPeers();
if (!values.built) execFileSync(process.execPath, [join(root, "scripts/build.ts")], { stdio: "inherit" });

const tallies: { readonly system: System; readonly tally: Tally }[] = [];
for (const system of systems) {
  const tally = await killRuns(system, { kills: Number(values.kills), random: seededRandom(Number(values.seed)) });
  tallies.push({ system, tally });
  console.log(`${system.name}: ${JSON.stringify(tally)}`);
}

const per100 = (count: number, { kills }: Tally): string => ((count / kills) * 100).toFixed(1);
const rows = tallies.map(({ system, tally }) => [
  system.name,
  String(tally.kills),
  String(tally.runs),
  String(tally.finishedAgain),
  per100(tally.finishedAgain, tally),
  system.file === executus ? String(tally.journaledAgain) : "",
  system.file === executus ? String(tally.unknown) : "",
  String(tally.missing),
]);
const columns = [
  "",
  "kills",
  "runs",
  "finished calls run again",
  "per 100 kills",
  "of them journaled",
  "reported unknown",
  "never run",
];
console.log(`\n${table(columns, rows)}`);

const ours = tallies.filter(({ system }) => system.file === executus);
const problems = tallies.flatMap(({ tally }) => tally.problems);
const broken = ours.filter(
  ({ system, tally }) => tally.journaledAgain > 0 || (system.variant !== "idempotent" && tally.finishedAgain > 0),
);
for (const problem of problems) console.log(`problem: ${problem}`);
for (const { system } of broken) console.log(`broken: ${system.name} ran finished calls again`);
process.exitCode = broken.length + problems.length === 0 ? 0 : 1;
