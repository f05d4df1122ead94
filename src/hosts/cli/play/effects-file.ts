/** The file that counts real executions from outside: one line `RUN CALL` per execution, appended in one write. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { ExecutusError } from "../../../kernel/errors.ts";

export interface EffectsFile {
  record(run: string, call: string): void;
  has(run: string, call: string): boolean;
}

/** Without a file nothing is recorded, and no call has ever happened. Throws `usage` for one that cannot be written. */
export function openEffectsFile(file: string | undefined): EffectsFile {
  if (file === undefined) return { record: () => {}, has: () => false };
  beginOnNewLine(file);
  return {
    record: (run, call) => appendFileSync(file, `${run} ${call}\n`, { flag: "a" }),
    // Read afresh: another process may have written, and it is asked only after a crash.
    has: (run, call) => existsSync(file) && `\n${readFileSync(file, "utf8")}`.includes(`\n${run} ${call}\n`),
  };
}

/** A call that could not be written down would end its run for good. A last line without an end would take the next one along. */
function beginOnNewLine(file: string): void {
  try {
    const isOpen = existsSync(file) && /[^\n]$/.test(readFileSync(file, "utf8"));
    appendFileSync(file, isOpen ? "\n" : "");
  } catch (cause) {
    const message = `the effects cannot be written to ${file}: ${(cause as Error).message}`;
    throw new ExecutusError("usage", message, { file, cause, hint: "Name another file with --effects." });
  }
}
