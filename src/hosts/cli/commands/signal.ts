import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { JsonValue } from "../../../ports/json.ts";
import { answer } from "../answer-run.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";

const EXAMPLES = `
Examples:
  executus signal run_01J9 build-finished
  executus signal run_01J9 payment '{"id":"pay_7","amount":12.5}'

A signal that comes before a call waits for it is kept until one does; each is for one call.`;

export function configure(command: Command): void {
  command
    .description("Tells a run that something has happened that one of its calls waits for, or will wait for.")
    .argument("<run>", "id of the run, or its beginning")
    .argument("<name>", "of the event")
    .argument("[json]", "what comes with it")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, name: string, json: string | undefined, { db }: { readonly db: string }) => {
      if (name === "")
        throw new ExecutusError("usage", "the event has no name", { hint: "What it waits for: executus show RUN" });
      const payload = json === undefined ? {} : { payload: parse(json) };
      const host = openHost({ db, access: "write" });
      try {
        const row = await findRun(host.store, run);
        process.exitCode = await answer(host, row, { kind: "signal", name, ...payload }, `${name} signalled`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

function parse(json: string): JsonValue {
  try {
    return JSON.parse(json) as JsonValue;
  } catch (error) {
    const hint = `Text needs quotes of its own: '${JSON.stringify(json)}'`;
    throw new ExecutusError("usage", `what comes with the signal is not JSON: ${error instanceof Error ? error.message : ""}`, {
      hint,
    });
  }
}
