/** Which accounts a run is counted on: one for each line of `budgets` that is about it, in the window of the moment. */
import { ExecutusError } from "../kernel/errors.ts";
import { matchesPattern } from "../kernel/patterns.ts";
import type { Budget, BudgetAmounts, BudgetScope, BudgetWindow, LimitedAccount } from "../ports/budget.ts";

/** What of a run decides about its accounts. */
export interface Charged {
  readonly run: string;
  readonly agent: string;
  /** The run at the top of its tree; absent: itself. */
  readonly root?: string | undefined;
  readonly caller?: string | undefined;
  readonly tenant?: string | undefined;
}

export function accountsOf(budgets: readonly Budget[], charged: Charged, at: number): readonly LimitedAccount[] {
  const accounts: LimitedAccount[] = [];
  for (const budget of budgets) {
    const name = nameOf(budget.per, charged);
    if (budget.match !== undefined && !matchesPattern(budget.match, name)) continue;
    if (accounts.some((account) => account.per === budget.per && account.window === budget.window)) continue;
    accounts.push(toAccount(budget, name, { root: charged.root ?? charged.run, at }));
  }
  return accounts;
}

function nameOf(per: BudgetScope, { run, agent, root = run, caller = "", tenant = "" }: Charged): string {
  const names: Readonly<Record<BudgetScope, string>> = { tenant, caller, tree: root, agent, all: "" };
  return names[per];
}

function toAccount(
  { per, window, limit }: Budget,
  name: string,
  about: { readonly root: string; readonly at: number },
): LimitedAccount {
  if (window === "run") {
    return { key: `${per} run ${about.root} ${name}`, per, name, window, since: 0, root: about.root, limit };
  }
  const start = startOf(window, about.at);
  return { key: `${per} ${window} ${start} ${name}`, per, name, window, since: Date.parse(start), limit };
}

/** Windows are those of the calendar in UTC, so that everybody can tell when one ends. */
function startOf(window: Exclude<BudgetWindow, "run">, at: number): string {
  const now = new Date(at).toISOString();
  if (window === "hour") return `${now.slice(0, 13)}:00Z`;
  return window === "day" ? now.slice(0, 10) : now.slice(0, 7);
}

const SCOPES: readonly string[] = ["tenant", "caller", "tree", "agent", "all"] satisfies readonly BudgetScope[];
const WINDOWS: readonly string[] = ["run", "hour", "day", "month"] satisfies readonly BudgetWindow[];
const UNITS: readonly string[] = ["usd", "tokens", "seconds", "calls"] satisfies readonly (keyof BudgetAmounts)[];
const NAMELESS: readonly string[] = ["tree", "all"] satisfies readonly BudgetScope[];

/** Budgets are written by hand: what cannot be meant is refused before it lets anything through. Throws `budget_invalid`. */
export function checkBudgets(budgets: readonly Budget[]): readonly Budget[] {
  for (const [i, budget] of budgets.entries()) {
    const problem = problemOf(budget);
    if (problem === undefined) continue;
    throw new ExecutusError("budget_invalid", `budgets[${i}]: ${problem.what}`, { hint: problem.hint });
  }
  return budgets;
}

function problemOf({ per, match, window, limit }: Budget): { readonly what: string; readonly hint: string } | undefined {
  if (!SCOPES.includes(per)) return { what: `\`per\` is ${JSON.stringify(per)}`, hint: `Use one of ${SCOPES.join(", ")}.` };
  if (!WINDOWS.includes(window))
    return { what: `\`window\` is ${JSON.stringify(window)}`, hint: `Use one of ${WINDOWS.join(", ")}.` };
  if (match !== undefined && NAMELESS.includes(per)) {
    return {
      what: `\`match\` says nothing with \`per: "${per}"\``,
      hint: "Leave it out, or use it with tenant, caller or agent.",
    };
  }
  const units = Object.entries(limit ?? {}) as [string, unknown][];
  const unknown = units.find(([unit]) => !UNITS.includes(unit));
  if (unknown !== undefined) return { what: `\`limit.${unknown[0]}\` is not a unit`, hint: `Use ${UNITS.join(", ")}.` };
  const wrong = units.find(([, amount]) => typeof amount !== "number" || !(amount >= 0));
  if (wrong !== undefined) return { what: `\`limit.${wrong[0]}\` is ${String(wrong[1])}`, hint: "Use a number, 0 or more." };
  if (units.length === 0) return { what: "it has no limit", hint: `Give \`limit\` at least one of ${UNITS.join(", ")}.` };
  return undefined;
}
