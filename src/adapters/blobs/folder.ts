/**
 * Blobs as files: `ab/cdef...` under one folder, each named by the SHA-256 of its bytes.
 *
 * B1 A blob has its name only once all its bytes are on disk: written to a temporary file, flushed, renamed, folder flushed.
 * B2 What is read is what was stored, or an error: the hash is checked every time.
 * B3 Putting a blob makes it young again, so that a collection spares it until the commit that names it has happened.
 */
import { randomUUID } from "node:crypto";
import { statSync, unlinkSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import { addressOf, blobDamaged, blobMissing, isAddress } from "./content-address.ts";

const TEMPORARY = "tmp-";

/**
 * Opens the blobs in a folder, which is made with the first blob. Several processes may share it.
 *
 * Rejects with ExecutusError `store_unavailable` (full, read-only, I/O), `blob_missing`, `blob_damaged`; each names the file.
 *
 * @example
 * const blobs = openFolderBlobs(".executus/executus.blobs");
 */
export function openFolderBlobs(dir: string): Blobs {
  const root = resolve(dir);
  const flushed = new Set<string>();
  return {
    put: (bytes) => orUnavailable(root, () => put(root, bytes, flushed)),
    get: (hash) => orUnavailable(root, () => get(root, hash)),
    collect: (keep, graceMs) => orUnavailable(root, () => collect(root, keep, Date.now() - graceMs)),
  };
}

/** `runs.db` keeps its blobs in `runs.blobs`: two stores in one folder do not collect each other's. */
export function blobsFolder(storeFile: string): string {
  return `${storeFile.replace(/\.(db|sqlite3?)$/, "")}.blobs`;
}

function pathOf(root: string, hash: string): { readonly folder: string; readonly file: string } {
  const folder = join(root, hash.slice(0, 2));
  return { folder, file: join(folder, hash.slice(2)) };
}

/** Written anew even if it is there: that repairs a damaged one, makes it young, and knows that it is flushed. */
async function put(root: string, bytes: Uint8Array, flushed: Set<string>): Promise<string> {
  const hash = addressOf(bytes);
  const { folder, file } = pathOf(root, hash);
  if (!flushed.has(folder)) await makeFlushed(root, folder);
  flushed.add(folder);
  const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, file);
  } catch (error) {
    flushed.delete(folder);
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await flushFolder(folder);
  return hash;
}

/** Also where the folder is there: another process may have made it and not yet flushed its name. */
async function makeFlushed(root: string, folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  const top = made === undefined || made.startsWith(root + sep) ? root : dirname(made);
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    await flushFolder(parent);
    if (parent === top) return;
  }
}

async function writeFlushed(file: string, bytes: Uint8Array): Promise<void> {
  await using handle = await open(file, "wx");
  await handle.writeFile(bytes);
  await handle.sync();
}

async function flushFolder(folder: string): Promise<void> {
  // Windows has no handle on a folder; its file system orders renames by itself.
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}

async function get(root: string, hash: string): Promise<Uint8Array> {
  if (!isAddress(hash)) throw blobMissing(hash, root);
  const { file } = pathOf(root, hash);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw hasCode(error, "ENOENT") ? blobMissing(hash, root) : error;
  });
  if (addressOf(bytes) !== hash) throw blobDamaged(hash, file);
  return bytes;
}

async function collect(root: string, keep: ReadonlySet<string>, before: number): Promise<number> {
  let collected = 0;
  for (const prefix of await namesIn(root)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
    for (const name of await namesIn(join(root, prefix))) {
      const isBlob = isAddress(prefix + name);
      if (isBlob ? keep.has(prefix + name) : !name.startsWith(TEMPORARY)) continue;
      if (removeIfOlder(join(root, prefix, name), before) && isBlob) collected++;
    }
  }
  return collected;
}

/** Looks and removes without letting go of the thread, so that a put of this process cannot come between. */
function removeIfOlder(file: string, before: number): boolean {
  try {
    if (statSync(file).mtimeMs >= before) return false;
    unlinkSync(file);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function orUnavailable<T>(root: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new ExecutusError("store_unavailable", `The blobs in ${root} cannot be used: ${error.message}`, {
      cause: error,
      retryable: true,
      file: root,
      hint: "Check free space, rights and the disk under this folder.",
    });
  }
}
