/** Files from this machine's disk, and from the open internet through the guard. */
import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { FileContent, Files } from "../../ports/files.ts";
import { READ_WITHOUT_WAITING } from "./read-text.ts";
import { guardedFetch, type GuardedFetchOptions } from "../net/guarded-fetch.ts";

export interface LocalFilesOptions {
  /** Hosts that may be asked although they are not of the open internet. */
  readonly allowedHosts?: readonly string[];
  /** For an address; default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Reads paths with the rights of this process, and addresses as `guardedFetch` allows. A host that takes requests from others
 * must not let them say paths.
 *
 * @example
 * const executor = createExecutor({ models, files: openLocalFiles({ allowedHosts: ["files.intern:8080"] }) });
 */
export function openLocalFiles(options: LocalFilesOptions = {}): Files {
  return {
    read: (source, { maxBytes }) =>
      "path" in source ? readPath(source.path, maxBytes) : readUrl(source.url, { ...options, maxBytes }),
  };
}

async function readPath(path: string, maxBytes: number): Promise<FileContent> {
  const file = resolve(path);
  try {
    await using handle = await open(file, READ_WITHOUT_WAITING);
    const stats = await handle.stat();
    if (!stats.isFile()) throw unreadable(file, "it is no file");
    if (stats.size > maxBytes) throw tooLarge(file, maxBytes);
    return { bytes: await handle.readFile(), name: basename(file) };
  } catch (error) {
    if (isExecutusError(error)) throw error;
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

async function readUrl(url: string, options: GuardedFetchOptions): Promise<FileContent> {
  try {
    const { status, bytes, url: from } = await guardedFetch(url, options);
    if (status !== 200) throw unreadable(url, `its server answered ${status}`);
    return { bytes, name: nameIn(from) };
  } catch (error) {
    if (isExecutusError(error) && error.code === "url_too_large") throw tooLarge(url, options.maxBytes ?? 0);
    throw error;
  }
}

function nameIn(url: string): string {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function unreadable(place: string, why: string): ExecutusError {
  return new ExecutusError("attachment_unreadable", `${place} cannot be attached: ${why}`, {
    file: place,
    hint: "Check the name, and that this process may read it.",
  });
}

function tooLarge(place: string, maxBytes: number): ExecutusError {
  return new ExecutusError("attachment_too_large", `${place} is larger than ${maxBytes} bytes`, {
    file: place,
    hint: "Attach a smaller file, or raise `attachments.maxBytes`.",
  });
}
