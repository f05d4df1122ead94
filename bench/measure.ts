/** Measurements in processes of their own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { Job } from "./worker.ts";

export type Figures = Readonly<Record<string, number>>;

export interface MeasureOptions {
  /** `executus-source` runs executus from its sources; without it the built package runs. */
  readonly conditions?: readonly string[];
  /** Added to the environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** After this time the process is killed and the measurement fails. */
  readonly timeoutMs?: number;
}

/** Runs one job in a fresh process. */
export async function measure(job: Job, { conditions = [], env = {}, timeoutMs }: MeasureOptions = {}): Promise<Figures> {
  const args = [
    ...conditions.map((name) => `--conditions=${name}`),
    "--expose-gc",
    "--no-warnings",
    join(import.meta.dirname, "worker.ts"),
    JSON.stringify(job),
  ];
  // A process that is killed leaves its files: they are in here.
  const folder = mkdtempSync(join(tmpdir(), "executus-measure-"));
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env, TMPDIR: folder },
    killSignal: "SIGKILL",
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
  const { promise, resolve, reject } = Promise.withResolvers<Figures>();
  child.on("close", (code, signal) => {
    rmSync(folder, { recursive: true, force: true });
    if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1) ?? "") as Figures);
    else if (signal === "SIGKILL" && timeoutMs !== undefined) reject(new Error(`not done after ${timeoutMs / 1_000} s`));
    else reject(new Error(`${JSON.stringify(job)} ended with ${code ?? signal}: ${errors}`));
  });
  return promise;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return (low + high) / 2;
}

export function machine(): string {
  return `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GB`;
}
