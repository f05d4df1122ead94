/** A ledger in memory: that of the memory store, and one to try own ledgers against. */
import type { BudgetQuery, BudgetRefusal, BudgetStanding, Ledger, LedgerChange } from "../../ports/budget.ts";
import { isPast, type LedgerBook, type LedgerEntry, matchesQuery, planChange } from "./ledger.ts";

/** How long a window that has ended can still be looked at. */
const KEPT_MS = 86_400_000;

export class MemoryLedger implements LedgerBook {
  readonly #standings: Map<string, BudgetStanding> = new Map();
  readonly #entries: Map<string, Map<string, LedgerEntry>> = new Map();
  /** Begin of the latest window, ms since the epoch. */
  #latest = -Infinity;

  counters(key: string): BudgetStanding | undefined {
    return this.#standings.get(key);
  }

  entry(run: string, effect: string): LedgerEntry | undefined {
    return this.#entries.get(run)?.get(effect);
  }

  open(run: string): readonly LedgerEntry[] {
    return [...(this.#entries.get(run)?.values() ?? [])].filter(({ settled }) => !settled);
  }

  /** Undefined: done. Else nothing was changed. */
  change(run: string, change: LedgerChange | undefined): BudgetRefusal | undefined {
    if (change === undefined) return undefined;
    const planned = planChange(this, run, change);
    if (!planned.ok) return planned.refusal;
    const { accounts, entries, close } = planned.writes;
    for (const [key, { account, counters }] of accounts) {
      if (!this.#standings.has(key)) this.#forgetPast(account.since);
      this.#standings.set(key, { ...account, ...counters });
    }
    if (close) this.#entries.delete(run);
    else this.#remember(run, entries);
    return undefined;
  }

  /** Looked for when a window begins that is later than all before. */
  #forgetPast(now: number): void {
    if (now <= this.#latest) return;
    this.#latest = now;
    for (const [key, standing] of this.#standings) if (isPast(standing, now - KEPT_MS)) this.#standings.delete(key);
  }

  #remember(run: string, entries: readonly LedgerEntry[]): void {
    const known = this.#entries.get(run) ?? new Map<string, LedgerEntry>();
    for (const entry of entries) known.set(entry.effect, entry);
    this.#entries.set(run, known);
  }

  /** The run is gone, and what was counted for its tree alone. */
  remove(run: string): void {
    this.#entries.delete(run);
    for (const [key, { root }] of this.#standings) if (root === run) this.#standings.delete(key);
  }

  standings(query: BudgetQuery = {}): readonly BudgetStanding[] {
    return [...this.#standings.values()]
      .filter((standing) => matchesQuery(standing, query))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/**
 * A ledger of one's own in memory, beside any store.
 *
 * @example
 * const executor = createExecutor({ models, store, ledger: createMemoryLedger(), budgets });
 */
export function createMemoryLedger(): Ledger {
  const ledger = new MemoryLedger();
  return {
    apply: async (run, change) => ledger.change(run, change),
    standings: async (query) => ledger.standings(query),
  };
}
