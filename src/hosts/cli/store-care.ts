/** The parts of `executus store`. */
import { createReadStream, existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { blobsFolder, openFolderBlobs } from "../../adapters/blobs/folder.ts";
import {
  backupStore,
  checkStore,
  exportRuns,
  importRuns,
  type ImportReport,
  type PruneReport,
  pruneStore,
  type StoreProblem,
  type StoreReport,
} from "../../adapters/store/sqlite-maintenance.ts";
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import { totalTokens } from "../../kernel/state.ts";
import { type DeliveryLine, EXPORT_FORMAT } from "../../adapters/store/transfer.ts";
import type { RunEvent } from "../../ports/events.ts";
import type { DeliveryRow } from "../../ports/store.ts";
import { FINAL_STATUSES } from "../../kernel/status.ts";
import { foldJournal } from "../../run/result.ts";
import { toStatusView } from "../../run/status.ts";
import { commandLine } from "./command-line.ts";
import { describeError } from "./describe-error.ts";
import { findRun } from "./find-run.ts";
import { checkThere, type Host, openHost } from "./open.ts";
import { note, printJson, printLine } from "./output.ts";
import { duration, plural } from "./view/figures.ts";

export interface StoreOptions {
  readonly db: string;
  readonly json?: true;
}

async function withHost<T>(db: string, access: "read" | "write" | "create", use: (host: Host) => Promise<T>): Promise<T> {
  const host = openHost({ db, access });
  try {
    return await use(host);
  } finally {
    await host.close();
  }
}

// --- check -----------------------------------------------------------------------------------------------------------

/** 0 when all is sound, 7 when anything is damaged or missing. */
export async function check({ db, json }: StoreOptions): Promise<number> {
  checkThere(db);
  const report = await checkStore(db, { project });
  const problems = [...report.problems, ...(await blobProblems(report, db))];
  const { runs, events, blobsReferenced } = report;
  if (json === true) printJson({ db, runs, events, blobs: blobsReferenced.size, problems });
  else {
    for (const { run, seq, message } of problems) printLine(`${run ?? db}${seq === undefined ? "" : ` at ${seq}`}: ${message}`);
    const what = `${plural(runs, "run")}, ${plural(events, "event")}, ${plural(blobsReferenced.size, "blob")}`;
    printLine(problems.length === 0 ? `${db} is sound: ${what}` : `${db}: ${plural(problems.length, "problem")} in ${what}`);
    if (problems.length > 0)
      note(`Restore a backup, or save the sound runs:\n  ${commandLine(["store", "export", "-o", "runs.jsonl"], db)}`);
  }
  return problems.length === 0 ? 0 : 7;
}

/** A run's row must say what its journal says. */
function project(events: readonly RunEvent[]): {
  status?: ReturnType<typeof toStatusView>["status"];
  step?: number;
  tokens?: number;
} {
  const state = foldJournal(events)?.state;
  if (state === undefined) return {};
  const { status, step } = toStatusView(state);
  return { status, step, tokens: totalTokens(state.usage) };
}

async function blobProblems({ blobsReferenced }: StoreReport, db: string): Promise<readonly StoreProblem[]> {
  const blobs = openFolderBlobs(blobsFolder(db));
  const problems: StoreProblem[] = [];
  for (const hash of blobsReferenced) {
    await blobs.get(hash).catch((error: unknown) => problems.push({ message: describeError(error).message }));
  }
  return problems;
}

// --- backup ----------------------------------------------------------------------------------------------------------

export async function backup(target: string, { db, json }: StoreOptions): Promise<number> {
  checkThere(db);
  const { runs, events, blobsReferenced } = await backupStore(db, target);
  const [from, to] = [openFolderBlobs(blobsFolder(db)), openFolderBlobs(blobsFolder(target))];
  for (const hash of blobsReferenced) await to.put(await from.get(hash));
  const blobs = blobsReferenced.size;
  if (json === true) printJson({ db, target, runs, events, blobs });
  else {
    const beside = blobs === 0 ? "" : `, ${plural(blobs, "blob")} in ${blobsFolder(target)}`;
    printLine(`${target}: ${plural(runs, "run")}, ${plural(events, "event")}${beside}; read back and sound`);
  }
  return 0;
}

// --- export and import -----------------------------------------------------------------------------------------------

export interface ExportToOptions extends StoreOptions {
  readonly output?: string;
  readonly blobs: boolean;
  readonly handOver?: true;
}

export async function exportTo(given: readonly string[], options: ExportToOptions): Promise<number> {
  const { db, output, blobs, handOver } = options;
  return withHost(db, handOver === true ? "write" : "read", async ({ store }) => {
    const runs = await Promise.all(given.map(async (name) => (await findRun(store, name)).run));
    const handed: DeliveryRow[] = [];
    const lines = exportRuns(store, given.length === 0 ? undefined : runs, {
      ...(blobs ? {} : { blobs: false }),
      ...(handOver === true ? { handOver: (delivery: DeliveryRow) => void handed.push(delivery) } : {}),
    });
    const seen = { run: 0, blob: 0, kept: 0, referring: 0 };
    try {
      await writeLines(output, lines, (line) => count(seen, line));
    } catch (error) {
      // Nobody else has them now.
      for (const { id, dueAt } of handed) await store.outbox.requeue(id, dueAt ?? Date.now());
      throw withoutBlobs(error);
    }
    if (output !== undefined) note(`${output}: ${summary(seen, handed.length)}`);
    if (!blobs && seen.referring > 0) note(`Blobs are not in it: ${plural(seen.referring, "line")} refer to some.`);
    if (seen.kept > 0) note(`${deliveries(seen.kept)} pending: this store goes on sending, --hand-over leaves it to the other.`);
    return 0;
  });
}

function summary({ run, blob }: Seen, handed: number): string {
  const parts = [plural(run, "run"), ...(blob > 0 ? [plural(blob, "blob")] : [])];
  return [...parts, ...(handed > 0 ? [`${deliveries(handed)} handed over`] : [])].join(", ");
}

function withoutBlobs(error: unknown): unknown {
  if (!isExecutusError(error) || (error.code !== "blob_missing" && error.code !== "blob_damaged")) return error;
  const hint = "Restore it from a backup, or leave blobs out: --no-blobs";
  return new ExecutusError(error.code, error.message, { hint, cause: error });
}

interface Seen {
  run: number;
  blob: number;
  /** Deliveries that this store goes on sending. */
  kept: number;
  referring: number;
}

function count(seen: Seen, line: string): void {
  if (line.startsWith('{"run":')) seen.run++;
  else if (line.startsWith('{"blob":')) seen.blob++;
  else if (line.startsWith('{"delivery":')) {
    const { delivery, handedOver } = JSON.parse(line) as DeliveryLine;
    if (delivery.status === "pending" && handedOver !== true) seen.kept++;
  }
  if (line.includes('"type":"blob"')) seen.referring++;
}

function deliveries(count: number): string {
  return `${count} ${count === 1 ? "delivery" : "deliveries"}`;
}

/** To standard output, or to a file that is there whole or not at all. */
async function writeLines(output: string | undefined, lines: AsyncIterable<string>, see: (line: string) => void): Promise<void> {
  if (output === undefined) {
    for await (const line of lines) {
      see(line);
      printLine(line);
    }
    return;
  }
  const temporary = `${output}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, "w");
    for await (const line of lines) {
      see(line);
      await file.write(`${line}\n`);
    }
    await file.sync();
    await rename(temporary, output);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof Error && "code" in error && "syscall" in error) {
      throw new ExecutusError("usage", `${output} cannot be written: ${error.message}`, {
        file: output,
        hint: "Name another file with -o.",
      });
    }
    throw error;
  }
}

export async function importFrom(file: string, { db, json }: StoreOptions): Promise<number> {
  if (file !== "-" && !existsSync(file)) {
    throw new ExecutusError("usage", `There is no file ${file}`, {
      file,
      hint: "Give what `executus store export` has written.",
    });
  }
  const lines = await exportIn(file);
  return withHost(db, "create", async ({ store }) => {
    const report = await importRuns(store, lines);
    if (json === true) printJson({ db, ...report });
    else printLine(`${db}: ${plural(report.imported, "run")} imported, ${report.skipped} there already${alongside(report)}`);
    for (const { run, continues } of report.incomplete ?? [])
      note(`${run} goes on from ${continues}, which is not here: export that one as well, or ${run} cannot be resumed.`);
    return 0;
  });
}

/** Its lines, once the first one was seen: what is no export makes no store. */
async function exportIn(file: string): Promise<AsyncIterable<string>> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]();
  const first = await lines.next().catch((error: unknown) => noExport(file, error));
  if (first.done === true || !first.value.includes(EXPORT_FORMAT)) return noExport(file);
  return (async function* () {
    yield first.value;
    yield* lines;
  })();
}

function noExport(file: string, cause?: unknown): never {
  const what = file === "-" ? "what is piped in" : file;
  const hint = "Give what `executus store export` has written.";
  throw new ExecutusError("usage", `${what} is not an export of runs`, { file, hint, cause });
}

function alongside({ blobs, deliveries: sent }: ImportReport): string {
  const parts = [...(blobs > 0 ? [plural(blobs, "blob")] : []), ...(sent > 0 ? [`${deliveries(sent)} to send`] : [])];
  return parts.length === 0 ? "" : `; with ${parts.join(" and ")}`;
}

// --- prune -----------------------------------------------------------------------------------------------------------

export interface PruneOptions extends StoreOptions {
  readonly olderThan: number;
  readonly yes?: true;
}

function pruned({ runs, blobs, windows }: PruneReport): string {
  const ofBudgets = windows === 0 ? "" : `, and ${plural(windows, "window")} of budgets that had ended`;
  return `${plural(runs, "run")} and ${plural(blobs, "blob")}${ofBudgets}`;
}

export async function prune({ db, olderThan, yes, json }: PruneOptions): Promise<number> {
  const finishedBefore = Date.now() - olderThan;
  return withHost(db, yes === true ? "write" : "read", async ({ store, blobs }) => {
    if (yes === true) {
      const report = await pruneStore(store, { finishedBefore, blobs });
      if (json === true) printJson({ db, ...report });
      else printLine(`${db}: ${pruned(report)} removed`);
      return 0;
    }
    const rows = await store.runs.list({ status: FINAL_STATUSES, limit: Number.MAX_SAFE_INTEGER });
    const runs = rows.filter((row) => row.updatedAt < finishedBefore).length;
    if (json === true) printJson({ db, wouldRemove: runs });
    else
      printLine(
        `${db}: ${plural(runs, "run")} ended more than ${duration(olderThan)} ago; nothing was removed (--yes removes them)`,
      );
    return 0;
  });
}
