import type { Command } from "commander";
import { checkStore } from "../../../adapters/store/sqlite-maintenance.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import { findRun } from "../find-run.ts";
import { checkThere, openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { printJson, printLine } from "../output.ts";
import { plural } from "../view/figures.ts";

interface Options {
  readonly db: string;
  readonly json?: true;
  readonly all?: true;
}

const EXAMPLES = `
Examples:
  executus audit verify run_01J9        its events, each against the checksum before it, and the head to write down elsewhere
  executus audit verify --all --json

What was recorded, with its checksums: executus store export RUN`;

export function configure(command: Command): void {
  command.description("Shows that journals are as they were written.").addHelpText("after", EXAMPLES);
  const verify = command
    .command("verify")
    .summary("checks the hash chain of one run, or of all")
    .description("Checks the hash chain of one run, or of all. Exit code 7 when a journal is not as it was written.")
    .helpOption("-h, --help", "print this help")
    .argument("[run]", "id of the run, or its beginning")
    .option("--all", "every run of the store")
    .action(async (run: string | undefined, options: Options) => {
      process.exitCode = await audit(run, options);
    });
  addJsonOption(verify);
  addStoreOption(verify);
}

async function audit(given: string | undefined, { db, json, all }: Options): Promise<number> {
  if ((given === undefined) !== (all === true)) {
    throw new ExecutusError("usage", "say which run to verify, or --all", { hint: "For example: executus audit verify --all" });
  }
  checkThere(db);
  const run = given === undefined ? undefined : await idOf(given, db);
  const { runs, events, chains, problems } = await checkStore(db, run === undefined ? {} : { run });
  if (json === true) printJson({ db, runs, events, chains, problems });
  else {
    for (const { run: at, seq, message } of problems)
      printLine(`${at ?? db}${seq === undefined ? "" : ` at ${seq}`}: ${message}`);
    const [only] = run === undefined ? [] : chains;
    if (only !== undefined) printLine(`${only.run} is as it was written: ${plural(only.events, "event")}, head ${only.head}`);
    else if (problems.length === 0)
      printLine(`${db}: ${plural(runs, "journal")} of ${plural(events, "event")} as they were written`);
  }
  return problems.length === 0 ? 0 : 7;
}

async function idOf(given: string, db: string): Promise<string> {
  const host = openHost({ db, access: "read" });
  try {
    return (await findRun(host.store, given)).run;
  } finally {
    await host.close();
  }
}
