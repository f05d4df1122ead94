/** A planted fault: a plausible mistake in the product that some test must notice. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Fault {
  /** Kebab case, for `--only`. */
  readonly name: string;
  /** The promise or rule that no longer holds with it. */
  readonly breaks: string;
  /** Relative to the project's root. */
  readonly file: string;
  /** Exact text, there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test files that are likely to find it: they run first. */
  readonly tests: readonly string[];
  /** Why no test can notice it: another check does the same. Such a fault is run but not counted. */
  readonly equivalent?: string;
}

/** Undefined when the fault can be planted. */
export function problemOf(root: string, { file, find, replace }: Fault): string | undefined {
  const found = occurrences(readFileSync(join(root, file), "utf8"), find);
  if (find === replace) return "it changes nothing";
  return found === 1 ? undefined : `its text is ${found} times in ${file}, not once`;
}

function occurrences(text: string, wanted: string): number {
  return text.split(wanted).length - 1;
}

/** Returns what takes it out again. Throws for one that does not apply. */
export function plant(root: string, fault: Fault): () => void {
  const problem = problemOf(root, fault);
  if (problem !== undefined) throw new Error(`${fault.name}: ${problem}`);
  const path = join(root, fault.file);
  const sound = readFileSync(path, "utf8");
  writeFileSync(
    path,
    sound.replace(fault.find, () => fault.replace),
  );
  return () => writeFileSync(path, sound);
}
