/** The file that counts real executions from outside: one line `RUN CALL` per execution, appended in one write. */
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { ExecutusError } from "../../../kernel/errors.ts";

export interface EffectsFile {
  record(run: string, call: string): void;
  has(run: string, call: string): boolean;
}

/** Without a file nothing is recorded, and no call has ever happened. Throws `usage` for one that cannot be written. */
export function openEffectsFile(file: string | undefined): EffectsFile {
  if (file === undefined) return { record: () => {}, has: () => false };
  beginOnNewLine(file);
  const lines = new WrittenLines(file);
  return {
    record: (run, call) => appendFileSync(file, `${run} ${call}\n`, { flag: "a" }),
    // Another process may have written, and it is asked only after a crash.
    has: (run, call) => lines.now().has(`${run} ${call}`),
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

const LINE_END = 10;

/** The whole lines of a file that only grows: each is read once. */
class WrittenLines {
  readonly #file: string;
  readonly #lines = new Set<string>();
  /** Bytes of the lines that were read. */
  #bytes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  now(): ReadonlySet<string> {
    const more = this.#appended();
    const end = more.lastIndexOf(LINE_END) + 1;
    const text = more.toString("utf8", 0, end);
    this.#bytes += end;
    for (const line of text.split("\n")) this.#lines.add(line);
    return this.#lines;
  }

  #appended(): Buffer {
    if (!existsSync(this.#file)) return this.#startOver();
    const handle = openSync(this.#file, "r");
    try {
      const { size } = fstatSync(handle);
      if (size < this.#bytes) this.#startOver();
      const more = Buffer.alloc(size - this.#bytes);
      return more.subarray(0, readSync(handle, more, 0, more.length, this.#bytes));
    } finally {
      closeSync(handle);
    }
  }

  /** Somebody began the file anew. */
  #startOver(): Buffer {
    this.#lines.clear();
    this.#bytes = 0;
    return Buffer.alloc(0);
  }
}
