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
  pruneStore,
  type StoreProblem,
  type StoreReport,
} from "../../adapters/store/sqlite-maintenance.ts";
import { ExecutusError } from "../../kernel/errors.ts";
import { totalTokens } from "../../kernel/state.ts";
import type { RunEvent } from "../../ports/events.ts";
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

export async function exportTo(given: readonly string[], options: StoreOptions & { readonly output?: string }): Promise<number> {
  const { db, output } = options;
  return withHost(db, "read", async ({ store }) => {
    const runs = await Promise.all(given.map(async (name) => (await findRun(store, name)).run));
    const lines = exportRuns(store, given.length === 0 ? undefined : runs);
    let referring = 0;
    let count = 0;
    await writeLines(output, lines, (line) => {
      if (line.includes('"type":"blob"')) referring++;
      if (line.startsWith('{"run":')) count++;
    });
    if (output !== undefined) note(`${output}: ${plural(count, "run")}`);
    if (referring > 0)
      note(
        `Blobs are not in it (${plural(referring, "line")} refer to some): \`store backup\` has them, in ${blobsFolder(db)} they are.`,
      );
    return 0;
  });
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
  return withHost(db, "create", async ({ store }) => {
    const input = file === "-" ? process.stdin : createReadStream(file);
    const report = await importRuns(store, createInterface({ input, crlfDelay: Infinity }));
    if (json === true) printJson({ db, ...report });
    else printLine(`${db}: ${plural(report.imported, "run")} imported, ${report.skipped} there already`);
    for (const { run, continues } of report.incomplete ?? [])
      note(`${run} goes on from ${continues}, which is not here: export that one as well, or ${run} cannot be resumed.`);
    return 0;
  });
}

// --- prune -----------------------------------------------------------------------------------------------------------

export interface PruneOptions extends StoreOptions {
  readonly olderThan: number;
  readonly yes?: true;
}

export async function prune({ db, olderThan, yes, json }: PruneOptions): Promise<number> {
  const finishedBefore = Date.now() - olderThan;
  return withHost(db, yes === true ? "write" : "read", async ({ store, blobs }) => {
    if (yes === true) {
      const report = await pruneStore(store, { finishedBefore, blobs });
      if (json === true) printJson({ db, ...report });
      else printLine(`${db}: ${plural(report.runs, "run")} and ${plural(report.blobs, "blob")} removed`);
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
