import { isFinal } from "../../../kernel/status.ts";
import type { Command } from "commander";
import { ExecutusError, isExecutusError } from "../../../kernel/errors.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { RunRow } from "../../../ports/store.ts";
import type { Executor, RunHandle, RunResult } from "../../../run/types.ts";
import { checkRoot } from "../agent-setup.ts";
import { addBoundOptions, boundOptions, type BoundOptions } from "../bounds.ts";
import { codeForRun } from "../code-for-run.ts";
import { commandLine } from "../command-line.ts";
import { conduct, type OutputFormat } from "../conduct.ts";
import { beginChildren, checkModels, loadState, rootOf, standing } from "../continue.ts";
import { deliverOutcome, deliveryOptions } from "../delivery.ts";
import { describeError } from "../describe-error.ts";
import { exitCodeOfRun, exitCodeOfSignal } from "../exit-codes.ts";
import { findRun, runTable } from "../find-run.ts";
import { listenForInterrupts } from "../interrupts.ts";
import { keptOptions } from "../kept-bounds.ts";
import { type Host, openHost } from "../open.ts";
import { addFormatOption, addModelsOption, addStoreOption } from "../options.ts";
import { goOnWithoutReader, note, print, printJsonLine, writeError } from "../output.ts";
import { trustsMcp } from "../mcp.ts";
import { prepareOutputFile } from "../output-file.ts";
import { toResultJson } from "../result-json.ts";
import { createProgress, type Progress, redirectConsole } from "../view/progress.ts";
import { terminalOf } from "../view/terminal.ts";
import { fit, oneLine } from "../view/text.ts";

interface Options extends BoundOptions {
  readonly db: string;
  readonly outputFormat: OutputFormat;
  readonly models?: string;
  readonly all?: true;
  readonly output?: string;
  readonly quiet?: true;
  readonly trustMcp?: true;
}

const EXAMPLES = `
Examples:
  executus resume                 the run that was interrupted, if there is one only
  executus resume run_01J9        the beginning of the id is enough
  executus resume --all           everything that nobody drives, then wait for it`;

const MOST_AT_ONCE = 1_000;

export function configure(command: Command): void {
  command
    .description("Continues runs where they were. The agent's code is found where the run was started from.")
    .argument("[run]", "id of the run, or its beginning")
    .option("--all", "every run that nobody drives")
    .option("-o, --output <file>", "also write the answer to a file")
    .option("--trust-mcp", "MCP servers of .mcp.json and of the agent may be started (or EXECUTUS_TRUST_MCP=1)")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string | undefined, options: Options) => {
      process.exitCode = await resume(run, options);
    });
  addFormatOption(command);
  addBoundOptions(command);
  addModelsOption(command);
  addStoreOption(command);
}

async function resume(given: string | undefined, options: Options): Promise<number> {
  if (given !== undefined && options.all === true) {
    throw new ExecutusError("usage", "a run and --all are given", { hint: "Give one of them." });
  }
  if (options.output !== undefined && options.all === true) {
    throw new ExecutusError("usage", "-o takes the answer of one run, and --all is given", { hint: "Give one of them." });
  }
  const host = openHost({ db: options.db, access: "write" });
  try {
    return await (options.all === true ? resumeAll(host, options) : resumeOne(host, given, options));
  } finally {
    await host.close();
  }
}

// --- one run ---------------------------------------------------------------------------------------------------------

async function resumeOne(host: Host, given: string | undefined, options: Options): Promise<number> {
  const row = given === undefined ? await onlyResumable(host) : await findRun(host.store, given);
  if (row === undefined) {
    note("Nothing to resume: no run was interrupted or waits.");
    return 0;
  }
  if (isFinal(row.status)) throw hasEnded(row);
  const saveOutput = options.output === undefined ? undefined : prepareOutputFile(options.output);
  const isQuiet = options.quiet === true || (options.outputFormat === "stream-json" && process.stdout.isTTY);
  const progress = createProgress({ terminal: terminalOf(process.stderr), isQuiet });
  redirectConsole(progress);
  goOnWithoutReader();
  try {
    const { executor, handle } = await takeOver({ host, progress, options }, row);
    const continueWith = commandLine(["resume", row.run], options.db);
    const shared = { host, executor, handle, progress, format: options.outputFormat, continueWith };
    return await conduct({ ...shared, ...(saveOutput === undefined ? {} : { saveOutput }) });
  } finally {
    progress.end();
  }
}

async function onlyResumable(host: Host): Promise<RunRow | undefined> {
  const found = await host.store.runs.list({ status: ["interrupted", "waiting", "queued"], limit: 500 });
  // A child goes on with the run it belongs to.
  const rows = found.filter(({ root }) => root === undefined).slice(0, 11);
  if (rows.length <= 1) return rows[0];
  const hint = ["Give one of them, or --all:", ...runTable(rows.slice(0, 10)), ...(rows.length > 10 ? ["..."] : [])].join("\n  ");
  throw new ExecutusError("usage", "there are several runs to resume", { hint });
}

