/** `adopt` and `pin`: which definition a run goes on with whose agent changed. */
import type { Command } from "commander";
import { ExecutusError } from "../../kernel/errors.ts";
import { findRun } from "./find-run.ts";
import { openHost } from "./open.ts";
import { addStoreOption } from "./options.ts";
import { note } from "./output.ts";
import { tell, whenHeard } from "./tell.ts";

export function configureDecision(command: Command, decision: "adopt" | "pin"): void {
  command
    .argument("<run>", "id of the run, or its beginning")
    .addHelpText(
      "after",
      `\nExamples:\n  executus plan run_01J9                what changed\n  executus ${decision} run_01J9\n  executus resume run_01J9`,
    )
    .action(async (run: string, options: { readonly db: string }) => {
      const host = openHost({ db: options.db, access: "write" });
      try {
        const row = await findRun(host.store, run);
        if (row.waitingFor?.kind !== "agent_changed") {
          const hint = `Where it stands: executus show ${row.run}`;
          throw new ExecutusError("request_invalid", `${row.run} does not ask about a changed agent`, { run: row.run, hint });
        }
        const told = await tell(host, row, { kind: decision });
        const which = decision === "adopt" ? "the changed definition" : "the definition it began with";
        note(`${row.run} goes on with ${which}: ${whenHeard(told, options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}
