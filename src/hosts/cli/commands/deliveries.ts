import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { DeliveryRow } from "../../../ports/store.ts";
import { commandLine } from "../command-line.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { parseCount } from "../option-values.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { note, printJson, printStyled } from "../output.ts";
import { deliveryTable } from "../view/deliveries.ts";

interface Options {
  readonly db: string;
  readonly all?: true;
  readonly limit: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus deliveries                      what is pending or was given up
  executus deliveries ls run_01J9 --all    everything of one run
  executus redeliver run_01J9.d0           once more, under the same id`;

const DEFAULT_LIMIT = 50;

export function configure(command: Command): void {
  command
    .description("Lists deliveries of outcomes, the newest first: those that are pending or were given up.")
    .argument("[words...]", "ls, and the id of a run or its beginning")
    .option("--all", "also those that have arrived")
    .option("--limit <n>", "at most so many", parseCount, DEFAULT_LIMIT)
    .addHelpText("after", EXAMPLES)
    .action(list);
  addJsonOption(command);
  addStoreOption(command);
}

async function list(words: readonly string[], options: Options): Promise<void> {
  const [run, ...more] = words[0] === "ls" ? words.slice(1) : words;
  if (more.length > 0) throw new ExecutusError("usage", `one run at a time, not also ${more.join(" ")}`);
  const host = openHost({ db: options.db, access: "read" });
  try {
    const query = run === undefined ? {} : { run: (await findRun(host.store, run)).run };
    const status = options.all === true ? {} : { status: ["pending", "dead"] as const };
    const rows = await host.executor.deliveries({ ...query, ...status, limit: options.limit });
    if (options.json === true) return printJson(rows);
    if (rows.length === 0) return note("No deliveries.");
    printStyled(deliveryTable(rows).join("\n"));
    adviseOn(rows, options.db);
  } finally {
    await host.close();
  }
}

function adviseOn(rows: readonly DeliveryRow[], db: string): void {
  const dead = rows.find(({ status }) => status === "dead");
  if (dead !== undefined) note(`Send one again: ${commandLine(["redeliver", dead.id], db)}`);
}
