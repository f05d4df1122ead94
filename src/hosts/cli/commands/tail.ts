import type { Command } from "commander";
import { evolve, initialState } from "../../../kernel/evolve.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { Store } from "../../../ports/store.ts";
import { adviceLines } from "../answer-run.ts";
import { commandLine } from "../command-line.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { parseSequence } from "../option-values.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { note, printJsonLine, printStyled } from "../output.ts";
import { linesOf } from "../view/event-lines.ts";
import { paintLine } from "../view/line.ts";
import { terminalOf } from "../view/terminal.ts";
import { waitsOf } from "../view/waits.ts";

interface Options {
  readonly db: string;
  readonly from: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus tail run_01J9
  executus tail run_01J9 --from 120 --json | jq -c 'select(.type == "tool.ended")'

Ends when the run has ended, waits, or lost its driver.`;

export function configure(command: Command): void {
  command
    .description("Shows the events of a run from the beginning, then live, whichever process drives it.")
    .argument("<run>", "id of the run, or its beginning")
    .option("--from <seq>", "start at this event", parseSequence, 0)
    .addHelpText("after", EXAMPLES)
    .action(tail);
  addJsonOption(command);
  addStoreOption(command);
}

async function tail(given: string, options: Options): Promise<void> {
  const host = openHost({ db: options.db, access: "read" });
  try {
    const { run } = await findRun(host.store, given);
    const isJson = options.json === true;
    const show = isJson ? printEvent(run) : printLines(options.from);
    // Lines need the state before them: an event is read even where it is not shown.
    const after = isJson ? options.from - 1 : -1;
    for await (const event of host.executor.events(run, { after })) show(event);
    await explain(host.store, run, options.db);
  } finally {
    await host.close();
  }
}

type Show = (event: RunEvent) => void;

function printEvent(run: string): Show {
  return (event) => printJsonLine({ v: 1, run_id: run, ...event });
}

function printLines(from: number): Show {
  const terminal = terminalOf(process.stdout);
  let state: RunState | undefined;
  return (event) => {
    const lines = event.seq >= from ? linesOf(event, state, { marks: terminal.marks, columns: terminal.columns() }) : [];
    for (const line of lines) printStyled(paintLine(terminal, line));
    if (event.type === "run.started") state = initialState(event, event);
    else if (state !== undefined) state = evolve(state, event, event);
  };
}

async function explain(store: Store, run: string, db: string): Promise<void> {
  const row = await store.runs.get(run);
  if (row?.status === "interrupted") note(`nobody drives ${run} just now. Continue it:\n  ${commandLine(["resume", run], db)}`);
  if (row?.status !== "waiting") return;
  const lines = adviceLines(run, waitsOf(row.waitingFor), { db });
  note(`${run} waits:\n  ${[...lines, ...(lines.length === 0 ? [commandLine(["show", run], db)] : [])].join("\n  ")}`);
}
