/** Reading a definition that somebody wrote: a file of their hand, never a pipe, a device or something endless. */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Far more than any prompt may have. */
const MOST_BYTES = 1_000_000;

/** Windows does not have it; a pipe must not keep a thread waiting for its other end. */
const O_NONBLOCK = (constants.O_NONBLOCK as number | undefined) ?? 0;

/** For reading: opening a pipe or a device does not wait for it. */
export const READ_WITHOUT_WAITING: number = constants.O_RDONLY | O_NONBLOCK;

/** What is there is not to be read: the message says why. */
export class NoTextFile extends Error {}

/** Throws `NoTextFile` for what is no regular file, after links, or too large; folders have an error of the system's own. */
export function checkTextFile(stats: Stats, mostBytes: number): void {
  if (!stats.isFile() && !stats.isDirectory()) throw new NoTextFile("it is a pipe, a device or a socket, not a regular file");
  if (stats.isFile() && stats.size > mostBytes) throw tooLarge(mostBytes);
}

/** The whole text of a regular file of at most 1 MB; rejects with `NoTextFile`, or with the error of the system. */
export async function readText(file: string): Promise<string> {
  await using handle = await open(file, READ_WITHOUT_WAITING).catch((error: unknown) => {
    // A socket cannot be opened at all.
    throw error instanceof Error && "code" in error && error.code === "ENXIO"
      ? new NoTextFile("it is a socket, not a regular file")
      : error;
  });
  checkTextFile(await handle.stat(), MOST_BYTES);
  return (await readAtMost(handle)).toString("utf8");
}

/** A file of /proc has no size, and any file may grow while it is read. */
async function readAtMost(handle: FileHandle): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw tooLarge(MOST_BYTES);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytes: number): NoTextFile {
  return new NoTextFile(`it is larger than ${bytes / 1_000_000} MB`);
}
