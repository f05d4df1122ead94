import { type Command, Option } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import { answer } from "../answer-run.ts";
import type { RunRow } from "../../../ports/store.ts";
import { loadState } from "../continue.ts";
import { findRun } from "../find-run.ts";
import { type Host, openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { stepOfCall } from "../view/event-lines.ts";

interface Options {
  readonly db: string;
  readonly outcome: "done" | "failed" | "retry";
  readonly output?: string;
}

const EXAMPLES = `
Examples:
  executus resolve run_01J9 4.1 --outcome done --output "sent as message 1782"
  executus resolve run_01J9 4.1 --outcome retry

done: it happened; the model is given --output as its result. failed: it did not, and is not to be tried again.
retry: it did not; it may run. Then: executus resume RUN

Ids of calls count from 0: 4.1 is the second call of step 5.`;

export function configure(command: Command): void {
  command
    .description("Says what became of a call that a crash left in doubt.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<call>", "id of the call, as `executus show RUN` prints it: 4.1")
    .addOption(new Option("--outcome <outcome>", "what became of it").choices(["done", "failed", "retry"]).makeOptionMandatory())
    .option("--output <text>", "what the model is told")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, call: string, options: Options) => {
      const host = openHost({ db: options.db, access: "write" });
      try {
        const row = await findRun(host.store, run);
        const doubt = await doubtOf(host, row, call);
        const { outcome, output } = options;
        const said = output === undefined ? {} : { output };
        const command = { kind: "resolve", call, outcome, doubt, ...said } as const;
        process.exitCode = await answer(host, row, command, `call ${call} ${outcome}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

/** What is said now is about the doubt that is there now, or that the call comes into when the run goes on. */
async function doubtOf(host: Host, { run }: RunRow, call: string): Promise<number> {
  const calls = (await loadState(host.store, run))?.calls ?? [];
  const open = calls.filter(({ status }) => status === "in-doubt" || status === "started");
  const found = open.find(({ id }) => id === call);
  if (found !== undefined) return found.status === "in-doubt" ? found.interruptions : found.interruptions + 1;
  const names = open.map(({ id, name }) => `${id} (${name}, step ${stepOfCall(id) + 1})`);
  const hint = names.length === 0 ? "No call of this run is open." : `Open: ${names.join(", ")}.`;
  throw new ExecutusError("request_invalid", `call ${call} of ${run} is not in doubt`, { run, hint });
}
