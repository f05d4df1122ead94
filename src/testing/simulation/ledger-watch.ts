/** The ledger of a simulated world: it never promises more than there is, and nothing stays promised. */
import type { RunState } from "../../kernel/state.ts";
import type { Budget, BudgetStanding, LedgerChange } from "../../ports/budget.ts";
import type { RunEvent } from "../../ports/events.ts";
import type { RunRow } from "../../ports/store.ts";
import type { Scene } from "./scene.ts";

const UNITS = ["usd", "tokens", "seconds", "calls"] as const;

export class LedgerWatch {
  /** As the executors have them. */
  budgets: readonly Budget[] = [];
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Right after it was made: what is reserved is there. */
  async changed(run: string, { reserve }: LedgerChange): Promise<void> {
    if (reserve === undefined) return;
    const keys = reserve.accounts.map(({ key }) => key);
    for (const standing of (await this.#standings()).filter(({ key }) => keys.includes(key))) {
      const { key, used, reserved, limit } = standing;
      const over = UNITS.find((unit) => used[unit] + reserved[unit] > (limit[unit] ?? Infinity) + NEARLY);
      if (over !== undefined)
        this.#scene.problem(
          `${run} reserves ${reserve.amount[over]} ${over} of ${key}: ${used[over]} used, ${reserved[over]} reserved, the limit is ${limit[over]}`,
        );
    }
  }

  /** After everything that happens: room is kept for the calls that are under way, and for no others. */
  async look(): Promise<void> {
    if (this.budgets.length === 0) return;
    const states = [...this.#scene.runs.values()].flatMap(({ check: { state } }) => (state?.finished === false ? state : []));
    const models = states.filter(({ model }) => model.inFlight).length;
    const underWay = models + sumOf(states.map(callsBeside));
    const standings = await this.#standings();
    for (const budget of this.budgets) {
      const reserved = sumOf(standings.filter((standing) => isOf(budget, standing)).map((standing) => standing.reserved.calls));
      if (reserved < models || reserved > underWay)
        this.#scene.problem(
          `${models} model calls are under way, ${underWay - models} beside them, and per ${budget.per} and ${budget.window} ${reserved} are reserved`,
        );
    }
  }

  /** Every model call was counted once, and nothing is kept for one. */
  async conclude(rows: readonly RunRow[]): Promise<void> {
    if (this.budgets.length === 0) return;
    const standings = await this.#standings();
    for (const { key, reserved } of standings) {
      const left = UNITS.find((unit) => Math.abs(reserved[unit]) > NEARLY);
      if (left !== undefined)
        this.#scene.problem(`all runs have ended, and ${reserved[left]} ${left} of ${key} are still reserved`);
    }
    const made = await this.#callsOf(rows);
    for (const budget of this.budgets) {
      if (budget.match !== undefined) continue;
      const used = sumOf(standings.filter((standing) => isOf(budget, standing)).map((standing) => standing.used.calls));
      if (used < made.started || used > made.started + made.beside)
        this.#scene.problem(
          `the journals have ${made.started} model calls and ${made.beside} beside them, and per ${budget.per} and ${budget.window} ${used} are counted`,
        );
    }
  }

  async #callsOf(rows: readonly RunRow[]): Promise<{ readonly started: number; readonly beside: number }> {
    const calls = { started: 0, beside: 0 };
    for (const { run } of rows) {
      const events = await this.#scene.store.journal.read(run);
      const own = events.slice(events.findLastIndex(({ type }) => type === "run.forked") + 1);
      calls.started += own.filter(({ type }) => type === "model.started").length;
      calls.beside += own.filter(mayCallBeside).length;
    }
    return calls;
  }

  #standings(): Promise<readonly BudgetStanding[]> {
    return this.#scene.store.budgets?.standings() ?? Promise.resolve([]);
  }
}

/** Rounding of dollars, not of promises. */
const NEARLY = 1e-6;

function isOf({ per, window }: Budget, standing: BudgetStanding): boolean {
  return standing.per === per && standing.window === window;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** For a summary, and for an opinion: these have no start in the journal. */
function callsBeside({ compaction, supervision }: RunState): number {
  return [compaction, supervision.stall].filter((call) => call !== undefined).length;
}

/** A summary or an opinion, or one that was lost with its process. */
function mayCallBeside({ type }: RunEvent): boolean {
  return ["context.compacted", "compaction.failed", "supervisor.decided", "attempt.started", "run.settling"].includes(type);
}
