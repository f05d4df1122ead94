/** Opening the file: folder, kind of disk, rights, pragmas, format. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { ExecutusError } from "../../kernel/errors.ts";
import { isWritable } from "../files/is-writable.ts";
import { isBusy, sqliteCode, toStoreError } from "./sqlite-errors.ts";
import { checkIdentity, migrate, pragma, SCHEMA_VERSION } from "./sqlite-schema.ts";

/** Older ones lose data in WAL mode: https://sqlite.org/wal.html#walresetbug */
const OLDEST_SQLITE = "3.51.3";

/** How long one attempt at a lock may hold up the event loop; the writer tries again from a timer. */
const BUSY_MS = 10;
const OPEN_BUSY_MS = 5_000;
const JOURNAL_SIZE_LIMIT = 32 * 1024 * 1024;
const CHECKPOINT_PAGES = 400;

/** The connection that writes; makes the file and its folder where they are not there yet. */
export function openWriter(file: string): DatabaseSync {
  checkVersion(process.versions.sqlite);
  return opened(file, () => {
    makeFolder(dirname(file));
    checkDisk(file);
    const db = new DatabaseSync(file, { timeout: OPEN_BUSY_MS });
    return closingOnError(db, () => {
      db.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}`);
      if (checkIdentity(db, file) === 0) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
      enterWal(db);
      configure(db);
      migrate(db, file);
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    });
  });
}

/** A connection that only reads. Works on files and folders that cannot be written. */
export function openReader(file: string): DatabaseSync {
  checkVersion(process.versions.sqlite);
  if (!existsSync(file)) {
    const hint = "Check the name given with --db, or start a run: that makes the file.";
    throw new ExecutusError("store_unavailable", `There is no store at ${file}`, { file, hint });
  }
  return opened(file, () => {
    const db = openReadOnly(file);
    return closingOnError(db, () => {
      db.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON`);
      const version = checkIdentity(db, file);
      if (version === SCHEMA_VERSION) return;
      const what = version === 0 ? "is still empty" : `has the older format ${version}`;
      throw new ExecutusError("store_unavailable", `The store ${file} ${what} and is open for reading only`, {
        file,
        hint: "Open it once for writing (for example `executus resume --all`) to bring it up to date.",
      });
    });
  });
}

/**
 * WAL needs its two side files even for reading. Where they cannot be made because the folder is read-only, nobody writes
 * either, and the file can be read as it stands, provided that nothing is left in the log beside it.
 */
function openReadOnly(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: OPEN_BUSY_MS });
  try {
    pragma(db, "user_version");
    return db;
  } catch (error) {
    db.close();
    const code = sqliteCode(error);
    const isBlocked = (code === 14 || code === 8) && !isWritable(dirname(file)) && !hasLog(file);
    if (!isBlocked) throw error;
    const url = pathToFileURL(file);
    url.searchParams.set("immutable", "1");
    return new DatabaseSync(url, { readOnly: true });
  }
}

/** After a read transaction; a page that could not be read may have ended it already, and ROLLBACK ends what is left. */
export function endRead(db: DatabaseSync): void {
  try {
    if (db.isTransaction) db.exec("ROLLBACK");
  } catch {
    // The same damage that the reader has been told of.
  }
}

/** Leaves one file behind where nobody else has it open. */
export function closeWriter(db: DatabaseSync): void {
  truncateLog(db);
  db.close();
}

/** Everything into the file itself, and the log emptied, if nobody is reading just now. */
export function truncateLog(db: DatabaseSync): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // The log is as durable as the file: whoever writes or opens it next goes on from there.
  }
}

function configure(db: DatabaseSync): void {
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${JOURNAL_SIZE_LIMIT};
  `);
  if (typeof db.enableDefensive === "function") db.enableDefensive(true);
}

/** Two processes that make the same file at once: SQLite does not wait for this lock by itself. */
function enterWal(db: DatabaseSync): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; ; waitedMs += BUSY_MS) {
    try {
      db.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= OPEN_BUSY_MS) throw error;
      Atomics.wait(pause, 0, 0, BUSY_MS);
    }
  }
}

function opened(file: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (error) {
    throw toStoreError(error, file);
  }
}

function closingOnError(db: DatabaseSync, prepare: () => void): DatabaseSync {
  try {
    prepare();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function checkVersion(version: string | undefined): void {
  const parts = (text: string): number[] => text.split(".").map(Number);
  const [have, need] = [parts(version ?? "0"), parts(OLDEST_SQLITE)];
  const difference = need.map((part, i) => (have[i] ?? 0) - part).find((d) => d !== 0) ?? 0;
  if (difference >= 0) return;
  throw new ExecutusError(
    "not_supported",
    `This Node has SQLite ${version ?? "(none)"}; the store needs ${OLDEST_SQLITE} or later`,
    {
      hint: "Install the current Node 24 or later.",
    },
  );
}

const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "SMB"],
  [0xfe534d42, "SMB"],
]);

/** Locks and shared memory of SQLite's WAL do not work between hosts: two writers would damage the file. */
export function networkFileSystem(type: number): string | undefined {
  return NETWORK_FILE_SYSTEMS.get(type >>> 0);
}

/** Flushed up to the first folder that was there: a store whose folder is lost with the power was never durable. */
function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true });
  if (made === undefined || process.platform === "win32") return;
  for (let at = folder; at.length >= dirname(made).length; at = dirname(at)) {
    const handle = openSync(at, "r");
    fsyncSync(handle);
    closeSync(handle);
    if (at === dirname(made)) return;
  }
}

function checkDisk(file: string): void {
  const found = networkFileSystem(statfsSync(dirname(file)).type);
  if (found === undefined) return;
  throw new ExecutusError("store_unavailable", `The store ${file} would lie on a network file system (${found})`, {
    file,
    hint: "Put it on a local disk: SQLite's locks do not hold between hosts.",
  });
}

function hasLog(file: string): boolean {
  const log = `${file}-wal`;
  return existsSync(log) && statSync(log).size > 0;
}
