/**
 * `npm run bench [-- --quick]`: what a step costs, against hand-written loops of the same kind, in one go and interleaved. Every
 * measurement runs in a process of its own; the figure is the median over rounds, the ratio the median of the rounds' ratios.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { OwnKind } from "./contender.ts";
import { type Figures, machine, measure as measureIn, median } from "./measure.ts";
import type { Job } from "./worker.ts";

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 1 : 3;
const STEPS = quick ? [10, 100] : [10, 100, 1_000, 5_000];

const measure = (job: Job): Promise<Figures> => measureIn(job, { conditions: ["executus-source"] });

function row(cells: readonly (string | number)[]): void {
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(26) : String(cell).padStart(13))).join(""));
}

const format = (value: number, digits = 3): string => (Number.isFinite(value) ? value.toFixed(digits) : "-");

async function perStep(): Promise<void> {
  console.log("\nPer step, ms: mock model (10 stream parts), one tool call, 1 KB result. Median of runs, over rounds.");
  row(["steps per run", ...STEPS.map(String)]);
  const kinds = ["bare", "memory", "bare-sqlite", "sqlite"] as const;
  const figures = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const steps of STEPS) {
      for (const kind of kinds) {
        const { msPerStep = NaN } = await measure({ mode: "steps", kind, steps });
        const key = `${kind} ${steps}`;
        figures.set(key, [...(figures.get(key) ?? []), msPerStep]);
      }
    }
  }
  const all = (kind: OwnKind, steps: number): readonly number[] => figures.get(`${kind} ${steps}`) ?? [];
  const names: Readonly<Record<(typeof kinds)[number], string>> = {
    bare: "bare loop",
    memory: "executus in memory",
    "bare-sqlite": "bare loop + 2 appends",
    sqlite: "executus on SQLite",
  };
  for (const kind of kinds) row([names[kind], ...STEPS.map((steps) => format(median(all(kind, steps)), 4))]);
  const ratio = (a: OwnKind, b: OwnKind, steps: number): number =>
    median(all(a, steps).map((value, i) => value / (all(b, steps)[i] ?? NaN)));
  row(["memory / bare", ...STEPS.map((steps) => format(ratio("memory", "bare", steps), 2))]);
  row(["SQLite / bare + appends", ...STEPS.map((steps) => format(ratio("sqlite", "bare-sqlite", steps), 2))]);
  const bytes = [];
  for (const steps of STEPS) bytes.push((await measure({ mode: "bytes", kind: "sqlite", steps }))["bytesPerStep"] ?? NaN);
  row(["bytes per step on disk", ...bytes.map((value) => format(value, 0))]);
}

async function manyRuns(): Promise<void> {
  const runs = quick ? 100 : 1_000;
  console.log(`\n${runs} runs of 10 steps at once, model takes 50 ms.`);
  row(["", "wall ms", "CPU ms", "loop p99 ms", "loop max ms"]);
  const walls: Record<string, number[]> = {};
  const kinds: readonly OwnKind[] = ["bare-grouped", "sqlite"];
  const seen = new Map<OwnKind, Figures[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of kinds) {
      const figures = await measure({ mode: "concurrent", kind, steps: 10, runs, delayMs: 50 });
      seen.set(kind, [...(seen.get(kind) ?? []), figures]);
      walls[kind] = [...(walls[kind] ?? []), figures["wallMs"] ?? NaN];
    }
  }
  for (const kind of kinds) {
    const column = (name: string): string => format(median((seen.get(kind) ?? []).map((figures) => figures[name] ?? NaN)), 1);
    row([
      kind === "sqlite" ? "executus on SQLite" : "bare, group commit",
      column("wallMs"),
      column("cpuMs"),
      column("p99Ms"),
      column("maxMs"),
    ]);
  }
  const ratios = (walls["sqlite"] ?? []).map((value, i) => value / (walls["bare-grouped"]?.[i] ?? NaN));
  row(["ratio of walls", format(median(ratios), 2)]);
  for (const kind of ["bare", "sqlite", "memory"] as const) {
    const { bytesPerRun = NaN } = await measure({ mode: "parked", kind, steps: 10, runs });
    row([`memory per run, ${kind}`, `${format(bytesPerRun / 1024, 1)} KB`]);
  }
}

async function resume(): Promise<void> {
  const figures = await measure({ mode: "resume", kind: "sqlite", steps: quick ? 250 : 2_500 });
  console.log("");
  row([`resume of ${figures["events"]} events`, `${format(figures["resumeMs"] ?? NaN, 0)} ms`]);
}

function processMs(args: readonly string[]): number {
  const start = performance.now();
  execFileSync(process.execPath, args, { stdio: "ignore" });
  return performance.now() - start;
}

/** Whole processes, interleaved with `node -e 0`. From the built package, as a user has it. */
function coldStart(): void {
  const dist = join(import.meta.dirname, "../dist");
  const cases = {
    "import 'executus'": ["--input-type=module", "-e", `await import(${JSON.stringify(join(dist, "index.js"))})`],
    "executus --version": [join(dist, "hosts/cli/main.js"), "--version"],
  };
  for (const [name, args] of Object.entries(cases)) {
    const over: number[] = [];
    for (let i = 0; i < (quick ? 5 : 21); i++) {
      const base = processMs(["-e", "0"]);
      over.push(processMs(args) - base);
    }
    row([name, `+${format(median(over), 1)} ms`]);
  }
}

console.log(`${machine()}, ${new Date().toISOString()}`);
await perStep();
await manyRuns();
await resume();
coldStart();
