/** The file that counts real executions from outside: one line `RUN CALL` per execution, appended in one write. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

export interface EffectsFile {
  record(run: string, call: string): void;
  has(run: string, call: string): boolean;
}

/** Without a file nothing is recorded, and no call has ever happened. */
export function openEffectsFile(file: string | undefined): EffectsFile {
  if (file === undefined) return { record: () => {}, has: () => false };
  return {
    record: (run, call) => appendFileSync(file, `${run} ${call}\n`, { flag: "a" }),
    // Read afresh: another process may have written, and it is asked only after a crash.
    has: (run, call) => existsSync(file) && `\n${readFileSync(file, "utf8")}`.includes(`\n${run} ${call}\n`),
  };
}
