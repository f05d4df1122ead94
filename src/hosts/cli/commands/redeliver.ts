import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import { commandLine } from "../command-line.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { note } from "../output.ts";

const EXAMPLES = `
Examples:
  executus redeliver run_01J9.d0

It is sent by the next process that delivers to targets of its kind: executus deliver, or one that starts or ends runs.`;

export function configure(command: Command): void {
  command
    .description("Queues a delivery again, under the same id, however it ended.")
    .argument("<delivery>", "its id, as `executus deliveries` prints it, or the beginning")
    .addHelpText("after", EXAMPLES)
    .action(async (delivery: string, options: { readonly db: string }) => {
      const host = openHost({ db: options.db, access: "write" });
      try {
        const id = await findDelivery(host.executor, delivery);
        await host.executor.redeliver(id);
        note(`${id} is due now. Send it: ${commandLine(["deliver"], options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

async function findDelivery(executor: ReturnType<typeof openHost>["executor"], given: string): Promise<string> {
  const rows = await executor.deliveries({ prefix: given, limit: 2 });
  const exact = rows.find(({ id }) => id === given);
  const [first, second] = rows;
  if (exact !== undefined || second === undefined) return exact?.id ?? first?.id ?? given;
  throw new ExecutusError("usage", `${given} is the beginning of more than one delivery`, { hint: `For example ${second.id}.` });
}
