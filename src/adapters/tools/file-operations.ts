/** What the file tools do. Loaded with the first call of one: a program that only imports the package does not pay for it. */
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Reconciliation } from "../../ports/tools.ts";
import { type AppendedBlock, appendOnce, digest, findAppend } from "./append-ledger.ts";
import { type ConfinedFolder, confinedFolder, fileProblem, syncFolder } from "./confined-folder.ts";
import { openInside } from "./open-inside.ts";
import { inTurn } from "./turns.ts";

export { listFiles, readLines, searchFiles } from "./read-files.ts";
export { confinedFolder };

export interface TextFor {
  readonly path: string;
  readonly text: string;
  /** The call's idempotency key. */
  readonly key: string;
}

export async function writeText(folder: ConfinedFolder, { path, text, key }: TextFor): Promise<object> {
  const file = await folder.writable(path);
  const bytes = Buffer.from(text);
  await inTurn(file, () => replaceFile(file, bytes, key)).catch((error: unknown) => fileProblem(path, error));
  return { path: folder.nameOf(file), bytes: bytes.length, sha256: digest(bytes) };
}

/** Readers see the old file or the new one, also after a power cut. */
async function replaceFile(file: string, bytes: Buffer, key: string): Promise<void> {
  // The same name when the call runs again after a crash, so that nothing is left behind.
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${digest(key).slice(0, 12)}.tmp`);
  try {
    await rm(temporary, { force: true });
    await using handle = await openInside(temporary, "create");
    await handle.writeFile(bytes);
    await handle.sync();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
}

export async function appendText(folder: ConfinedFolder, { path, text, key }: TextFor): Promise<object> {
  const file = await folder.writable(path);
  const place = { root: folder.root, file, path: folder.nameOf(file) };
  const append = (): Promise<AppendedBlock> => appendOnce(place, key, blockOf(text));
  return { path: place.path, ...(await inTurn(file, append).catch((error: unknown) => fileProblem(path, error))) };
}

export async function reconcileAppend(folder: ConfinedFolder, { path, key }: Omit<TextFor, "text">): Promise<Reconciliation> {
  const file = await folder.writable(path);
  const place = { root: folder.root, file, path: folder.nameOf(file) };
  const found = await inTurn(file, () => findAppend(place, key));
  if (found.outcome !== "done") return found;
  const { offset, bytes, sha256 } = found.block;
  return { outcome: "done", result: { path: place.path, offset, bytes, sha256 } };
}

function blockOf(text: string): Buffer {
  return Buffer.from(text.endsWith("\n") ? text : `${text}\n`);
}
