import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { ForkEdit } from "../../../run/fork-edit.ts";
import { codeForRun } from "../code-for-run.ts";
import { commandLine } from "../command-line.ts";
import { conduct, type OutputFormat } from "../conduct.ts";
import { loadState } from "../continue.ts";
import { findRun } from "../find-run.ts";
import { trustsMcp } from "../mcp.ts";
import { keptOptions } from "../kept-bounds.ts";
import { openHost } from "../open.ts";
import { parseSequence } from "../option-values.ts";
import { addFormatOption, addModelsOption, addStoreOption } from "../options.ts";
import { goOnWithoutReader } from "../output.ts";
import { createProgress, redirectConsole } from "../view/progress.ts";
import { terminalOf } from "../view/terminal.ts";

interface Options {
  readonly db: string;
  readonly at: number;
  readonly edit?: string;
  readonly id?: string;
  readonly models?: string;
  readonly outputFormat: OutputFormat;
  readonly quiet?: true;
  readonly trustMcp?: true;
}

const EXAMPLES = `
Examples:
  executus tail run_01J9 --json                          the numbers of its events
  executus fork run_01J9 --at 12
  executus fork run_01J9 --at 12 --edit other.json       {"instructions": "...", "results": [{"call": "0.1", "output": "none"}]}

An edit has any of: instructions, input, model, messages [{seq, text}], results [{call, output, outcome}].
Calls that may change the world get the result that they had in the original; others of that kind wait for: executus approve`;

export function configure(command: Command): void {
  command
    .description("Starts a new run that begins as this one did, up to an event. The original stays as it is.")
    .argument("<run>", "id of the run, or its beginning")
    .requiredOption("--at <seq>", "number of the last event that is taken over", parseSequence)
    .option("--edit <file>", "JSON: what is different in the copy")
    .option("--id <id>", "id of the new run")
    .option("--trust-mcp", "MCP servers of .mcp.json and of the agent may be started (or EXECUTUS_TRUST_MCP=1)")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, options: Options) => {
      process.exitCode = await forkRun(run, options);
    });
  addFormatOption(command);
  addModelsOption(command);
  addStoreOption(command);
}

async function forkRun(given: string, options: Options): Promise<number> {
  const edit = options.edit === undefined ? undefined : await readEdit(options.edit);
  const host = openHost({ db: options.db, access: "write" });
  const progress = createProgress({ terminal: terminalOf(process.stderr), isQuiet: options.quiet === true });
  redirectConsole(progress);
  goOnWithoutReader();
  try {
    const { run } = await findRun(host.store, given);
    const state = await loadState(host.store, run);
    if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${run} in this store`, { run });
    const { models: modelsFile, at, id } = options;
    const code = await codeForRun(state, {
      store: host.store,
      blobs: host.blobs,
      trustMcp: trustsMcp(options.trustMcp),
      ...(modelsFile === undefined ? {} : { modelsFile }),
    });
    const executor = host.executorWith({ ...code.options, observers: [progress.observer] });
    progress.begin(state);
    const handle = await executor.fork(run, { at, ...(edit === undefined ? {} : { edit }), ...(id === undefined ? {} : { id }) });
    progress.say(`${handle.run} begins as ${run}, event ${at}`, "accent");
    const kept = keptOptions(state);
    if (kept !== undefined) progress.say(`it goes on with ${kept}`, "accent");
    const continueWith = commandLine(["resume", handle.run], options.db);
    return await conduct({ host, executor, handle, progress, format: options.outputFormat, continueWith });
  } finally {
    progress.end();
    await host.close();
  }
}

/** What is in it is checked with the run. */
async function readEdit(file: string): Promise<ForkEdit> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ForkEdit;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExecutusError("request_invalid", `${file} cannot be read as an edit: ${reason}`, {
      file,
      cause,
      hint: 'Write JSON, for example {"instructions": "Be brief."}',
    });
  }
}
