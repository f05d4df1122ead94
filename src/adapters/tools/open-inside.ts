/** Opening a file that was found to be inside a folder, although somebody else may meanwhile have put a link in its way. */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";

const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants;

/** `create`: it must not be there. `append`: made where it is not. */
type Opening = "read" | "create" | "append";

const FLAGS: Readonly<Record<Opening, number>> = {
  read: O_RDONLY,
  create: O_WRONLY | O_CREAT | O_EXCL,
  append: O_RDWR | O_CREAT | O_APPEND,
};

/** Windows has neither; a pipe must not keep a thread waiting for its other end. */
const CAREFUL = ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);

export class NotThatFile extends Error {}

/**
 * `real` is a real path. Nothing is read or written before the open file is known to be the one at that path; rejects with
 * `NotThatFile` for another, for a link and for what is no file, and with the error of the system.
 */
export async function openInside(real: string, how: Opening): Promise<FileHandle> {
  const handle = await open(real, FLAGS[how] | CAREFUL).catch((error: unknown) => {
    throw isLink(error) ? new NotThatFile("it is a link", { cause: error }) : error;
  });
  try {
    await check(handle, real);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function check(handle: FileHandle, real: string): Promise<void> {
  const stats = await handle.stat();
  if (stats.isDirectory()) throw Object.assign(new Error("EISDIR: it is a folder"), { errno: -21, code: "EISDIR" });
  if (!stats.isFile()) throw new NotThatFile("it is no file");
  if ((await placeOf(handle, real, stats.ino)) !== real) throw new NotThatFile("it was moved while it was opened");
}

/** Linux says where an open file is; elsewhere its path must still lead to it. */
async function placeOf(handle: FileHandle, real: string, inode: number): Promise<string | undefined> {
  if (process.platform === "linux") return readlink(`/proc/self/fd/${handle.fd}`);
  const now = await realpath(real);
  return (await lstat(now)).ino === inode ? now : undefined;
}

function isLink(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ELOOP" || error.code === "EMLINK");
}
