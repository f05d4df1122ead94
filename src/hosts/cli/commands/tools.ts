import { Argument, type Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { ToolSnapshot } from "../../../ports/agent.ts";
import type { RunRow } from "../../../ports/store.ts";
import { findRun } from "../find-run.ts";
import { type Host, openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { note, print } from "../output.ts";
import { loadState } from "../continue.ts";
import { tell, whenHeard } from "../tell.ts";

const EXAMPLES = `
Examples:
  executus tools run_01J9 mcp__github adopt
  executus tools run_01J9 mcp__github pin

Without a decision: what it had, and what it is offered now.
adopt: the run goes on with the tools as they are now. pin: it keeps those it began with, names and descriptions.`;

export function configure(command: Command): void {
  command
    .description("Decides about tools of a source (an MCP server, for example) that changed while a run was interrupted.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<source>", "name of the source, as `executus show RUN` prints it")
    .addArgument(new Argument("[decision]", "what the run goes on with").choices(["adopt", "pin"]))
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, source: string, decision: "adopt" | "pin" | undefined, options: { readonly db: string }) => {
      const host = openHost({ db: options.db, access: decision === undefined ? "read" : "write" });
      try {
        const row = await findRun(host.store, run);
        checkAsked(row, source);
        if (decision === undefined) return await show(host, row, source);
        const told = await tell(host, row, { kind: "tools", source, decision });
        note(`${row.run}, tools of ${source}, ${decision}: ${whenHeard(told, options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

/** Both wordings of each tool that is not what it was, as data: what a server says of itself is not to be trusted with a terminal. */
async function show(host: Host, { run }: RunRow, source: string): Promise<void> {
  const state = await loadState(host.store, run);
  const asked = state?.sources.find(({ name }) => name === source);
  const was = asked?.tools ?? [];
  const now = asked?.offered?.tools ?? [];
  for (const name of new Set([...was, ...now].map((tool) => tool.name))) {
    const [before, after] = [wordsOf(was, name), wordsOf(now, name)];
    if (before === after) continue;
    print(`${name}\n  - ${before ?? "(was not there)"}\n  + ${after ?? "(is gone)"}`);
  }
}

function wordsOf(tools: readonly ToolSnapshot[], tool: string): string | undefined {
  const found = tools.find(({ name }) => name === tool);
  if (found === undefined) return undefined;
  const { description, effect, inputSchema } = found;
  return JSON.stringify({ description, effect, inputSchema });
}

function checkAsked({ run, waitingFor }: RunRow, source: string): void {
  if (waitingFor?.kind === "tools_changed" && waitingFor.source === source) return;
  const hint =
    waitingFor?.kind === "tools_changed" ? `It waits for ${waitingFor.source}.` : `What it waits for: executus show ${run}`;
  throw new ExecutusError("request_invalid", `${run} does not wait for a decision about tools of ${source}`, { run, hint });
}
