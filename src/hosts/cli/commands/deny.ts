import type { Command } from "commander";
import { answer, findWait } from "../answer-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";

interface Options {
  readonly db: string;
  readonly note?: string;
}

const EXAMPLES = `
Examples:
  executus deny run_01J9
  executus deny run_01J9 4.1 --note "ask the customer first"`;

export function configure(command: Command): void {
  command
    .description("Refuses a call that waits for approval: it does not run, and the model is told so with the note.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("[call]", "id of the call, where several wait: 4.1")
    .option("--note <text>", "why, for the model")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, call: string | undefined, { db, note }: Options) => {
      const host = openHost({ db, access: "write" });
      try {
        const { row, wait } = await findWait(host, run, { kind: "approval", ...(call === undefined ? {} : { call }) });
        const entry = { kind: "deny", approval: wait.id, ...(note === undefined ? {} : { note }) } as const;
        process.exitCode = await answer(host, row, entry, `${wait.tool ?? "the call"} denied`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}
