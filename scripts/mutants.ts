/**
 * Plants the faults of scripts/mutants one at a time in a copy of this tree, and runs the tests: does anything notice?
 *
 *   node --no-warnings scripts/mutants.ts [--only NAME ...] [--after NAME] [--hinted-only] [--jobs N] [--list]
 *
 * First the tests that a fault names, then, if they are content with it, the rest of the suite (not with `--hinted-only`).
 * Ends with `N faults, M found (P %)`; exit 0 only if at least 95 % of them were.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Fault, plant, problemOf } from "./mutants/fault.ts";
import { FAULTS } from "./mutants/list.ts";
import { copyTree, runTests, type TestEnd } from "./mutants/run-tests.ts";

const BAR = 0.95;
const HINTED_LIMIT_MS = 120_000;
/** Twice what the whole suite may take. */
const SUITE_LIMIT_MS = 1_200_000;

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    "hinted-only": { type: "boolean", default: false },
    jobs: { type: "string", default: "1" },
    after: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

interface Tried {
  readonly fault: Fault;
  readonly end: TestEnd;
  readonly seconds: number;
}

function wanted(): readonly Fault[] {
  const unknown = [...values.only, ...(values.after === undefined ? [] : [values.after])].find(
    (name) => !FAULTS.some((fault) => fault.name === name),
  );
  if (unknown !== undefined) fail(`there is no fault ${unknown}; see --list`);
  const problems = FAULTS.flatMap((fault) => {
    const problem = problemOf(root, fault);
    return problem === undefined ? [] : [`${fault.name}: ${problem}`];
  });
  if (problems.length > 0) fail(problems.join("\n"));
  const rest = FAULTS.slice(FAULTS.findIndex(({ name }) => name === values.after) + 1);
  return values.only.length === 0 ? rest : FAULTS.filter(({ name }) => values.only.includes(name));
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** A test that fails without any fault finds nothing. */
async function checkSound(copy: string, faults: readonly Fault[]): Promise<void> {
  const files = [...new Set(faults.flatMap(({ tests }) => tests))];
  console.log(`without a fault: ${files.length} test files`);
  const end = await runTests({ copy, files, limitMs: SUITE_LIMIT_MS });
  if (end.type === "failed") throw new Error(`the tests fail without any fault: ${end.by}`);
  if (end.type === "broken") throw new Error(`the tests do not run: ${end.why}`);
}

async function tryOne(copy: string, fault: Fault): Promise<Tried> {
  const startedAt = performance.now();
  const remove = plant(copy, fault);
  try {
    const { tests } = fault;
    let end = await runTests({ copy, files: tests, limitMs: HINTED_LIMIT_MS, workers: 1 });
    if (end.type === "passed" && !values["hinted-only"] && fault.equivalent === undefined) {
      end = await runTests({ copy, files: [], except: tests, limitMs: SUITE_LIMIT_MS });
    }
    return { fault, end, seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    remove();
  }
}

async function work(copy: string, queue: Fault[], tried: Tried[], of: number): Promise<void> {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    const one = await tryOne(copy, fault);
    tried.push(one);
    console.log(`[${tried.length}/${of}] ${lineOf(one)}`);
  }
}

function lineOf({ fault, end, seconds }: Tried): string {
  return `${fault.name.padEnd(44)} ${seconds.toFixed(1).padStart(6)} s  ${wordsOf(fault, end)}`;
}

function wordsOf({ equivalent }: Fault, end: TestEnd): string {
  if (end.type === "broken") return `DOES NOT RUN: ${end.why.split("\n")[0]}`;
  if (end.type === "failed") return `found by ${end.by}`;
  return equivalent === undefined ? "NOT FOUND" : `not counted: ${equivalent}`;
}

function list(faults: readonly Fault[]): void {
  for (const { name, breaks, file } of faults) console.log(`${name.padEnd(44)} ${file.padEnd(44)} ${breaks}`);
}

async function main(): Promise<number> {
  const faults = wanted();
  if (values.list) {
    list(faults);
    return 0;
  }
  const copies = Array.from({ length: Math.min(Number(values.jobs), faults.length) }, () => copyTree(root));
  const tried: Tried[] = [];
  if (copies[0] !== undefined) await checkSound(copies[0], faults);
  const queue = [...faults];
  await Promise.all(copies.map((copy) => work(copy, queue, tried, faults.length)));
  return report(faults, tried);
}

function report(faults: readonly Fault[], tried: readonly Tried[]): number {
  const inOrder = faults.flatMap((fault) => tried.filter((one) => one.fault === fault));
  console.log(`\n${inOrder.map(lineOf).join("\n")}\n`);
  const counted = inOrder.filter(({ fault }) => fault.equivalent === undefined);
  const found = counted.filter(({ end }) => end.type === "failed").length;
  const wronglyEquivalent = inOrder.filter(({ fault, end }) => fault.equivalent !== undefined && end.type === "failed");
  for (const { fault } of wronglyEquivalent) console.log(`${fault.name} is found after all: it is not equivalent`);
  console.log(`${counted.length} faults, ${found} found (${Math.round((1000 * found) / counted.length) / 10} %)`);
  return found >= BAR * counted.length && wronglyEquivalent.length === 0 ? 0 : 1;
}

process.exitCode = await main();
