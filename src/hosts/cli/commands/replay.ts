import type { Command } from "commander";
import { loadAgent } from "../../../adapters/agents/module.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import type { RunState } from "../../../kernel/state.ts";
import type { Replay } from "../../../ports/plan.ts";
import type { Models } from "../../../ports/models.ts";
import { findAgentFile } from "../agent-file.ts";
import { setUpAgent } from "../agent-setup.ts";
import { loadState, rootOf } from "../continue.ts";
import { findRun } from "../find-run.ts";
import { type Host, openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { plural } from "../view/figures.ts";
import { sanitize } from "../view/text.ts";

interface Options {
  readonly db: string;
  readonly against?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus replay run_01J9                                    is the journal what the kernel would do today?
  executus replay run_01J9 --against agents/reviewer.md       where would the changed agent take another course?

Nothing is called. Exit code 0: no difference; 1: there is one, and the first is named.`;

export function configure(command: Command): void {
  command
    .description(
      "Compares a journal with what would be decided today, or with another version of its agent, without calling anything.",
    )
    .argument("<run>", "id of the run, or its beginning")
    .option("--against <agent>", "an agent's file or name")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, options: Options) => {
      const host = openHost({ db: options.db, access: "read" });
      try {
        const row = await findRun(host.store, run);
        const replay = await replayRun(host, row.run, options.against);
        if (options.json === true) printJson({ run: row.run, ...replay });
        else print(toText(row.run, replay));
        process.exitCode = replay.divergence === undefined ? 0 : 1;
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
  addJsonOption(command);
}

async function replayRun(host: Host, run: string, against: string | undefined): Promise<Replay> {
  if (against === undefined) return host.executor.replay(run);
  const state = await loadState(host.store, run);
  if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${run} in this store`, { run });
  const file = findAgentFile(against);
  // Checked first: its errors name the file.
  await loadAgent(file);
  const root = rootOf(state);
  const { agent, tools, delegates } = await setUpAgent(file, {
    blobs: host.blobs,
    root: () => root,
    trustSkills: true,
    models: uncalled(state),
  });
  return host.executorWith({ wakes: false, models: uncalled(state), tools, delegates }).replay(run, { against: agent });
}

/** The models of the run, to be named and not called. */
function uncalled({ models }: RunState): Models {
  const ids = models.length === 0 ? ["unknown/model"] : models;
  const call = (): never => {
    throw new Error("a replay calls no model");
  };
  return { resolve: () => Promise.resolve(ids.map((id) => ({ id, price: { input: 0, output: 0, asOf: "" }, call }))) };
}

function toText(run: string, { events, divergence }: Replay): string {
  if (divergence === undefined) return `${run}: ${plural(events, "event")}, no difference`;
  const { seq, recorded, now } = divergence;
  return [
    `${run}: the first difference is at event ${seq}`,
    `  recorded  ${sanitize(recorded)}`,
    `  now       ${sanitize(now)}`,
  ].join("\n");
}
