import { isFinal } from "../../../kernel/status.ts";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { blobsFolder, openFolderBlobs } from "../../../adapters/blobs/folder.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { LimitsInput } from "../../../ports/limits.ts";
import type { RunRow, Store } from "../../../ports/store.ts";
import type { Executor, RunRequest } from "../../../run/types.ts";
import { findAgentFile } from "../agent-file.ts";
import { type AgentSetup, checkRoot, ROOT_LABEL, setUpAgent } from "../agent-setup.ts";
import { addBoundOptions, boundOptions, type BoundOptions, boundsOf } from "../bounds.ts";
import { checkStart } from "../check-start.ts";
import { commandLine, programName, quote } from "../command-line.ts";
import { type Conduct, conduct, explain, type OutputFormat, printResult, save } from "../conduct.ts";
import {
  beginChildren,
  type Beginning,
  beginningOf,
  checkModels,
  findResumable,
  isSame,
  loadState,
  rootOf,
  standing,
  withFiles,
} from "../continue.ts";
import { continuedRun, type FollowUpOptions, sortOut } from "../follow-up.ts";
import { readJsonSchema } from "../json-schema.ts";
import { boundLabels, keptBounds, keptOptions } from "../kept-bounds.ts";
import { deliverOutcome, deliveryOptions, parseTarget, targetsOf, type Wanted, withoutTargets } from "../delivery.ts";
import { describeError } from "../describe-error.ts";
import { EXIT_FAILED, exitCodeOfRun } from "../exit-codes.ts";
import { readInput } from "../input.ts";
import { checkThere, type ExecutorOptions, type Host, openHost } from "../open.ts";
import { parseAmount, parseCount, parseLabel, parseLimit } from "../option-values.ts";
import { addStoreOption, addFormatOption, addModelsOption } from "../options.ts";
import { goOnWithoutReader, note, printJsonLine } from "../output.ts";
import { trustsMcp } from "../mcp.ts";
import { prepareOutputFile, type SaveOutput } from "../output-file.ts";
import { withoutSecrets } from "../secrets.ts";
import { toErrorJson } from "../result-json.ts";
import { createProgress, type Progress, redirectConsole } from "../view/progress.ts";
import { terminalOf } from "../view/terminal.ts";

interface Options extends FollowUpOptions, BoundOptions {
  readonly db: string;
  readonly outputFormat: OutputFormat;
  readonly models?: string;
  readonly model?: string;
  readonly tier?: string;
  readonly maxSteps?: number;
  readonly maxTime?: number;
  readonly maxCostUsd?: number;
  readonly maxTokens?: number;
  readonly id?: string;
  readonly new?: true;
  readonly label?: Readonly<Record<string, string>>;
  readonly caller?: string;
  readonly attach?: readonly string[];
  readonly deliver?: readonly Wanted[];
  readonly jsonSchema?: string;
  readonly output?: string;
  readonly quiet?: true;
  readonly trustMcp?: true;
  readonly trustSkills?: true;
  readonly lenient?: true;
}

const EXAMPLES = `
Examples:
  executus run agents/reviewer.md "Review the last commit"
  git diff | executus run reviewer "Review this diff"        reviewer is found in ./agents
  executus run reviewer - < question.txt
  executus run reviewer --id nightly-2026-11-22 "..."         the same id again continues or shows that run
  executus run reviewer --output-format json "..." | jq .total_cost_usd
  executus run reviewer "And the tests?" -c                   a follow-up to its last run; -c RUN names another
  executus run counter --json-schema count.json "..." | jq .count
  executus run reviewer "..." --deliver github:octo/tea#12    a comment there once it has ended

The same command again, after a crash or Ctrl-C, continues the run where it was; --new starts a fresh one.

A first agent, agents/hello.md:
---
model: fast
tools: list_files, read_file
---
Answer in one sentence.

Models come from the environment: ANTHROPIC_API_KEY, OPENAI_API_KEY or GOOGLE_GENERATIVE_AI_API_KEY, or a server of
your own with OLLAMA_BASE_URL and EXECUTUS_MODEL. What is there: executus doctor`;

