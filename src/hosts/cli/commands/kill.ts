import type { Command } from "commander";
import { configureEnd } from "../end-run.ts";

const EXAMPLES = `
Examples:
  executus kill run_01J9 --reason "out of hand"

Waits for no call: what was under way is recorded as of unknown outcome. Gentler: executus cancel RUN`;

export function configure(command: Command): void {
  command.description("Ends a run at once, whichever process drives it.").addHelpText("after", EXAMPLES);
  configureEnd(command, "kill");
}
