import { FINAL_STATUSES } from "../../../kernel/status.ts";
import type { Command } from "commander";
import { ExecutusError, nearest } from "../../../kernel/errors.ts";
import type { RunQuery, RunRow, Store } from "../../../ports/store.ts";
import type { RunStatus } from "../../../ports/view.ts";
import { commandLine } from "../command-line.ts";
import { findRun } from "../find-run.ts";
import { threadOf } from "../follow-up.ts";
import { openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { parseCount, parseDuration } from "../option-values.ts";
import { note, printJson, printStyled } from "../output.ts";
import { toneOfEnd } from "../view/event-lines.ts";
import { ago, count, money } from "../view/figures.ts";
import { terminalOf } from "../view/terminal.ts";
import { fit, table } from "../view/text.ts";
import { remarkOnWaits } from "../view/waits.ts";

interface Options {
  readonly db: string;
  readonly status?: readonly RunStatus[];
  readonly agent?: string;
  readonly parent?: string;
  readonly since?: number;
  readonly all?: true;
  readonly thread?: string;
  readonly limit: number;
  readonly json?: true;
}

const UNFINISHED: readonly RunStatus[] = ["queued", "running", "waiting", "interrupted"];

const EXAMPLES = `
Examples:
  executus ls                              what runs, waits or was interrupted
  executus ls --all --since 2h             also what has ended
  executus ls --status failed,timed_out --agent reviewer
  executus ls --thread run_01J9            a run and all that go on from each other with it
  executus ls --json | jq -r '.[].run'`;

const DEFAULT_LIMIT = 50;

export function configure(command: Command): void {
  command
    .description("Lists runs, the newest first: those in flight, waiting or interrupted unless more is asked for.")
    .option("--status <names>", "only these, for example running,waiting,failed", parseStatuses)
    .option("--agent <name>", "only this agent's")
    .option("--parent <run>", "only those that this run handed work to, ended ones too")
    .option("--since <time>", "only those started within: 30m, 2h, 7d", parseDuration)
    .option("--thread <run>", "the runs that go on from each other, of which this is one; the oldest first")
    .option("--all", "also those that have ended")
    .option("--limit <n>", "at most so many", parseCount, DEFAULT_LIMIT)
    .addHelpText("after", EXAMPLES)
    .action(async (options: Options) => {
      process.exitCode = await list(options);
    });
  addJsonOption(command);
  addStoreOption(command);
}

function parseStatuses(text: string): readonly RunStatus[] {
  const known = [...UNFINISHED, ...FINAL_STATUSES];
  return text.split(",").map((word) => {
    const wanted = word.trim().replaceAll("-", "_");
    const found = known.find((status) => status === wanted);
    if (found !== undefined) return found;
    const near = nearest(wanted, known);
    const hint = near === undefined ? `Known: ${known.join(", ")}.` : `Did you mean ${near}?`;
    throw new ExecutusError("usage", `${word.trim()} is not a status of a run`, { hint });
  });
}

async function list(options: Options): Promise<number> {
  const host = openHost({ db: options.db, access: "read" });
  try {
    const { store } = host;
    const query = await toQuery(store, options);
    const isAll = options.all === true || query.parent !== undefined;
    const status = options.status ?? (isAll ? undefined : UNFINISHED);
    if (options.thread !== undefined) return await listThread(store, options.thread, options);
    const rows = await store.runs.list({ ...query, ...(status === undefined ? {} : { status }), limit: options.limit + 1 });
    const shown = rows.slice(0, options.limit);
    if (options.json === true) printJson(shown);
    else if (shown.length > 0) printStyled(toTable(shown).join("\n"));
    else note("No runs.");
    if (rows.length > shown.length) note(`There are more: --limit ${options.limit * 2}`);
    if (status === UNFINISHED && options.json !== true) await hint(store, query, options.db);
    return 0;
  } finally {
    await host.close();
  }
}

async function listThread(store: Store, given: string, options: Options): Promise<number> {
  const rows = await threadOf(store, await findRun(store, given));
  if (options.json === true) printJson(rows);
  else printStyled(toTable(rows).join("\n"));
  return 0;
}

async function toQuery(store: Store, { agent, parent, since }: Options): Promise<RunQuery> {
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(parent === undefined ? {} : { parent: (await findRun(store, parent)).run }),
    ...(since === undefined ? {} : { createdAfter: Date.now() - since }),
  };
}

const MOST_COUNTED = 1_000;

async function hint(store: Store, query: RunQuery, db: string): Promise<void> {
  const hidden = (await store.runs.list({ ...query, status: FINAL_STATUSES, limit: MOST_COUNTED })).length;
  if (hidden === 0) return;
  const many = hidden === MOST_COUNTED ? `${MOST_COUNTED} or more have` : hidden === 1 ? "1 has" : `${hidden} have`;
  note(`${many} ended: ${commandLine(["ls", "--all"], db)}`);
}

function toTable(rows: readonly RunRow[]): readonly string[] {
  const terminal = terminalOf(process.stdout);
  const now = Date.now();
  const head = ["RUN", "AGENT", "STATUS", "STEP", "TOKENS", "COST", "STARTED", "LAST EVENT", ""];
  const cells = rows.map((row) => [
    row.run,
    fit(row.agent, 24),
    row.status.replaceAll("_", " "),
    String(row.step),
    count(row.tokens),
    money(row.costUsd).replace("cost ", ""),
    ago(row.createdAt, now),
    ago(row.updatedAt, now),
    remarkOn(row),
  ]);
  const [title = "", ...lines] = table([head, ...cells], [3, 4, 5]);
  const columns = process.stdout.isTTY ? terminal.columns() : Infinity;
  const fitted = lines.map((line, i) => {
    const row = rows[i];
    const cut = fit(line, columns);
    if (row === undefined) return cut;
    const status = row.status.replaceAll("_", " ");
    return cut.replace(` ${status} `, ` ${terminal.paint(toneOf(row.status), status)} `);
  });
  return [terminal.paint("dim", fit(title, columns)), ...fitted];
}

function toneOf(status: RunStatus): Parameters<ReturnType<typeof terminalOf>["paint"]>[0] {
  return status === "interrupted" || status === "waiting" ? "warn" : toneOfEnd(status);
}

function remarkOn(row: RunRow): string {
  const { waitingFor, owner, status } = row;
  if (waitingFor !== undefined) return remarkOnWaits(row);
  return status === "running" && owner !== undefined ? owner : "";
}
