import type { Command } from "commander";
import { configureDecision } from "../decide-definition.ts";

export function configure(command: Command): void {
  command.description("Lets a run that asks go on with the definition that its agent has now.");
  configureDecision(command, "adopt");
}
