/** Options that several commands share. */
import { type Command, Option } from "commander";
import { DEFAULT_DB } from "./command-line.ts";

export function addStoreOption(command: Command): void {
  command.option("--db <file>", "the store", DEFAULT_DB);
}

export function addFormatOption(command: Command): void {
  command.addOption(
    new Option("--output-format <format>", "what goes to standard output")
      .choices(["text", "json", "stream-json"])
      .default("text"),
  );
}

export function addModelsOption(command: Command): void {
  command.option("--models <file>", "tiers and prices; else ./executus.json, ./models.json, the environment");
}

export function addJsonOption(command: Command): void {
  command.option("--json", "as JSON, for programs");
}