function hasEnded({ run, status }: RunRow): ExecutusError {
  const message = `${run} has already ended (${status.replaceAll("_", " ")})`;
  return new ExecutusError("run_finished", message, { run, hint: `See how: executus show ${run}` });
}

interface Job {
  readonly host: Host;
  readonly progress: Progress;
  readonly options: Options;
}

interface Taken {
  readonly executor: Executor;
  readonly handle: RunHandle;
}

/** Each run gets the code and the models of its own agent. */
async function takeOver(job: Job, row: RunRow): Promise<Taken> {
  const { host, progress } = job;
  const state = await loadState(host.store, row.run);
  if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${row.run} in this store`, { run: row.run });
  const modelsFile = job.options.models;
  const code = await codeForRun(state, {
    store: host.store,
    blobs: host.blobs,
    trustMcp: trustsMcp(job.options.trustMcp),
    bounds: boundOptions(job.options),
    ...(modelsFile === undefined ? {} : { modelsFile }),
  });
  if (row.owner === undefined && !code.isAgentMissing) await checkModels(code.options.models, state);
  if (state.agent.tools.length > 0 && isOfFile(state)) checkRoot(rootOf(state));
  const delivery = await deliveryOptions(state.request.delivery);
  const executor = host.executorWith({ ...code.options, ...delivery, observers: [progress.observer] });
  progress.begin(state);
  await beginChildren(host.store, progress, state);
  const handle = await executor.resume(row.run);
  progress.say(`continuing ${row.run} where it was: ${standing(state)}`, "accent");
  const kept = keptOptions(state, boundOptions(job.options));
  if (kept !== undefined) progress.say(`it goes on with ${kept}`, "accent");
  return { executor, handle };
}

/** An agent in Markdown works with the file tools, whose folder must be there. */
function isOfFile({ agent }: RunState): boolean {
  return agent.source === undefined || agent.source.endsWith(".md");
}

// --- all of them -----------------------------------------------------------------------------------------------------

async function resumeAll(host: Host, options: Options): Promise<number> {
  const progress = createProgress({ terminal: terminalOf(process.stderr), isQuiet: options.quiet === true, isShared: true });
  redirectConsole(progress);
  goOnWithoutReader();
  const taken: Taken[] = [];
  const interrupts = listenForInterrupts({
    drain: () => {
      progress.say("stopping once the calls under way are back (again: cancel the runs)", "warn");
      for (const { executor } of taken) void executor.shutdown();
    },
    cancel: () => {
      for (const { handle } of taken) void handle.cancel("Ctrl-C twice");
    },
  });
  const codes: number[] = [];
  for (const run of await host.store.owners.orphans(MOST_AT_ONCE)) {
    if (interrupts.first !== undefined) break;
    codes.push(...(await tryTakeOver({ host, progress, options }, run, taken)));
  }
  if (taken.length === 0 && codes.length === 0) note("Nothing to resume: nobody's run was interrupted.");
  const results = await Promise.all(taken.map(({ handle }) => handle.result));
  for (const result of results) report(result, options);
  for (const [i, { executor }] of taken.entries()) {
    const result = results[i];
    if (result !== undefined) await deliverOutcome(executor, result, options.db);
  }
  interrupts.stop();
  const isStopped = results.some(({ status }) => status === "interrupted") && interrupts.first !== undefined;
  if (isStopped) return exitCodeOfSignal(interrupts.first ?? "SIGINT");
  return [...codes, ...results.map(exitCodeOfRun)].find((code) => code !== 0) ?? 0;
}

/** One run that cannot go on does not hold up the others: its exit code, or nothing when it goes on. */
async function tryTakeOver(job: Job, run: string, taken: Taken[]): Promise<readonly number[]> {
  try {
    const row = await job.host.store.runs.get(run);
    if (row !== undefined && !(await isTakenByParent(job.host, row))) taken.push(await takeOver(job, row));
    return [];
  } catch (error) {
    // Somebody else was quicker.
    if (isExecutusError(error) && error.code === "run_owned") return [];
    const { text, exitCode } = describeError(error, job.options.db);
    writeError(text.replace("executus: ", `executus: ${run}: `));
    return [exitCode];
  }
}

/** A parent that goes on takes its children along; one that waits does not. */
async function isTakenByParent({ store }: Host, { root, parent }: RunRow): Promise<boolean> {
  if (root === undefined || parent === undefined) return false;
  const above = await store.runs.get(parent);
  return above !== undefined && !isFinal(above.status) && above.status !== "waiting";
}

function report(result: RunResult, { outputFormat }: Options): void {
  if (outputFormat !== "text") return printJsonLine(toResultJson(result));
  const words = result.status === "completed" ? result.output : (result.error?.message ?? "");
  print(`${result.run}  ${result.agent}  ${result.status.replaceAll("_", " ")}  ${fit(oneLine(words), 80)}`.trimEnd());
}
