/** `cancel` and `kill`: tell the run, and see to it that it ends. */
import { isFinal } from "../../kernel/status.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { RunRow } from "../../ports/store.ts";
import { commandLine } from "./command-line.ts";
import { type Host, openHost } from "./open.ts";
import { addStoreOption } from "./options.ts";
import { note } from "./output.ts";
import { tell } from "./tell.ts";
import { endHere } from "./undriven.ts";

interface Options {
  readonly db: string;
  readonly reason?: string;
}

const LOOK_MS = 100;
/** A call under way gets its grace time; whoever cannot be reached for longer than that is not waited for. */
const PATIENCE_MS = 8_000;

export function configureEnd(command: Command, kind: "cancel" | "kill"): void {
  command
    .argument("<run>", "id of the run, or its beginning")
    .option("--reason <text>", "kept with the run")
    .action(async (run: string, options: Options) => {
      process.exitCode = await endRun(run, kind, options);
    });
  addStoreOption(command);
}

async function endRun(given: string, kind: "cancel" | "kill", options: Options): Promise<number> {
  const host = openHost({ db: options.db, access: "write" });
  try {
    const { reason } = options;
    const { row } = await tell(host, given, { kind, ...(reason === undefined ? {} : { reason }) });
    const end = await untilEnded(host, row);
    if (end !== undefined) {
      note(`${row.run} ${end.replaceAll("_", " ")}`);
      return 0;
    }
    note(
      `${row.run} has been told; ${row.owner ?? "its driver"} has not ended it yet.\n  ${commandLine(["tail", row.run], options.db)}`,
    );
    return 0;
  } finally {
    await host.close();
  }
}

/** The status it ended with; undefined when its driver takes too long. */
async function untilEnded(host: Host, { run }: RunRow): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
    const row = await host.store.runs.get(run);
    if (row === undefined || isFinal(row.status)) return row?.status ?? "removed";
    if (row.owner === undefined) {
      const result = await endHere(host, run);
      if (result !== undefined && isFinal(result.status)) return result.status;
    }
    await pause(LOOK_MS);
  }
  return undefined;
}