export function configure(command: Command): void {
  command
    .description("Starts an agent and waits for its answer. The answer goes to standard output, progress to standard error.")
    .argument("<agent>", "a .md, .ts or .js file, or a name from ./agents, ./.executus/agents, ./.claude/agents")
    .argument("[input]", "what to do; - reads it from standard input, and what is piped in comes along as context")
    .option("--new", "start a fresh run even if one like it was interrupted")
    .option("--id <key>", "id of the run: the same again continues it or shows its result")
    .option("-c, --continue [run]", "a follow-up: goes on from this run that has ended; without one, from the agent's last")
    .option("--last", "the same as --continue without a run")
    .option("--json-schema <file>", "the answer must be JSON of this schema: a file, or the schema itself")
    .option("--model <provider/model>", "instead of the agent's own")
    .option("--tier <name>", "the same by tier, for example fast or smart")
    .option("--max-steps <n>", "limit on steps: a model call and its tool calls each", parseCount)
    .option("--max-time <time>", "limit on running time: 90s, 10m, 1h", parseLimit)
    .option("--max-cost-usd <x>", "limit on cost, in US dollars", parseAmount)
    .option("--max-tokens <n>", "limit on tokens, input and output together", parseCount)
    .option("--label <name=value>", "kept with the run; may be repeated", parseLabel)
    .option("--caller <name>", "whom the run is for")
    .option("--attach <file>", "a file that comes along: an image is shown, others can be read; may be repeated", collectFile)
    .option(
      "--deliver <target>",
      "where the outcome also goes: github:octo/tea#12, file:today.json, agent; may be repeated",
      parseTarget,
    )
    .option("--lenient", "unknown fields of an agent file are warnings")
    .option("-o, --output <file>", "also write the answer to a file")
    .option("--trust-skills", "skills that come with this project may be used (or EXECUTUS_TRUST_SKILLS=1)")
    .option("--trust-mcp", "MCP servers of .mcp.json and of the agent may be started (or EXECUTUS_TRUST_MCP=1)")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async (agent: string, input: string | undefined, options: Options) => {
      const sorted = sortOut(input, options);
      process.exitCode = await runAgent(agent, sorted.input, sorted.options);
    });
  addBoundOptions(command);
  addFormatOption(command);
  addModelsOption(command);
  addStoreOption(command);
}

/** Whoever asked for JSON gets a result object also when nothing could be started. */
async function runAgent(agent: string, input: string | undefined, options: Options): Promise<number> {
  try {
    return await prepare(agent, input, options);
  } catch (error) {
    if (options.outputFormat !== "text") printJsonLine(toErrorJson(describeError(error, options.db)));
    throw error;
  }
}

async function prepare(agentName: string, argument: string | undefined, options: Options): Promise<number> {
  checkOptions(options);
  const saveOutput = options.output === undefined ? undefined : prepareOutputFile(options.output);
  const place = { root: process.cwd() };
  const blobs = openFolderBlobs(blobsFolder(options.db));
  const setup = await setUpAgent(findAgentFile(agentName), {
    blobs,
    root: () => place.root,
    trustSkills: options.trustSkills === true || process.env["EXECUTUS_TRUST_SKILLS"] === "1",
    lenient: options.lenient === true,
    trustMcp: trustsMcp(options.trustMcp),
    ...(options.models === undefined ? {} : { modelsFile: options.models }),
  });
  tellWarnings(setup, options);
  const input = await readInput(argument, setup.input);
  if (input.trim() === "")
    throw new ExecutusError("request_invalid", "there is no input", { hint: "Say what to do, or pipe it in." });
  const delivery = await deliveryOptions(options.deliver);
  // What cannot be meant is refused before there is a store.
  await boundsOf(setup.models, boundOptions(options));
  if (!existsSync(options.db)) await checkStart(setup, toRequest({ setup, input, options, place }, undefined), delivery);
  const progress = createProgress({
    terminal: terminalOf(process.stderr),
    isQuiet: options.quiet === true || isBusy(options),
    hint: `Kill it at any moment: the same command${options.new === true ? " without --new" : ""} continues it.`,
  });
  redirectConsole(progress);
  goOnWithoutReader();
  const host = openHost({ db: options.db, access: "create" });
  const saving = saveOutput === undefined ? {} : { saveOutput };
  const job: Job = { host, setup, input, options, progress, place, delivery, ...saving };
  try {
    const opened = await open(job);
    if (typeof opened === "number") return opened;
    const format = options.outputFormat;
    const shared = { host, ...opened, progress, format, continueWith: sameCommand(opened.handle.run, options) };
    return await conduct({ ...shared, ...saving });
  } finally {
    progress.end();
    await host.close();
  }
}

