import type { Command } from "commander";
import { configureEnd } from "../end-run.ts";

const EXAMPLES = `
Examples:
  executus cancel run_01J9
  executus cancel run_01J9 --reason "wrong branch"

Calls under way get a moment to come back. A run that nobody drives is ended here. At once: executus kill RUN`;

export function configure(command: Command): void {
  command.description("Ends a run, whichever process drives it.").addHelpText("after", EXAMPLES);
  configureEnd(command, "cancel");
}
