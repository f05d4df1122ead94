/** What watches over the runs of a command beside their own limits: budgets that they share, and a supervisor. */
import { type Command, InvalidArgumentError } from "commander";
import { modelSupervisor } from "../../adapters/supervision/model.ts";
import { rulesSupervisor } from "../../adapters/supervision/rules.ts";
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { Budget, BudgetAmounts, BudgetScope, BudgetWindow } from "../../ports/budget.ts";
import type { Models } from "../../ports/models.ts";
import type { Supervisor } from "../../ports/supervision.ts";
import { checkBudgets } from "../../run/budget-accounts.ts";
import { readModelsConfig } from "./models.ts";
import type { ExecutorOptions } from "./open.ts";

export interface BoundOptions {
  readonly budget?: readonly Budget[];
  readonly supervisor?: string;
}

export function addBoundOptions(command: Command): void {
  command
    .option(
      "--budget <unit=amount>",
      "usd, tokens, seconds or calls that the run and those below it share: usd=1; usd=20/day@caller counts over runs; may be repeated",
      parseBudget,
    )
    .option("--supervisor <who>", "what to do about a run that stalls is decided by: rules, model:TIER, none", parseSupervisor);
}

/** Those of a command, and the file they go before. */
export function boundOptions(
  given: BoundOptions & { readonly models?: string },
): BoundOptions & { readonly modelsFile?: string } {
  const { budget, supervisor, models } = given;
  return {
    ...(budget === undefined ? {} : { budget }),
    ...(supervisor === undefined ? {} : { supervisor }),
    ...(models === undefined ? {} : { modelsFile: models }),
  };
}

const FORM =
  /^(usd|tokens|seconds|calls)=(\d+(?:\.\d+)?)(?:\/(run|hour|day|month))?(?:@(tree|agent|caller|tenant|all)(?::(.+))?)?$/;

/** `usd=1`, `usd=20/day@caller`, `calls=100/hour@tenant:acme*`; several for the same become one. */
export function parseBudget(text: string, before: readonly Budget[] = []): readonly Budget[] {
  const found = FORM.exec(text);
  if (found === null)
    throw new InvalidArgumentError(
      "Write UNIT=AMOUNT, then /hour, /day or /month and @caller, @agent, @tenant or @all: usd=20/day@caller.",
    );
  const [, unit = "", amount = "", window = "run", scope, match] = found;
  const per = (scope ?? (window === "run" ? "tree" : "all")) as BudgetScope;
  const limit: Partial<BudgetAmounts> = { [unit]: Number(amount) };
  const budget: Budget = { per, window: window as BudgetWindow, limit, ...(match === undefined ? {} : { match }) };
  if (!before.some((one) => isSameBudget(one, budget))) return [...before, budget];
  return before.map((one) => (isSameBudget(one, budget) ? { ...one, limit: { ...one.limit, ...limit } } : one));
}

export function isSameBudget(one: Budget, other: Budget): boolean {
  return one.per === other.per && one.window === other.window && one.match === other.match;
}

export function parseSupervisor(text: string): string {
  if (isSupervisor(text)) return text;
  throw new InvalidArgumentError("Write rules, model:TIER (model:fast, model:openai/gpt-6-luna) or none.");
}

function isSupervisor(text: string): boolean {
  return text === "rules" || text === "none" || /^model:\S+$/.test(text);
}

/** What is said on the command line goes before what the file of models says. Rejects with `budget_invalid` or `usage`, naming the file. */
export async function boundsOf(
  models: Models,
  { modelsFile, budget = [], supervisor }: BoundOptions & { readonly modelsFile?: string },
): Promise<Pick<ExecutorOptions, "budgets" | "supervisor">> {
  const config = await readModelsConfig(modelsFile);
  const { file = "", budgets: shared = [] } = config;
  const budgets = [...budget, ...inFile(file, () => checkBudgets(shared))];
  const who = supervisor ?? inFile(file, () => checkSupervisor(config.supervisor));
  const decides = who === undefined ? undefined : toSupervisor(who, models);
  return {
    ...(budgets.length === 0 ? {} : { budgets }),
    ...(decides === undefined ? {} : { supervisor: decides }),
  };
}

function toSupervisor(who: string, models: Models): Supervisor | undefined {
  if (who === "none") return undefined;
  return who === "rules" ? rulesSupervisor() : modelSupervisor({ models, model: who.slice("model:".length) });
}

function checkSupervisor(who: string | undefined): string | undefined {
  if (who === undefined || isSupervisor(who)) return who;
  throw new ExecutusError("usage", `supervisor is ${JSON.stringify(who)}`, { hint: 'Write "rules", "model:TIER" or "none".' });
}

function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isExecutusError(error)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new ExecutusError(error.code, `${file}: ${error.message}`, { file, ...hint });
  }
}
