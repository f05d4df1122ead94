import { Argument, type Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { RunRow } from "../../../ports/store.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { note } from "../output.ts";
import { tell, whenHeard } from "../tell.ts";

const EXAMPLES = `
Examples:
  executus tools run_01J9 mcp__github adopt
  executus tools run_01J9 mcp__github pin

adopt: the run goes on with the tools as they are now. pin: it keeps those it began with, names and descriptions.
What changed is in the journal: executus tail RUN --json`;

export function configure(command: Command): void {
  command
    .description("Decides about tools of a source (an MCP server, for example) that changed while a run was interrupted.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<source>", "name of the source, as `executus show RUN` prints it")
    .addArgument(new Argument("<decision>", "what the run goes on with").choices(["adopt", "pin"]))
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, source: string, decision: "adopt" | "pin", options: { readonly db: string }) => {
      const host = openHost({ db: options.db, access: "write" });
      try {
        const row = await findRun(host.store, run);
        checkAsked(row, source);
        const told = await tell(host, row, { kind: "tools", source, decision });
        note(`${row.run}, tools of ${source}, ${decision}: ${whenHeard(told, options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

function checkAsked({ run, waitingFor }: RunRow, source: string): void {
  if (waitingFor?.kind === "tools_changed" && waitingFor.source === source) return;
  const hint =
    waitingFor?.kind === "tools_changed" ? `It waits for ${waitingFor.source}.` : `What it waits for: executus show ${run}`;
  throw new ExecutusError("request_invalid", `${run} does not wait for a decision about tools of ${source}`, { run, hint });
}
