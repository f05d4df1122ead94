import type { Command } from "commander";
import { isFinal } from "../../../kernel/status.ts";
import type { ResumePlan } from "../../../ports/plan.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import { loadState } from "../continue.ts";
import { codeForRun } from "../code-for-run.ts";
import { findRun } from "../find-run.ts";
import { openHost } from "../open.ts";
import { addJsonOption, addModelsOption, addStoreOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { planLines } from "../view/plan-lines.ts";

interface Options {
  readonly db: string;
  readonly models?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus plan run_01J9
  executus plan run_01J9 --json | jq .calls

Nothing is called and nothing is written. Every run of a store at once, for a deployment: executus doctor --store FILE`;

export function configure(command: Command): void {
  command
    .description("Says what resuming a run here would do: what is done, what runs again, what is asked, and what is missing.")
    .argument("<run>", "id of the run, or its beginning")
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, options: Options) => {
      const plan = await planOf(run, options);
      if (options.json === true) printJson(plan);
      else print(planLines(plan, options.db).join("\n"));
      process.exitCode = plan.problem === undefined && plan.missing.length === 0 ? 0 : 2;
    });
  addModelsOption(command);
  addStoreOption(command);
  addJsonOption(command);
}

async function planOf(given: string, { db, models: modelsFile }: Options): Promise<ResumePlan> {
  const host = openHost({ db, access: "read" });
  try {
    const row = await findRun(host.store, given);
    if (isFinal(row.status)) {
      throw new ExecutusError("run_finished", `${row.run} has already ended (${row.status})`, {
        run: row.run,
        hint: `See how: executus show ${row.run}`,
      });
    }
    const state = await loadState(host.store, row.run);
    if (state === undefined) throw new ExecutusError("run_unknown", `there is no run ${row.run} in this store`);
    const { options } = await codeForRun(state, {
      store: host.store,
      blobs: host.blobs,
      trustMcp: "unused",
      ...(modelsFile === undefined ? {} : { modelsFile }),
    });
    return await host.executorWith({ wakes: false, ...options }).plan(row.run);
  } finally {
    await host.close();
  }
}
