/** `-o FILE`: the final text, whole or not at all. */
import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isWritable } from "../../adapters/files/is-writable.ts";
import { ExecutusError } from "../../kernel/errors.ts";

/** Writes the text. Rejects with `port_failed`, which names the file. */
export type SaveOutput = (text: string) => Promise<void>;

/** Checks that the file can be written before any work is done for it. Throws `usage`. */
export function prepareOutputFile(path: string): SaveOutput {
  if (path === "") throw new ExecutusError("usage", "-o names no file", { hint: "Name one: -o answer.txt" });
  const known = existsSync(path) ? statSync(path) : undefined;
  // What a link points to is replaced, not the link.
  const file = known?.isFile() === true ? realpathSync(path) : resolve(path);
  const folder = dirname(file);
  checkWritable(file, folder, known);
  // A pipe or a device is written to; so is a file in a folder where nothing can be put beside it.
  const isReplaced = (known?.isFile() ?? true) && isWritable(folder);
  return async (text) => {
    const content = text.endsWith("\n") || text === "" ? text : `${text}\n`;
    try {
      await (isReplaced ? replace(file, content, known?.mode) : writeFile(file, content));
    } catch (cause) {
      const message = `the answer could not be written to ${file}: ${(cause as Error).message}`;
      throw new ExecutusError("port_failed", message, { file, cause });
    }
  };
}

function checkWritable(file: string, folder: string, known: Stats | undefined): void {
  if (known === undefined && !existsSync(folder)) throw cannot(file, `there is no folder ${folder}`);
  if (known?.isDirectory() === true) throw cannot(file, "it is a folder");
  if (!isWritable(known === undefined ? folder : file)) throw cannot(file, "this user may not write there");
}

async function replace(file: string, content: string, mode: number | undefined): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content, mode === undefined ? {} : { mode });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

function cannot(file: string, why: string): ExecutusError {
  return new ExecutusError("usage", `${file} cannot be written: ${why}`, { file, hint: "Name another file with -o." });
}
