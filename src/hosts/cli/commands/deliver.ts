import type { Command } from "commander";
import { commandLine } from "../command-line.ts";
import { deliveryOptions } from "../delivery.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { note, printStyled } from "../output.ts";
import { deliveryTable } from "../view/deliveries.ts";

const EXAMPLES = `
Examples:
  executus deliver

Credentials come from the environment: EXECUTUS_DELIVERY_SLACK, EXECUTUS_DELIVERY_GITHUB, ... (EXECUTUS_DELIVERY_<NAME> for a target
that names its own). What is not due yet is left for later; executus redeliver makes it due.`;

const MOST = 50;

export function configure(command: Command): void {
  command
    .description("Sends what is due now: outcomes of runs that could not be delivered yet.")
    .addHelpText("after", EXAMPLES)
    .action(async ({ db }: { readonly db: string }) => {
      process.exitCode = await deliver(db);
    });
  addStoreOption(command);
}

/** 1 when something was tried and did not arrive. */
async function deliver(db: string): Promise<number> {
  const host = openHost({ db, access: "write" });
  try {
    const executor = host.executorWith({ wakes: false, ...(await deliveryOptions([])) });
    const { delivered, failed } = await executor.deliver();
    note(
      delivered.length + failed.length === 0
        ? "Nothing is due."
        : `${delivered.length} of ${delivered.length + failed.length} arrived`,
    );
    const left = await executor.deliveries({ status: ["pending", "dead"], limit: MOST });
    const tried = left.filter(({ id }) => failed.includes(id));
    if (tried.length > 0) printStyled(deliveryTable(tried).join("\n"));
    if (left.length > tried.length) note(`${left.length - tried.length} more: ${commandLine(["deliveries"], db)}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    await host.close();
  }
}
