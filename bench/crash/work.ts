/** The work that is killed: 6 answers with two calls each, of 4 and 12 ms, then a last answer. Whoever does it writes a log. */
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export const CALLS_PER_STEP = 2;
export const STEPS = 6;
export const TAKES_MS = [4, 12] as const;

/** `begin` before the effect, `done` when it has happened. Appended with O_APPEND: what was written survives the writer. */
export async function doWork(log: string, item: number): Promise<string> {
  appendFileSync(log, `begin ${item}\n`);
  await pause(TAKES_MS[item % CALLS_PER_STEP]);
  appendFileSync(log, `done ${item}\n`);
  return `item ${item} is done`;
}

/** From here on the process may be killed. */
export function sayReady(): void {
  process.stdout.write("ready\n");
}

export function sayEnded(status: string): void {
  process.stdout.write(`ended ${status}\n`);
}
