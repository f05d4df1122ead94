/** bench/RESULTS.md. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { machine } from "../measure.ts";
import type { Job } from "../worker.ts";
import { BAR_COLUMNS, barRows, type Measured } from "./bars.ts";
import { type Cell, PEERS, pinned } from "./cells.ts";
import type { ColdStart } from "./cold.ts";
import { number, table } from "./format.ts";
import type { Weight } from "./install.ts";

export interface Results extends Measured {
  readonly rounds: number;
  /** Steps of the warm-up, and the time after which it is over for those who have not made them, ms. */
  readonly warm: number;
  readonly warmMs: number;
  readonly minutes: number;
  /** Of the machine before anything was measured: processes that wanted to run, averaged over a minute. */
  readonly load: number;
  readonly weights: ReadonlyMap<string, Weight>;
  readonly cold: readonly ColdStart[];
}

/** A figure of a cell: a dash where it was not asked for, `> n s` or `failed` where it was. */
function shown({ samples }: Measured, cell: Cell, wanted: Partial<Job>, name: string): string {
  const value = samples.figure(cell, wanted, name);
  if (Number.isFinite(value)) return number(value);
  const { mode } = wanted;
  const asked = samples.of(cell, mode === undefined ? wanted : { mode });
  if (samples.of(cell, wanted).some(({ failed }) => failed === "error")) return "failed";
  return asked.some(({ failed }) => failed === "not in time") ? "too long" : "–";
}

function perStep(results: Results, parallel: number): string {
  const { cells, steps } = results;
  const columns = ["", "keeps", ...steps.flatMap((n) => [`${n}: CPU`, "wall"])];
  const rows = cells.map((cell) => [
    cell.name,
    cell.keeps,
    ...steps.flatMap((n) => {
      const wanted = { mode: "steps", steps: n, parallel } as const;
      return [shown(results, cell, wanted, "cpuMsPerStep"), shown(results, cell, wanted, "msPerStep")];
    }),
  ]);
  return table(columns, rows);
}

function concurrent(results: Results): string {
  const { cells, runs } = results;
  const most = runs.at(-1) ?? 0;
  const columns = [
    "",
    ...runs.map((n) => `wall ms, ${n} runs`),
    `CPU ms per step, ${most}`,
    "loop p99 ms",
    "peak RSS MB",
    "heap KB per run",
  ];
  const rows = cells.map((cell) => {
    const at = { mode: "concurrent", runs: most } as const;
    const cpu = results.samples.figure(cell, at, "cpuMs") / most / 10;
    return [
      cell.name,
      ...runs.map((n) => shown(results, cell, { ...at, runs: n }, "wallMs")),
      number(cpu),
      shown(results, cell, at, "p99Ms"),
      shown(results, cell, at, "peakRssMb"),
      number(results.samples.figure(cell, { mode: "parked", runs: most }, "bytesPerRun") / 1024),
    ];
  });
  return table(columns, rows);
}

function bytes(results: Results): string {
  const keeping = results.cells.filter(({ keeps, kind }) => keeps !== "nothing" && kind !== "memory");
  const columns = ["", "keeps on", ...results.steps.map((n) => `${n} steps`)];
  return table(
    columns,
    keeping.map((cell) => [
      cell.name,
      cell.keeps,
      ...results.steps.map((n) => shown(results, cell, { mode: "bytes", steps: n }, "bytesPerStep")),
    ]),
  );
}

function cold({ cold: starts }: Results): string {
  const rows = starts.map(({ name, wallMs, cpuMs, rssMb }) => [
    `\`import ${name}\``,
    `+${number(wallMs)}`,
    `+${number(cpuMs)}`,
    number(rssMb),
  ]);
  return table(["over a process that imports nothing", "wall ms", "CPU ms", "RSS MB"], rows);
}

function firstRun(results: Results): string {
  const wanted = { mode: "first" } as const;
  const rows = results.cells.map((cell) => [
    cell.name,
    shown(results, cell, wanted, "sinceStartMs"),
    shown(results, cell, wanted, "cpuMs"),
  ]);
  return table(["from the start of the process to the end of a run of 2 steps", "wall ms", "CPU ms"], rows);
}

