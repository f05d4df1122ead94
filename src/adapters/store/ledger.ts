/**
 * What a change does to a ledger, whatever the ledger is kept in. It is worked out on what the ledger says now and then written
 * by whoever keeps it, so a change that is refused has written nothing.
 */
import type {
  BudgetAmounts,
  BudgetQuery,
  BudgetRefusal,
  BudgetReservation,
  BudgetSettlement,
  BudgetStanding,
  LedgerChange,
  LimitedAccount,
} from "../../ports/budget.ts";

export interface Counters {
  readonly used: BudgetAmounts;
  readonly reserved: BudgetAmounts;
}

/** An effect of a run: reserved, then settled once. */
export interface LedgerEntry {
  readonly effect: string;
  readonly amount: BudgetAmounts;
  readonly accounts: readonly LimitedAccount[];
  readonly settled: boolean;
}

/** Where a ledger is kept: only what is needed to work out a change. */
export interface LedgerBook {
  counters(key: string): Counters | undefined;
  entry(run: string, effect: string): LedgerEntry | undefined;
  /** Reserved and not settled. */
  open(run: string): readonly LedgerEntry[];
}

export interface LedgerWrites {
  readonly accounts: ReadonlyMap<string, { readonly account: LimitedAccount; readonly counters: Counters }>;
  readonly entries: readonly LedgerEntry[];
  readonly close: boolean;
}

export type LedgerPlan =
  | { readonly ok: true; readonly writes: LedgerWrites }
  | { readonly ok: false; readonly refusal: BudgetRefusal };

export const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

const UNITS = ["usd", "tokens", "seconds", "calls"] as const;

export function planChange(book: LedgerBook, run: string, change: LedgerChange): LedgerPlan {
  const draft = new Draft(book, run);
  for (const settlement of change.settle ?? []) draft.settle(settlement);
  if (change.close === true) draft.close();
  const refusal = change.reserve === undefined ? undefined : draft.reserve(change.reserve);
  if (refusal !== undefined) return { ok: false, refusal };
  return { ok: true, writes: { accounts: draft.accounts, entries: [...draft.entries.values()], close: change.close === true } };
}

class Draft {
  readonly accounts: Map<string, { account: LimitedAccount; counters: Counters }> = new Map();
  readonly entries: Map<string, LedgerEntry> = new Map();
  readonly #book: LedgerBook;
  readonly #run: string;

  constructor(book: LedgerBook, run: string) {
    this.#book = book;
    this.#run = run;
  }

  settle({ effect, amount, accounts }: BudgetSettlement): void {
    const entry = this.#entry(effect);
    if (entry?.settled === true) return;
    if (entry !== undefined) return this.#settleEntry(entry, { ...entry.amount, ...amount });
    const used = { ...NOTHING, ...amount };
    this.entries.set(effect, { effect, amount: used, accounts, settled: true });
    for (const account of accounts) this.#add(account, { used, reserved: NOTHING });
  }

  #settleEntry(entry: LedgerEntry, used: BudgetAmounts): void {
    this.entries.set(entry.effect, { ...entry, settled: true });
    for (const account of entry.accounts) this.#add(account, { used, reserved: negative(entry.amount) });
  }

  close(): void {
    for (const entry of this.#book.open(this.#run)) {
      if (this.#entry(entry.effect)?.settled !== true) this.#settleEntry(entry, entry.amount);
    }
  }

  reserve({ effect, amount, spare, accounts }: BudgetReservation): BudgetRefusal | undefined {
    if (this.#entry(effect) !== undefined) return undefined;
    for (const account of accounts) {
      const full = fullUnit(account, this.#counters(account.key), plus(amount, spare));
      if (full === undefined) continue;
      const isFullAtOnce = accounts.some((one) => fullUnit(one, this.#counters(one.key), amount) !== undefined);
      return { account, ...full, asked: amount[full.unit], wrapUp: !isFullAtOnce };
    }
    this.entries.set(effect, { effect, amount, accounts, settled: false });
    for (const account of accounts) this.#add(account, { used: NOTHING, reserved: amount });
    return undefined;
  }

  #entry(effect: string): LedgerEntry | undefined {
    return this.entries.get(effect) ?? this.#book.entry(this.#run, effect);
  }

  #counters(key: string): Counters {
    return this.accounts.get(key)?.counters ?? this.#book.counters(key) ?? { used: NOTHING, reserved: NOTHING };
  }

  #add(account: LimitedAccount, { used, reserved }: Counters): void {
    const before = this.#counters(account.key);
    const counters = { used: plus(before.used, used), reserved: plus(before.reserved, reserved) };
    this.accounts.set(account.key, { account, counters });
  }
}

type Full = Pick<BudgetRefusal, "unit" | "limit" | "used" | "reserved">;

/** A call that is expected to need nothing still needs an account that is not used up. */
function fullUnit(account: LimitedAccount, { used, reserved }: Counters, asked: BudgetAmounts): Full | undefined {
  for (const unit of UNITS) {
    const limit = account.limit[unit];
    if (limit === undefined) continue;
    const taken = round(used[unit] + reserved[unit]);
    if (taken >= limit || round(taken + asked[unit]) > limit) {
      return { unit, limit, used: used[unit], reserved: reserved[unit] };
    }
  }
  return undefined;
}

function plus(a: BudgetAmounts, b: BudgetAmounts): BudgetAmounts {
  return {
    usd: round(a.usd + b.usd),
    tokens: round(a.tokens + b.tokens),
    seconds: round(a.seconds + b.seconds),
    calls: a.calls + b.calls,
  };
}

function negative({ usd, tokens, seconds, calls }: BudgetAmounts): BudgetAmounts {
  return { usd: -usd, tokens: -tokens, seconds: -seconds, calls: -calls };
}

/** A billionth of a dollar is enough, and keeps what is added and taken away again from leaving a trace. */
function round(amount: number): number {
  return Math.round(amount * 1e9) / 1e9;
}

/** Whether a list of accounts is to have this one. */
export function matchesQuery(account: Omit<BudgetStanding, "limit" | "used" | "reserved">, query: BudgetQuery): boolean {
  if (query.per !== undefined && account.per !== query.per) return false;
  if (query.name !== undefined && account.name !== query.name) return false;
  return query.at === undefined || endOf(account) > query.at;
}

/** A calendar window that ended before this, of which nothing is reserved any more: only who looks back needs it. */
export function isPast({ reserved, ...account }: Pick<BudgetStanding, "window" | "since" | "reserved">, before: number): boolean {
  return endOf(account) <= before && Object.values(reserved).every((amount) => amount === 0);
}

const DAY_MS = 86_400_000;

function endOf({ window, since }: Pick<BudgetStanding, "window" | "since">): number {
  if (window === "run") return Infinity;
  if (window === "hour") return since + 3_600_000;
  if (window === "day") return since + DAY_MS;
  const start = new Date(since);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1);
}