function tellWarnings({ warnings, agent }: AgentSetup, { deliver }: Options): void {
  for (const warning of warnings) note(`executus: ${warning}`);
  if (agent.delivery !== undefined && deliver === undefined)
    note("executus: this agent names where its outcomes go; they go there with --deliver agent");
}

/** Events scroll by on the same terminal. */
function isBusy(options: Options): boolean {
  return options.outputFormat === "stream-json" && process.stdout.isTTY;
}

interface Job {
  readonly host: Host;
  readonly setup: AgentSetup;
  readonly input: string;
  readonly options: Options;
  readonly progress: Progress;
  /** Where the file tools work; a continued run has its own. */
  readonly place: { root: string };
  readonly delivery: ExecutorOptions;
  readonly saveOutput?: SaveOutput;
}

type Opened = Pick<Conduct, "executor" | "handle">;

async function executorFor(job: Job, bounds: BoundOptions): Promise<Executor> {
  const { host, setup, progress, options, delivery } = job;
  return host.executorWith({
    models: setup.models,
    tools: setup.tools,
    delegates: setup.delegates,
    sources: setup.sources,
    agents: [setup.agent],
    ...(await boundsOf(setup.models, { ...boundOptions(options), ...bounds })),
    observers: [progress.observer],
    ...delivery,
  });
}

// --- start, continue or show -----------------------------------------------------------------------------------------

/** The run to wait for, or the exit code of one that had ended before. */
async function open(job: Job): Promise<Opened | number> {
  const { host, setup, input, options } = job;
  const continues = await continuedRun(host.store, setup.agent.name, options);
  const wanted: Beginning = {
    source: setup.agent.source ?? setup.agent.name,
    input: withoutSecrets(withFiles(input, options.attach ?? [])),
    continues,
  };
  if (options.id !== undefined) {
    const row = await host.store.runs.get(options.id);
    if (row !== undefined && options.new === true) throw idTaken(row);
    if (row !== undefined) return openKnown(job, row, wanted);
  } else if (options.new !== true) {
    const row = await findResumable(host.store, wanted);
    const continued = row && (await tryContinue(job, row));
    if (continued !== undefined) return continued;
  }
  const executor = await executorFor(job, {});
  return { executor, handle: await executor.start(withoutTargets(setup.agent), toRequest(job, continues)) };
}

function idTaken({ run }: RunRow): ExecutusError {
  const message = `the id ${run} is taken, so --new cannot start a fresh run with it`;
  const hint = "Choose another --id, or continue that run, or see its result: the same command without --new does either.";
  return new ExecutusError("request_invalid", message, { run, hint });
}

async function openKnown(job: Job, row: RunRow, wanted: Beginning): Promise<Opened | number> {
  const { host, progress, options } = job;
  await checkSame(host.store, row, wanted);
  if (!isFinal(row.status)) return continueRun(job, row);
  progress.say(`${row.run} had ended before; nothing was run`, "accent");
  const executor = await executorFor(job, {});
  const result = await executor.result(row.run);
  printResult(result, { format: options.outputFormat });
  const isSaved = await save(result, job);
  explain(result, { host, continueWith: "" });
  await deliverOutcome(executor, result, options.db);
  return isSaved ? exitCodeOfRun(result) : EXIT_FAILED;
}

async function checkSame(store: Store, row: RunRow, wanted: Beginning): Promise<void> {
  const [first] = await store.journal.read(row.run, { limit: 1 });
  if (first?.type !== "run.started" || isSame(beginningOf(first), wanted)) return;
  const what =
    beginningOf(first).source === wanted.source ? "another input" : `another agent (${first.agent.source ?? first.agent.name})`;
  throw new ExecutusError("request_invalid", `the id ${row.run} is taken by a run with ${what}`, {
    run: row.run,
    hint: `Choose another --id, or look at that run: executus show ${row.run}`,
  });
}

