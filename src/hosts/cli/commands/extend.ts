import type { Command } from "commander";
import { ExecutusError } from "../../../kernel/errors.ts";
import { openHost } from "../open.ts";
import { addStoreOption } from "../options.ts";
import { parseAmount, parseCount, parseLimit } from "../option-values.ts";
import { note } from "../output.ts";
import { tell, whenHeard } from "../tell.ts";
import { extension } from "../view/event-lines.ts";

interface Options {
  readonly db: string;
  readonly steps?: number;
  readonly time?: number;
  readonly tokens?: number;
  readonly costUsd?: number;
}

const EXAMPLES = `
Examples:
  executus extend run_01J9 --steps 10 --time 5m

The amounts are added to the limits the run has. A run that has ended stays ended.`;

export function configure(command: Command): void {
  command
    .description("Gives a run more room, whichever process drives it.")
    .argument("<run>", "id of the run, or its beginning")
    .option("--steps <n>", "more model steps", parseCount)
    .option("--time <time>", "more running time: 90s, 10m, 1h", parseLimit)
    .option("--tokens <n>", "more tokens", parseCount)
    .option("--cost-usd <x>", "more US dollars", parseAmount)
    .addHelpText("after", EXAMPLES)
    .action(async (run: string, options: Options) => {
      const more = toExtension(options);
      const host = openHost({ db: options.db, access: "write" });
      try {
        const told = await tell(host, run, { kind: "extend", ...more });
        note(`${told.row.run} ${extension(more)} more: ${whenHeard(told, options.db)}`);
      } finally {
        await host.close();
      }
    });
  addStoreOption(command);
}

function toExtension({ steps, time, tokens, costUsd }: Options): Parameters<typeof extension>[0] {
  const more = Object.entries({ steps, timeMs: time, tokens, costUsd }).filter(([, amount]) => amount !== undefined);
  if (more.length > 0) return Object.fromEntries(more);
  throw new ExecutusError("usage", "nothing to add", { hint: "Give --steps, --time, --tokens or --cost-usd." });
}
