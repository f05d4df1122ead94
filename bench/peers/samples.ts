/** What was measured so far, and what need not be measured again. */
import { type Figures, measure, median } from "../measure.ts";
import type { Job } from "../worker.ts";
import { type Cell, QUIET } from "./cells.ts";

export interface Sample {
  readonly job: Job;
  readonly figures?: Figures;
  /** Why there are none. */
  readonly failed?: "not in time" | "error";
  readonly message?: string;
  readonly processMs: number;
}

/** How long a measurement of a peer may take, warm-up included. Floors and executus have longer: they are always measured. */
export const LIMIT_MS = 25_000;
const OWN_LIMIT_MS = 120_000;

/** What takes longer is measured once instead of in every round. */
const SLOW_MS = 8_000;

export interface Samples {
  readonly all: readonly Sample[];
  /** Measures unless an earlier sample says that it would take too long; prints a line. */
  take(cell: Cell, job: Omit<Job, "kind">, limitMs?: number): Promise<void>;
  of(cell: Cell, wanted: Partial<Job>): readonly Sample[];
  /** Median over rounds; NaN if there is none. */
  figure(cell: Cell, wanted: Partial<Job>, name: string): number;
}

export function createSamples(onLine: (line: string) => void): Samples {
  const all: Sample[] = [];
  const matches = (sample: Sample, wanted: Partial<Job>): boolean =>
    Object.entries(wanted).every(([name, value]) => sample.job[name as keyof Job] === value);
  const of = (cell: Cell, wanted: Partial<Job>): Sample[] =>
    all.filter((sample) => matches(sample, { ...wanted, kind: cell.kind }));
  return {
    all,
    of,
    figure: (cell, wanted, name) => median(of(cell, wanted).flatMap(({ figures }) => figures?.[name] ?? [])),
    take: async (cell, job, limitMs = LIMIT_MS) => {
      const { mode, steps, parallel = 1, runs = 1 } = job;
      const before = all.filter((sample) => matches(sample, { mode, kind: cell.kind }));
      if (before.some((sample) => isKnown(sample, { steps, parallel, runs }))) return;
      const timeoutMs = cell.group === "peer" ? limitMs : OWN_LIMIT_MS;
      const full = { ...job, kind: cell.kind };
      const start = performance.now();
      const took = await measure(full, { env: QUIET, timeoutMs }).then(
        (figures) => ({ figures }),
        (error: Error) => ({
          failed: error.message.startsWith("not done") ? ("not in time" as const) : ("error" as const),
          message: error.message,
        }),
      );
      const sample = { job: full, processMs: performance.now() - start, ...took };
      all.push(sample);
      onLine(`${cell.name}, ${mode} ${steps} x ${parallel}${runs > 1 ? `, ${runs} runs` : ""}: ${brief(sample)}`);
    },
  };
}

/** The same work, or less of it, was not done in time; or the same took very long. */
function isKnown(
  { job, failed, processMs }: Sample,
  wanted: { readonly steps: number; readonly parallel: number; readonly runs: number },
): boolean {
  const [parallel, runs] = [job.parallel ?? 1, job.runs ?? 1];
  const same = job.steps === wanted.steps && parallel === wanted.parallel && runs === wanted.runs;
  if (same) return processMs > SLOW_MS || failed === "not in time";
  return failed === "not in time" && job.steps <= wanted.steps && parallel <= wanted.parallel && runs <= wanted.runs;
}

function brief({ figures, message = "", processMs }: Sample): string {
  const text =
    figures === undefined
      ? message.slice(0, 400)
      : Object.entries(figures)
          .map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`)
          .join(", ");
  return `${text} (${(processMs / 1_000).toFixed(1)} s)`;
}