/** A run that cannot go on here is no reason not to start a new one. */
async function tryContinue(job: Job, row: RunRow): Promise<Opened | undefined> {
  try {
    return await continueRun(job, row);
  } catch (error) {
    const { message } = describeError(error);
    note(`executus: ${row.run} could be continued, but not here: ${message}\n  Starting a new one.`);
    return undefined;
  }
}

async function continueRun(job: Job, row: RunRow): Promise<Opened> {
  const { host, setup, progress, options, place } = job;
  const state = await loadState(host.store, row.run);
  if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${row.run} in this store`, { run: row.run });
  if (row.owner === undefined) await checkModels(setup.models, state);
  place.root = rootOf(state);
  if (setup.usesFiles) checkRoot(place.root);
  progress.begin(state);
  await beginChildren(host.store, progress, state);
  const executor = await executorFor(job, keptBounds(state, options));
  const handle = await executor.resume(row.run);
  progress.say(
    `continuing ${row.run} where it was: ${standing(state)}${options.id === undefined ? " (--new starts afresh)" : ""}`,
    "accent",
  );
  const kept = keptOptions(state, options);
  if (kept !== undefined) progress.say(`it goes on with ${kept}`, "accent");
  if (!state.definition.instructions.endsWith(setup.agent.instructions)) {
    note(
      `executus: ${setup.agent.source ?? setup.agent.name} has changed since; the run goes on with the instructions it began with`,
    );
  }
  if (givenLimits(options) !== undefined || (options.model ?? options.tier) !== undefined) {
    note(
      `executus: limits and models are those the run began with; more room: ${commandLine(["extend", row.run, "--steps", "10"], options.db)}`,
    );
  }
  return { executor, handle };
}

// --- options ---------------------------------------------------------------------------------------------------------

function toRequest(
  { input, options, setup, place }: Omit<Job, "host" | "progress" | "delivery" | "saveOutput">,
  continues: string | undefined,
): RunRequest {
  const { id, caller, jsonSchema, attach, deliver } = options;
  const model = options.model ?? options.tier;
  const limits = givenLimits(options);
  const labels = { ...options.label, ...boundLabels(options), ...(setup.usesFiles ? { [ROOT_LABEL]: place.root } : {}) };
  return {
    input,
    ...(attach === undefined ? {} : { attachments: attach.map((path) => ({ path })) }),
    ...(continues === undefined ? {} : { continues }),
    ...(deliver === undefined ? {} : { delivery: targetsOf(setup.agent, deliver) }),
    ...(jsonSchema === undefined ? {} : { output: readJsonSchema(jsonSchema) }),
    ...(id === undefined ? {} : { id }),
    ...(caller === undefined ? {} : { caller }),
    ...(model === undefined ? {} : { model }),
    ...(limits === undefined ? {} : { limits }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

function collectFile(file: string, before: readonly string[] = []): readonly string[] {
  return [...before, file];
}

function givenLimits({ maxSteps, maxTime, maxCostUsd, maxTokens }: Options): LimitsInput | undefined {
  const limits: LimitsInput = { maxSteps, timeMs: maxTime, costUsd: maxCostUsd, tokens: maxTokens };
  return Object.values(limits).every((value) => value === undefined) ? undefined : limits;
}

function checkOptions({ model, tier, last, db, ...options }: Options): void {
  if (model !== undefined && tier !== undefined)
    throw new ExecutusError("usage", "--model and --tier both say which model to use", { hint: "Give one of them." });
  if (options.continue !== undefined || last === true) checkThere(db);
}

/** The command as it was typed continues the run; where input was piped in, its id is what is left to name it by. */
function sameCommand(run: string, { db }: Options): string {
  if (process.env["npm_lifecycle_event"] === "start") return "npm start";
  if (!process.stdin.isTTY) return commandLine(["resume", run], db);
  return [
    programName(),
    ...process.argv
      .slice(2)
      .map(quote)
      .filter((word) => word !== "--new"),
  ].join(" ");
}
