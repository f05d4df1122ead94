import type { Command } from "commander";
import type { BudgetAmounts, BudgetQuery, BudgetScope, BudgetStanding } from "../../../ports/budget.ts";
import { ExecutusError } from "../../../kernel/errors.ts";
import { openHost } from "../open.ts";
import { addJsonOption, addStoreOption } from "../options.ts";
import { note, printJson, printStyled } from "../output.ts";
import { count, duration, money } from "../view/figures.ts";
import { terminalOf } from "../view/terminal.ts";
import { fit, table } from "../view/text.ts";

interface Options {
  readonly db: string;
  readonly per?: BudgetScope;
  readonly name?: string;
  readonly all?: true;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  executus budget ls                          what is used of every budget now
  executus budget ls --per tenant --name acme
  executus budget ls --all --json             also windows that have ended`;

export function configure(command: Command): void {
  command.description("Shows what is used of the budgets that runs of this store share.").addHelpText("after", EXAMPLES);
  const ls = command
    .command("ls")
    .summary("what is used, what is reserved by calls under way, and the limit")
    .description("What is used of every budget, what calls under way have reserved, and the limit as of the last call.")
    .helpOption("-h, --help", "print this help")
    .option("--per <scope>", `only these: ${SCOPES.join(", ")}`, parseScope)
    .option("--name <name>", "only of this tenant, caller, agent or root run")
    .option("--all", "also windows that have ended")
    .action((options: Options) => list(options));
  addJsonOption(ls);
  addStoreOption(ls);
}

const SCOPES: readonly BudgetScope[] = ["tenant", "caller", "tree", "agent", "all"];

function parseScope(text: string): BudgetScope {
  const scope = SCOPES.find((known) => known === text);
  if (scope !== undefined) return scope;
  throw new ExecutusError("usage", `${text} is not what a budget is for`, { hint: `Known: ${SCOPES.join(", ")}.` });
}

async function list({ db, per, name, all, json }: Options): Promise<void> {
  const host = openHost({ db, access: "read" });
  try {
    const query: BudgetQuery = {
      ...(per === undefined ? {} : { per }),
      ...(name === undefined ? {} : { name }),
      ...(all === true ? {} : { at: Date.now() }),
    };
    const standings = await host.executor.budgets(query);
    if (json === true) return printJson(standings);
    if (standings.length === 0) return note("Nothing is counted: no run of this store had a budget in a window that is open.");
    const [title = "", ...lines] = table(
      [["BUDGET", "WINDOW", "UNIT", "USED", "RESERVED", "LIMIT", ""], ...standings.flatMap(toRows)],
      [3, 4, 5, 6],
    );
    printStyled([terminalOf(process.stdout).paint("dim", title), ...lines].join("\n"));
  } finally {
    await host.close();
  }
}

const FORMATS: Readonly<Record<keyof BudgetAmounts, (amount: number) => string>> = {
  usd: money,
  tokens: count,
  seconds: (amount) => duration(amount * 1_000),
  calls: count,
};

/** One row for each unit that is limited. */
function toRows({ per, name, window, since, used, reserved, limit }: BudgetStanding): readonly (readonly string[])[] {
  const units = (Object.keys(FORMATS) as (keyof BudgetAmounts)[]).filter((unit) => limit[unit] !== undefined);
  return units.map((unit) => {
    const most = limit[unit] ?? 0;
    const format = FORMATS[unit];
    const part = most === 0 ? "" : `${Math.round((used[unit] / most) * 100)} %`;
    const held = reserved[unit] === 0 ? "" : format(reserved[unit]);
    return [fit(whoOf(per, name), 40), windowOf(window, since), unit, format(used[unit]), held, format(most), part];
  });
}

function whoOf(per: BudgetScope, name: string): string {
  if (per === "all") return "all";
  return `${per} ${name === "" ? "(none)" : name}`;
}

/** `day 2026-11-22`, in UTC. */
function windowOf(window: BudgetStanding["window"], since: number): string {
  if (window === "run") return "run";
  const start = new Date(since).toISOString();
  if (window === "hour") return `hour ${start.slice(0, 13)}h`;
  return window === "day" ? `day ${start.slice(0, 10)}` : `month ${start.slice(0, 7)}`;
}
