/**
 * The tables of a store file, and how an older file becomes a current one.
 *
 * - `events`: in the order in which they were written, so that a commit of a thousand runs fills pages one after the other
 *   instead of touching a page per run (measured: a quarter of the time). `place` = run * 2^24 + seq finds them again, see
 *   `sqlite-places.ts`.
 * - `heads`: what changes with every append, kept narrow so that many runs share a page; `runs`: what never changes.
 * - `inbox`: an entry whose body is null has been consumed; the row stays, so that the same id is never taken twice.
 * - `ledger_accounts`, `ledger_entries`: budgets, see `sqlite-ledger.ts`.
 * - Keys are never used again (AUTOINCREMENT): a process that slept through the removal of its run cannot write into the run
 *   that came after it.
 */
import type { DatabaseSync } from "node:sqlite";
import { ExecutusError } from "../../kernel/errors.ts";
import { foreign } from "./sqlite-errors.ts";
import { LANE_TABLES } from "./sqlite-lanes.ts";
import { OUTBOX_TABLES } from "./sqlite-outbox.ts";
import { LEDGER_TABLES } from "./sqlite-ledger.ts";
import { PLACES_TABLES } from "./sqlite-places.ts";

/** "EXEC": how a file says that it is ours. */
export const APPLICATION_ID = 0x45584543;

export const EVENTS_PER_RUN: number = 2 ** 24;

/** Where an event stands among all events of all runs. */
export function placeOf(runKey: number, seq: number): number {
  return runKey * EVENTS_PER_RUN + seq;
}

/**
 * Unfinished runs that want a driver whatever the time and whether or not anybody has said something. The index has no others, so
 * that a hundred thousand waiting runs cost a look at what is to be driven nothing; a query uses it only with these very words.
 */
export const TO_DRIVE: string = "finished = 0 AND (waiting = '' OR waiting ->> '$.kind' IN ('tools_missing', 'agent_missing'))";

const FIRST_VERSION = `
CREATE TABLE processes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  boot TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started TEXT NOT NULL,
  heartbeat_at REAL NOT NULL,
  heartbeat_up REAL NOT NULL
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL UNIQUE,
  agent TEXT NOT NULL,
  caller TEXT,
  channel TEXT,
  tenant TEXT,
  parent TEXT,
  root TEXT,
  continues TEXT,
  labels TEXT,
  idempotency_key TEXT,
  created_at REAL NOT NULL
) STRICT;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_by_continued ON runs (continues) WHERE continues IS NOT NULL;
CREATE INDEX runs_by_creation ON runs (created_at);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_by_root ON runs (root) WHERE root IS NOT NULL;

CREATE TABLE heads (
  id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  owner INTEGER,
  seq INTEGER NOT NULL,
  sum BLOB NOT NULL,
  at REAL NOT NULL,
  active REAL NOT NULL,
  status TEXT NOT NULL,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  cost ANY NOT NULL,
  waiting TEXT NOT NULL,
  due_at REAL,
  sealed INTEGER NOT NULL DEFAULT 0,
  finished INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX heads_owned ON heads (owner) WHERE owner IS NOT NULL;
CREATE INDEX heads_to_drive ON heads (id) WHERE ${TO_DRIVE};
CREATE INDEX heads_due ON heads (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  place INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  at REAL NOT NULL,
  active REAL NOT NULL,
  body TEXT NOT NULL,
  sum BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_place ON events (place);

CREATE TABLE inbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  entry TEXT NOT NULL,
  body TEXT,
  UNIQUE (run, entry)
) STRICT;
CREATE INDEX inbox_pending ON inbox (run, position) WHERE body IS NOT NULL;
${LEDGER_TABLES}`;

/** The n-th statement list takes a file from version n to n + 1. Released ones never change. */
const MIGRATIONS: readonly string[] = [FIRST_VERSION + OUTBOX_TABLES + LANE_TABLES, PLACES_TABLES];

export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** Rejects what is not ours or newer than us; returns the file's version, 0 for an empty file. */
export function checkIdentity(db: DatabaseSync, file: string): number {
  const { application, version, objects } = identityOf(db);
  if (application === APPLICATION_ID) {
    if (version <= SCHEMA_VERSION) return version;
    throw new ExecutusError(
      "store_newer",
      `The store ${file} has format ${version}; this version of executus reads formats up to ${SCHEMA_VERSION}`,
      { file, hint: "Install the version of executus that wrote it, or a later one." },
    );
  }
  if (application !== 0 || version !== 0 || objects !== 0) throw foreign(file, "it belongs to another program");
  return 0;
}

/** All of one moment: a process that is just making the file must not look like another program. */
function identityOf(db: DatabaseSync): { readonly application: number; readonly version: number; readonly objects: unknown } {
  const isOwn = !db.isTransaction;
  if (isOwn) db.exec("BEGIN");
  try {
    const objects = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"];
    return { objects, application: pragma(db, "application_id"), version: pragma(db, "user_version") };
  } finally {
    if (isOwn && db.isTransaction) db.exec("ROLLBACK");
  }
}

/** Bring the file to the current version. Several processes may try at once. */
export function migrate(db: DatabaseSync, file: string): void {
  if (checkIdentity(db, file) === SCHEMA_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const statements of MIGRATIONS.slice(checkIdentity(db, file))) db.exec(statements);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

export function pragma(db: DatabaseSync, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get();
  const value = row === undefined ? undefined : Object.values(row)[0];
  return typeof value === "number" ? value : Number.NaN;
}
