import type { Command } from "commander";
import type { RunEvent } from "../../../ports/events.ts";
import type { DeliveryRow, RunRow, Store } from "../../../ports/store.ts";
import { toResult } from "../../../run/result.ts";
import { findRun } from "../find-run.ts";
import { readHistory, type RunHistory } from "../history.ts";
import { openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { printJson, printStyled } from "../output.ts";
import { showEvents, showRun } from "../view/run-page.ts";
import { readTree, treeLines } from "../view/run-tree.ts";
import { deliveryLine } from "../view/deliveries.ts";
import { terminalOf } from "../view/terminal.ts";

interface Options {
  readonly db: string;
  readonly json?: true;
  readonly events?: true;
  readonly all?: true;
  readonly tree?: true;
}

const EXAMPLES = `
Examples:
  executus show run_01J9
  executus show run_01J9 --events
  executus show run_01J9 --tree            the runs it handed work to, and theirs
  executus show run_01J9 --json | jq .steps`;

export function configure(command: Command): void {
  command
    .description("Shows where a run stands and why: limits, steps, calls, crashes, and what was not repeated after them.")
    .argument("<run>", "id of the run, or its beginning")
    .option("--all", "every step, not only the last 40")
    .option("--events", "every event of its journal instead")
    .option("--tree", "the run and every run below it")
    .addHelpText("after", EXAMPLES)
    .action(show);
  addJsonOption(command);
  addStoreOption(command);
}

async function show(given: string, options: Options): Promise<void> {
  const host = openHost({ db: options.db, access: "read" });
  try {
    const row = await findRun(host.store, given);
    if (options.tree === true) return await showTree(host.store, row, options);
    const events = await host.store.journal.read(row.run);
    const history = readHistory(events);
    if (history === undefined) return;
    const deliveries = await host.executor.deliveries({ run: row.run });
    if (options.json === true)
      return printJson({ ...toJson(row, history), deliveries, ...(options.events === true ? { events } : {}) });
    const terminal = terminalOf(process.stdout);
    printStyled(linesFor({ row, history, events, deliveries, terminal }, options).join("\n"));
  } finally {
    await host.close();
  }
}

async function showTree(store: Store, row: RunRow, { json }: Options): Promise<void> {
  const tree = await readTree(store, row);
  if (json === true) return printJson(tree);
  printStyled(treeLines(tree, terminalOf(process.stdout)).join("\n"));
}

interface Page {
  readonly row: RunRow;
  readonly history: RunHistory;
  readonly events: readonly RunEvent[];
  readonly deliveries: readonly DeliveryRow[];
  readonly terminal: ReturnType<typeof terminalOf>;
}

function linesFor(
  { row, history, events, deliveries, terminal }: Page,
  { events: isJournal, all, db }: Options,
): readonly string[] {
  if (isJournal === true) return showEvents(events, terminal);
  const page = showRun(row, history, { terminal, db, all: all === true });
  return deliveries.length === 0
    ? page
    : [...page, "", ...deliveries.toReversed().map((delivery) => `  ${deliveryLine(delivery)}`)];
}

function toJson(row: RunRow, history: RunHistory): object {
  const { state, steps, attempts, lastError, startedAt } = history;
  const { agent, request, models } = state;
  const result = toResult({ state, steps });
  return {
    ...result,
    status: row.status,
    ...(row.owner === undefined ? {} : { owner: row.owner }),
    source: agent.source,
    tier: agent.tier,
    models,
    request,
    startedAt,
    updatedAt: row.updatedAt,
    attempts,
    openCalls: state.calls.filter(({ status }) => status !== "ended"),
    ...(lastError === undefined ? {} : { lastModelError: lastError }),
  };
}
