/** Reads a whole store file and says what is wrong with it, run by run. */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { resolve } from "node:path";
import { isExecutusError } from "../../kernel/errors.ts";
import type { EventBody, RunEvent } from "../../ports/events.ts";
import type { RunRow } from "../../ports/store.ts";
import { blobsIn } from "./blob-references.ts";
import { chainStart } from "./chain.ts";
import { batchEnd } from "./requests.ts";
import { endRead, openReader } from "./sqlite-connection.ts";
import { CORRUPT, sqliteCode, toStoreError } from "./sqlite-errors.ts";
import { type Cursor, endProblem, type EventRow, recordProblem } from "./sqlite-read.ts";
import { createLogReader, placesProblem, type ReadRows } from "./sqlite-places.ts";
import { EVENTS_PER_RUN, placeOf } from "./sqlite-schema.ts";

export interface StoreProblem {
  readonly run?: string;
  readonly seq?: number;
  readonly message: string;
}

export interface StoreReport {
  readonly runs: number;
  readonly events: number;
  /** Hashes of the blobs that sound journals and waiting input refer to. */
  readonly blobsReferenced: ReadonlySet<string>;
  readonly problems: readonly StoreProblem[];
  /** Sound journals, with the checksum that their last event ends in: written down elsewhere, it proves all of them. */
  readonly chains: readonly Chain[];
}

export interface Chain {
  readonly run: string;
  readonly events: number;
  /** Hexadecimal. */
  readonly head: string;
}

/** What a run's row should say, folded from its journal. Fields left out are not compared. */
export type Projection = (events: readonly RunEvent[]) => Partial<Pick<RunRow, "status" | "step" | "tokens" | "costUsd">>;

export interface CheckOptions {
  /** This run alone, and not the pages of the file. */
  readonly run?: string;
  /** Also compare each run's row with its journal. */
  readonly project?: Projection;
}

/**
 * Check a store file: its pages, every record's checksum, every run's row. Reads only; may be run beside living processes.
 *
 * Damage of any kind is in the report. Rejects with ExecutusError when the file is no store or cannot be opened:
 * `store_unavailable`, `store_foreign`, `store_newer`.
 *
 * @example
 * const { problems } = await checkStore(".executus/executus.db");
 */
