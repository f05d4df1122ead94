/** `-o FILE`: the final text, whole or not at all. */
import { accessSync, constants, existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";

/** Checks that the file can be written before any work is done for it. Throws `usage`. */
export function prepareOutputFile(path: string): (text: string) => Promise<void> {
  const file = resolve(path);
  const folder = dirname(file);
  if (!existsSync(folder)) throw cannot(file, `there is no folder ${folder}`);
  try {
    accessSync(existsSync(file) ? file : folder, constants.W_OK);
  } catch {
    throw cannot(file, "this user may not write there");
  }
  return async (text) => {
    const temporary = `${file}.${process.pid}.tmp`;
    try {
      await writeFile(temporary, text.endsWith("\n") || text === "" ? text : `${text}\n`);
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  };
}

function cannot(file: string, why: string): ExecutusError {
  return new ExecutusError("usage", `${file} cannot be written: ${why}`, { file, hint: "Name another file with -o." });
}
