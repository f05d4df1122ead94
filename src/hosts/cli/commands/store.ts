import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import { parseDuration } from "../option-values.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import {
  backup,
  check,
  exportTo,
  type ExportToOptions,
  importFrom,
  prune,
  type PruneOptions,
  type StoreOptions,
} from "../store-care.ts";

const EXAMPLES = `
Examples:
  executus store check
  executus store backup /backups/executus-2026-11-22.db       beside living processes, blobs included
  executus store export run_01J9 -o run.jsonl
  executus store export run_01J9 -o run.jsonl --hand-over     the other store sends its deliveries
  executus store import run.jsonl --db other.db
  executus store prune --older-than 30d --yes`;

export function configure(command: Command): void {
  command.description("Looks after the store. Every part works beside processes that drive runs.").addHelpText("after", EXAMPLES);
  const part = (name: string, summary: string): Command => {
    const sub = command
      .command(name)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .helpOption("-h, --help", "print this help");
    addStoreOption(sub);
    addJsonOption(sub);
    return sub;
  };
  const finish = async (code: Promise<number>): Promise<void> => {
    process.exitCode = await code;
  };
  part("check", "reads everything and says what is damaged, run by run").action((options: StoreOptions) =>
    finish(check(options)),
  );
  part("backup", "copies the store and its blobs, checked, to a new file")
    .argument("<target>", "a file that is not there yet")
    .action((target: string, options: StoreOptions) => finish(backup(target, options)));
  part("export", "writes runs as lines of JSON")
    .argument("[runs...]", "ids, or their beginnings; default: all")
    .option("-o, --output <file>", "a file; default: standard output")
    .option("--no-blobs", "leave out attachments, artifacts and long values, which are otherwise in it")
    .option("--hand-over", "deliveries that are pending are sent by the store that imports this, not by this one any more")
    .action((runs: string[], options: ExportToOptions) => finish(exportTo(runs, options)));
  part("import", "takes in what `store export` wrote; runs that are there stay as they are")
    .argument("<file>", "the file; - is standard input")
    .action((file: string, options: StoreOptions) => finish(importFrom(file, options)));
  part("prune", "removes runs that ended long ago, and blobs that nothing refers to")
    .option("--older-than <time>", "those whose last event is older than this, for example 30d", parseDuration)
    .option("--yes", "do it; without it, only says what would go")
    .action((options: StoreOptions & Partial<PruneOptions>) =>
      finish(prune({ ...options, olderThan: required(options.olderThan) })),
    );
}

function required(olderThan: number | undefined): number {
  if (olderThan !== undefined) return olderThan;
  throw new ExecutusError("usage", "--older-than is missing", {
    hint: "For example: executus store prune --older-than 30d",
  });
}