export async function checkStore(file: string, options: CheckOptions = {}): Promise<StoreReport> {
  const path = resolve(file);
  const findings: Findings = { runs: 0, events: 0, blobs: new Set(), problems: [], chains: [] };
  try {
    const db = openReader(path);
    try {
      await checkAll(db, findings, options);
    } finally {
      endRead(db);
      db.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw toStoreError(error, path);
    findings.problems.push({ message: toMessage(error) });
  }
  const { runs, events, blobs, problems, chains } = findings;
  return { runs, events, blobsReferenced: blobs, problems, chains };
}

function isDamage(error: unknown): boolean {
  return sqliteCode(error) === CORRUPT || (isExecutusError(error) && error.code === "store_damaged");
}

interface Findings {
  runs: number;
  events: number;
  readonly blobs: Set<string>;
  readonly problems: StoreProblem[];
  readonly chains: Chain[];
}

interface HeadRow {
  readonly id: number;
  readonly run: string;
  readonly seq: number | null;
  readonly sum: Uint8Array;
  readonly status: string;
  readonly step: number;
  readonly tokens: number;
  readonly cost: number | "unknown";
  readonly sealed: number;
  readonly finished: number;
}

const HEADS = `SELECT r.id, r.run, h.seq, h.sum, h.status, h.step, h.tokens, h.cost, h.sealed, h.finished
  FROM runs r LEFT JOIN heads h ON h.id = r.id ORDER BY r.id`;

async function checkAll(db: DatabaseSync, findings: Findings, options: CheckOptions): Promise<void> {
  // One snapshot for all of it: a run that goes on meanwhile is not a damaged one.
  db.exec("BEGIN");
  if (options.run === undefined) checkPages(db, findings);
  const rows = createReadRows(db, findings);
  for (const head of db.prepare(HEADS).all() as unknown as HeadRow[]) {
    if (options.run !== undefined && options.run !== head.run) continue;
    checkRun(rows, head, findings, options);
    findings.runs++;
    await setImmediate();
  }
  if (options.run === undefined) checkStrays(db, findings);
  for (const row of db.prepare("SELECT body FROM inbox WHERE body IS NOT NULL").iterate()) {
    for (const hash of blobsIn(String(row["body"]))) findings.blobs.add(hash);
  }
}

function checkPages(db: DatabaseSync, { problems }: Findings): void {
  try {
    for (const row of db.prepare("PRAGMA integrity_check").all()) {
      const message = String(row["integrity_check"]);
      if (message !== "ok") problems.push({ message: `SQLite: ${message}` });
    }
  } catch (error) {
    problems.push({ message: `SQLite: ${toMessage(error)}` });
  }
}

/** From the whole log where the table that finds a run's records in it cannot be relied upon. */
function createReadRows(db: DatabaseSync, { problems }: Findings): ReadRows {
  const { placed, all } = createLogReader(db);
  try {
    const message = placesProblem(db);
    if (message === undefined) return placed;
    problems.push({ message });
  } catch (error) {
    problems.push({ message: `SQLite: ${toMessage(error)}` });
  }
  return all;
}

/** Reports the first thing wrong with a run: what follows it proves nothing. */
function checkRun(rows: ReadRows, head: HeadRow, findings: Findings, { project }: CheckOptions): void {
  const { run } = head;
  const events: RunEvent[] = [];
  const found = readRun(rows, head, events, findings);
  const problem = found ?? rowProblem(head, events, project);
  if (problem !== undefined) findings.problems.push({ run, ...problem });
  else findings.chains.push({ run, events: events.length, head: Buffer.from(head.sum).toString("hex") });
}

type RunProblem = Omit<StoreProblem, "run">;

function readRun(rows: ReadRows, head: HeadRow, events: RunEvent[], findings: Findings): RunProblem | undefined {
  const { id, run, seq: lastSeq, sum } = head;
  if (lastSeq === null) return { message: "the run has no head" };
  let cursor: Cursor = { seq: -1, sum: chainStart(run) };
  try {
    for (const found of rows(placeOf(id, -1), placeOf(id, EVENTS_PER_RUN - 1))) {
      const row = found as EventRow;
      const seq: number = cursor.seq + 1;
      const problem = seq > lastSeq ? "a record that nobody acknowledged" : recordProblem(id, cursor, row);
      if (problem !== undefined) return { seq, message: problem };
      cursor = { seq, sum: row.sum };
      findings.events++;
      events.push({ ...(JSON.parse(row.body) as EventBody), seq, epoch: row.epoch, at: row.at, activeMs: row.active });
      for (const hash of blobsIn(row.body)) findings.blobs.add(hash);
    }
  } catch (error) {
    return { seq: cursor.seq + 1, message: toMessage(error) };
  }
  const problem = endProblem(cursor, { seq: lastSeq, sum });
  return problem === undefined ? undefined : { seq: cursor.seq + 1, message: problem };
}

function rowProblem(head: HeadRow, events: readonly RunEvent[], project: Projection | undefined): RunProblem | undefined {
  const early = events.findIndex(({ type }, i) => type === "run.finished" && i < events.length - 1);
  if (early >= 0) return { seq: early, message: "the run goes on after its end" };
  const { finishes, status } = batchEnd(events);
  const isSealed = finishes || events.some(({ type }) => type === "run.settling");
  if ((head.finished === 1) !== finishes || (head.sealed === 1) !== isSealed) {
    return { message: "the run's row and its journal do not agree on whether it has ended" };
  }
  const says: Readonly<Record<string, unknown>> = {
    status: head.status,
    step: head.step,
    tokens: head.tokens,
    costUsd: head.cost,
  };
  const should = { ...(status === undefined ? {} : { status }), ...project?.(events) };
  for (const [field, value] of Object.entries(should)) {
    if (says[field] !== value)
      return { message: `the run's row says ${field} ${String(says[field])}, its journal ${String(value)}` };
  }
  return undefined;
}

/** Records that no run claims. */
function checkStrays(db: DatabaseSync, { problems }: Findings): void {
  try {
    const strays = db.prepare("SELECT count(*) AS n FROM events WHERE place >> 24 NOT IN (SELECT id FROM runs)").get();
    if (strays?.["n"] !== 0) problems.push({ message: `${String(strays?.["n"])} records belong to no run` });
  } catch (error) {
    problems.push({ message: `SQLite: ${toMessage(error)}` });
  }
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
