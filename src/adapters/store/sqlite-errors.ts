/** What SQLite's result codes mean to the person paged at night. */
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";

const SQL_ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
export const CORRUPT = 11;
const NOT_A_DATABASE = 26;

const UNAVAILABLE: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  3: ["may not be opened by this user", "Check the owner and mode of the file and of its folder."],
  [BUSY]: [
    "is locked by another process",
    "Find the process that holds it (`fuser FILE`); it may be stopped in the middle of a write.",
  ],
  [LOCKED]: ["is locked by another process", "Find the process that holds it (`fuser FILE`)."],
  7: ["could not be used: out of memory", "Give the process more memory."],
  8: ["cannot be written: it is read-only", "Check the owner and mode of the file and its folder, and how the disk is mounted."],
  10: ["could not be read or written: the disk reports an error", "Look at the kernel's log; copy the file to a sound disk."],
  13: ["cannot be written: the disk is full", "Free some space: writing goes on by itself."],
  14: [
    "could not be opened",
    "Check that the folder is there, that this user may read and write in it, and how the disk is mounted.",
  ],
  15: ["is locked by another process", "Another process is recovering it: try again."],
};

/** Result code of a SQLite error without its extension; undefined for anything else. */
export function sqliteCode(error: unknown): number | undefined {
  const code: unknown = typeof error === "object" && error !== null && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/** The place is at fault, not the request: disk, rights, locks. Every other request would fail as well. */
export function isUnavailable(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && code in UNAVAILABLE;
}

/** A number that no number of ours can be: it was written by nobody. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

/** Opening asks for nothing but what every file of ours has: one that refuses is not as it was written. */
export function toOpenError(error: unknown, file: string): Error {
  return sqliteCode(error) === SQL_ERROR ? damaged(file, error) : toStoreError(error, file);
}

export function toStoreError(error: unknown, file: string): Error {
  if (isExecutusError(error)) return error;
  if (isUnreadable(error)) return damaged(file, error);
  const code = sqliteCode(error);
  if (code === undefined) return otherError(error, file);
  if (code === CORRUPT) return damaged(file, error);
  if (code === NOT_A_DATABASE) return foreign(file, "it is not a SQLite database", error);
  const known = UNAVAILABLE[code];
  if (known !== undefined) {
    const [what, hint] = known;
    return new ExecutusError("store_unavailable", `The store ${file} ${what}`, { cause: error, retryable: true, hint, file });
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new ExecutusError("port_failed", `The store ${file} refused a request: ${detail}`, { cause: error, file });
}

function otherError(error: unknown, file: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if ("syscall" in error) {
    // The file system's own words (`EACCES: permission denied, mkdir ...`) are clear enough.
    const hint = "Check that the folder is there, or can be made, and that this user may write in it.";
    return new ExecutusError("store_unavailable", `The store ${file} cannot be used: ${error.message}`, {
      cause: error,
      retryable: true,
      hint,
      file,
    });
  }
  if (!("code" in error && error.code === "ERR_INVALID_STATE")) return error;
  const hint = "Open it again, or close it after the last use.";
  return new ExecutusError("store_unavailable", `The store ${file} has been closed`, { cause: error, hint, file });
}

export function damaged(file: string, cause: unknown): ExecutusError {
  const detail = cause instanceof Error ? `: ${cause.message}` : "";
  return new ExecutusError("store_damaged", `The store ${file} is damaged${detail}`, {
    cause,
    file,
    // To SQLite a page that the disk cannot read (EIO) is a damaged one.
    hint: `Look for errors of the disk in the kernel's log; \`executus store check --db ${file}\` says what can still be read. Restore a backup.`,
  });
}

export function foreign(file: string, why: string, cause?: unknown): ExecutusError {
  return new ExecutusError("store_foreign", `${file} is not an executus store: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    file,
    hint: "Name another file with --db, or move this one away.",
  });
}

/** A journal that may not be acted upon. */
export function journalDamaged(file: string, run: string, seq: number, what: string): ExecutusError {
  return new ExecutusError("journal_damaged", `The journal of run ${run} in ${file} is damaged at seq ${seq}: ${what}`, {
    file,
    run,
    hint: `Run \`executus store check --db ${file}\`; other runs are not affected. Restore this one from a backup.`,
  });
}
