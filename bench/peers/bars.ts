/** The bars that executus set itself against peers, and whether these figures meet them. */
import type { OwnKind } from "../contender.ts";
import type { Job } from "../worker.ts";
import type { Cell } from "./cells.ts";
import { type Column, number } from "./format.ts";
import { LIMIT_MS, type Sample, type Samples } from "./samples.ts";

export interface Measured {
  readonly samples: Samples;
  readonly cells: readonly Cell[];
  readonly steps: readonly number[];
  readonly runs: readonly number[];
}

interface Bar {
  readonly name: string;
  readonly wanted: readonly Partial<Job>[];
  readonly figure: string;
  readonly ours: "memory" | "sqlite";
  readonly against: (cell: Cell) => boolean;
  /** By how many times executus must be below. */
  readonly times: number;
  /** The hand-written loop that does as much as executus. */
  readonly floor: OwnKind;
}

function bars({ steps, runs }: Measured): readonly Bar[] {
  const perStep = [1, 4].flatMap((parallel) => steps.map((n) => ({ mode: "steps" as const, steps: n, parallel })));
  return [
    {
      name: "CPU ms per step, executus on SQLite below every loop that keeps nothing, except pi's",
      wanted: perStep,
      figure: "cpuMsPerStep",
      ours: "sqlite",
      against: ({ kind, keeps }) => keeps === "nothing" && !kind.startsWith("pi/"),
      times: 1,
      floor: "bare-sqlite",
    },
    {
      name: "wall ms of many runs at once, executus on SQLite below every peer",
      wanted: runs.map((n) => ({ mode: "concurrent" as const, runs: n })),
      figure: "wallMs",
      ours: "sqlite",
      against: () => true,
      times: 1,
      floor: "bare-grouped",
    },
    {
      name: "wall ms per step, executus in memory below every peer",
      wanted: perStep,
      figure: "msPerStep",
      ours: "memory",
      against: () => true,
      times: 1,
      floor: "bare",
    },
    {
      name: "bytes per step, executus on SQLite 20 times below LangGraph's `SqliteSaver`",
      wanted: steps.filter((n) => n === 200).map((n) => ({ mode: "bytes" as const, steps: n })),
      figure: "bytesPerStep",
      ours: "sqlite",
      against: ({ kind }) => kind.startsWith("langgraph/sqlite"),
      times: 20,
      floor: "bare-sqlite",
    },
  ];
}

export const BAR_COLUMNS: readonly Column[] = ["bar", "at", "executus", "best peer", "which", "floor", ""];

/** One row per bar and size; empty without executus or peers. */
export function barRows(measured: Measured): readonly (readonly string[])[] {
  return bars(measured).flatMap((bar) => bar.wanted.flatMap((wanted) => barRow(bar, wanted, measured)));
}

function barRow(bar: Bar, wanted: Partial<Job>, { samples, cells }: Measured): readonly (readonly string[])[] {
  const us = cells.find(({ kind }) => kind === bar.ours);
  const peers = cells.filter((cell) => cell.group === "peer" && bar.against(cell));
  if (us === undefined || peers.length === 0) return [];
  const ours = samples.figure(us, wanted, bar.figure);
  const [best] = peers
    .map((cell) => ({ name: cell.name, value: samples.figure(cell, wanted, bar.figure) }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.value - b.value);
  const floor = cells.find(({ kind }) => kind === bar.floor);
  const least = floor === undefined ? NaN : samples.figure(floor, wanted, bar.figure);
  const theirs = best === undefined ? ["–", "–"] : [`${number(best.value)} (${number(best.value / ours)} times ours)`, best.name];
  const said = verdict({ ours: ours * bar.times, best: best?.value, tookMs: slowest(samples.of(us, wanted)) });
  return [[bar.name, placeOf(wanted), number(ours), ...theirs, number(least), said]];
}

const slowest = (taken: readonly Sample[]): number => Math.max(0, ...taken.map(({ processMs }) => processMs));

interface Standing {
  readonly ours: number;
  /** Undefined when no peer was done in time. */
  readonly best: number | undefined;
  readonly tookMs: number;
}

/** Peers that were not done in time count as slower, unless executus would not have been done in that time either. */
function verdict({ ours, best, tookMs }: Standing): string {
  if (!Number.isFinite(ours)) return "**not measured**";
  if (best !== undefined && ours >= best) return "**missed**";
  return tookMs < LIMIT_MS ? "met" : "**unclear**";
}

function placeOf({ runs, steps, parallel }: Partial<Job>): string {
  if (runs !== undefined) return `${runs} runs`;
  return `${steps} steps${parallel === undefined ? "" : ` x ${parallel}`}`;
}
