import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { parseCount } from "../option-values.ts";
import { note } from "../output.ts";
import { tell, whenHeard } from "../tell.ts";

interface Options {
  readonly db: string;
  readonly id?: string;
  readonly afterStep?: number;
  readonly now?: true;
}

const EXAMPLES = `
Examples:
  executus steer run_01J9 "Leave the tests alone"
  executus steer run_01J9 "Stop reading, write the report" --after-step 8
  executus steer run_01J9 "Wrong file, stop" --now`;

export function configure(command: Command): void {
  command
    .description("Puts a message into a run: the model sees it before its next step, whichever process drives the run.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<text>", "the message")
    .option("--id <id>", "the same id again is the same message: safe to repeat")
    .option("--after-step <n>", "not before so many steps are answered", parseCount)
    .option("--now", "give up the model call under way, if there is one, and make it again with the message")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, text: string, options: Options) => {
      if (text.trim() === "")
        throw new ExecutusError("usage", "there is nothing in the message", { hint: "Say what the run is to know." });
      const host = openHost({ db: options.db, access: "write" });
      try {
        const { afterStep, id, now } = options;
        const when = now === true ? { when: "now" as const } : {};
        const told = await tell(
          host,
          run,
          { kind: "steer", content: text, ...(afterStep === undefined ? {} : { afterStep }), ...when },
          id,
        );
        note(`${told.row.run}: ${whenHeard(told, options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}
