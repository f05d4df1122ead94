import type { Command } from "commander";
import { checkFits } from "../../../run/send.ts";
import { answer, findWait } from "../answer-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { withoutSecrets } from "../secrets.ts";

const EXAMPLES = `
Examples:
  executus answer run_01J9 "The blue one"
  executus answer run_01J9 4.1 "The blue one"     where several questions are open`;

export function configure(command: Command): void {
  command
    .description("Answers a question that a run has asked. The first answer counts; a later one changes nothing.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<call-or-text>", "id of the call that asks, where several do: 4.1; otherwise the answer")
    .argument("[text]", "the answer")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, first: string, second: string | undefined, { db }: { readonly db: string }) => {
      const [call, text] = second === undefined ? [undefined, first] : [first, second];
      const host = openHost({ db, access: "write" });
      try {
        const { row, wait } = await findWait(host, run, { kind: "question", ...(call === undefined ? {} : { call }) });
        checkFits(row.run, wait, withoutSecrets(text));
        process.exitCode = await answer(host, row, { kind: "answer", question: wait.id, answer: text }, "answered");
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}