function weights(results: Results): string {
  const rows = [...results.weights].map(([name, { packages, bytes: size }]) => [
    name === "executus" ? "executus (with its SQLite store; no provider)" : Object.keys(pinned(name)).join(", "),
    String(packages),
    number(size / 1e6),
  ]);
  return table(["installed", "packages", "MB"], rows);
}

function settings({ cells }: Results): string {
  return table(
    ["", "settings"],
    cells.map((cell) => [cell.name, cell.settings]),
  );
}

function versions(): string {
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };
  const peers = PEERS.flatMap((peer) => Object.entries(pinned(peer)).map(([name, version]) => `${name} ${version}`));
  return [`executus ${own.version}`, ...new Set(peers)].join(", ");
}

function failures({ samples }: Results): string {
  const failed = samples.all.filter((sample) => sample.failed === "error");
  if (failed.length === 0) return "";
  const lines = failed.map(
    ({ job, message = "" }) => `- ${job.kind}, ${job.mode}: ${message.replaceAll(/\s+/g, " ").slice(0, 300)}`,
  );
  return `\n## What failed\n\n${[...new Set(lines)].join("\n")}\n`;
}

function loadOf({ load }: Results): string {
  const busy =
    load > availableParallelism() / 2
      ? " **Others were using the machine: these figures are for a look, not for a comparison.**"
      : "";
  return `Load before the start: ${load.toFixed(1)}.${busy}`;
}

export function report(results: Results): string {
  const rows = barRows(results);
  const { rounds, minutes, warm, warmMs } = results;
  return `# Against peers

Written by \`npm run bench:peers\` on ${new Date().toISOString().slice(0, 10)} in ${Math.round(minutes)} minutes. Do not edit: run it again.

- Machine: ${machine()}, ${process.platform}. ${loadOf(results)}
- Versions: ${versions()}.
- executus runs as built (\`dist\`), the way a user has it.

## The bars

${rows.length === 0 ? "Not compared: executus or the peers were left out." : table(BAR_COLUMNS, rows)}

## How it is measured

One workload for all (\`bench/workload.ts\`): a mock model that answers at once, in each step but the last with one call (or four) of
one tool, which returns 1 KB of text; the last step answers with text. A run that did anything else fails the measurement. Each
measurement is a process of its own; contenders take turns; figures are medians over up to ${rounds} rounds (bytes
and heap: 1, first runs: 5). What takes longer than 8 seconds is measured in one round, and \`too long\` is what was not through after
25 seconds, warm-up included, with this much work or less. Before anything is measured the code is warmed up with ${warm} steps in
runs of up to 50, or with what is done in 12 seconds (peers: ${warmMs / 1_000}), the first run on a fresh store is left out, and CPU is that of the whole process, its threads included.
\`keeps\` says what a finished step has reached when the next one begins: nothing, the memory of the process, the page cache (a
crash of the process leaves it, a power cut may not), or the disk (flushed).

## ms per step, one call in each

${perStep(results, 1)}

## ms per step, four calls in each

${perStep(results, 4)}

## Many runs at once

Runs of 10 steps, one call in each, in one process; a model call takes 50 ms, so 500 ms is the least. Heap: what a run holds half
way through, with ${results.runs.at(-1)} of them parked in a model call.

${concurrent(results)}

## Bytes stored per step

Files after a checkpoint (for \`MemorySaver\`: the serialised checkpoints it holds), less those of a run of one step.

${bytes(results)}

## Cold start

${cold(results)}

The harness is part of the next one: about what the bare loop takes.

${firstRun(results)}

## Install

\`npm install\` into an empty folder, without development and optional peer packages; what a program needs beside it to reach a
model is not included. The peers' include zod where their tools need it, and their SQLite packages.

${weights(results)}

## Settings

${settings(results)}
${failures(results)}
## What is not measured

Real models and networks; streaming to a client; disks with slow flushes (a laptop's SSD without a cache, a network volume), where
what is flushed costs more and what is not flushed does not; several processes on one store; long prompts that a provider caches;
what the peers' hosted platforms add; memory over days (\`npm run soak\` does that for executus); correctness after a kill
(\`npm run bench:crash\`).
`;
}
