/** The ledger of budgets in the store's file. A run without budgets never comes here. */
import type { DatabaseSync } from "node:sqlite";
import type {
  BudgetAmounts,
  BudgetQuery,
  BudgetRefusal,
  BudgetStanding,
  LedgerChange,
  LimitedAccount,
} from "../../ports/budget.ts";
import {
  type Counters,
  type LedgerBook,
  type LedgerEntry,
  type LedgerWrites,
  matchesQuery,
  planChange,
  isPast,
} from "./ledger.ts";

/** Amounts and limits are JSON: nobody asks for them by value. */
export const LEDGER_TABLES = `
CREATE TABLE ledger_accounts (
  account TEXT PRIMARY KEY,
  per TEXT NOT NULL,
  name TEXT NOT NULL,
  window TEXT NOT NULL,
  since REAL NOT NULL,
  root TEXT,
  limits TEXT NOT NULL,
  used TEXT NOT NULL,
  reserved TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_accounts_by_root ON ledger_accounts (root) WHERE root IS NOT NULL;

CREATE TABLE ledger_entries (
  run TEXT NOT NULL,
  effect TEXT NOT NULL,
  amount TEXT NOT NULL,
  accounts TEXT NOT NULL,
  settled INTEGER NOT NULL,
  PRIMARY KEY (run, effect)
) STRICT, WITHOUT ROWID;
`;

/** Inside a write: what to write once the whole append is sure to happen, or why it must not. */
export type PrepareLedger = (run: string, change: LedgerChange | undefined) => PreparedLedger;

export interface PreparedLedger {
  readonly refusal?: BudgetRefusal;
  readonly write: () => void;
}

export const NO_CHANGE: PreparedLedger = { write: () => {} };

/** Statements are prepared with the first change: most stores never have one. */
export function createLedger(db: DatabaseSync): PrepareLedger {
  let tables: Tables | undefined;
  return (run, change) => {
    if (change === undefined) return NO_CHANGE;
    tables ??= openTables(db);
    const { book, write } = tables;
    const planned = planChange(book, run, change);
    return planned.ok ? { write: () => write(run, planned.writes) } : { ...NO_CHANGE, refusal: planned.refusal };
  };
}

interface Tables {
  readonly book: LedgerBook;
  readonly write: (run: string, writes: LedgerWrites) => void;
}

interface EntryRow {
  readonly effect: string;
  readonly amount: string;
  readonly accounts: string;
  readonly settled: number;
}

function openTables(db: DatabaseSync): Tables {
  return { book: openBook(db), write: createWrite(db) };
}

function openBook(db: DatabaseSync): LedgerBook {
  const counters = db.prepare("SELECT used, reserved FROM ledger_accounts WHERE account = ?");
  const entry = db.prepare("SELECT * FROM ledger_entries WHERE run = ? AND effect = ?");
  const open = db.prepare("SELECT * FROM ledger_entries WHERE run = ? AND settled = 0");
  return {
    counters: (key) => {
      const row = counters.get(key);
      return row === undefined ? undefined : toCounters(row as unknown as CounterColumns);
    },
    entry: (run, effect) => {
      const row = entry.get(run, effect);
      return row === undefined ? undefined : toEntry(row as unknown as EntryRow);
    },
    open: (run) => open.all(run).map((row) => toEntry(row as unknown as EntryRow)),
  };
}

function createWrite(db: DatabaseSync): Tables["write"] {
  const account = db.prepare(`INSERT INTO ledger_accounts (account, per, name, window, since, root, limits, used, reserved)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (account) DO UPDATE SET limits = excluded.limits, used = excluded.used, reserved = excluded.reserved`);
  const entry = db.prepare(`INSERT INTO ledger_entries (run, effect, amount, accounts, settled) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (run, effect) DO UPDATE SET settled = excluded.settled, accounts = excluded.accounts`);
  const forget = db.prepare("DELETE FROM ledger_entries WHERE run = ?");
  return (run, { accounts, entries, close }) => {
    for (const [key, { account: of, counters }] of accounts) {
      const amounts = [of.limit, counters.used, counters.reserved].map((value) => JSON.stringify(value)) as [
        string,
        string,
        string,
      ];
      account.run(key, of.per, of.name, of.window, of.since, of.root ?? null, ...amounts);
    }
    if (close) return void forget.run(run);
    for (const { effect, amount, accounts: of, settled } of entries) {
      entry.run(run, effect, JSON.stringify(amount), settled ? "[]" : JSON.stringify(of), Number(settled));
    }
  };
}

interface CounterColumns {
  readonly used: string;
  readonly reserved: string;
}

function toCounters(row: CounterColumns): Counters {
  return { used: JSON.parse(row.used) as BudgetAmounts, reserved: JSON.parse(row.reserved) as BudgetAmounts };
}

function toEntry({ effect, amount, accounts, settled }: EntryRow): LedgerEntry {
  return {
    effect,
    amount: JSON.parse(amount) as BudgetAmounts,
    accounts: JSON.parse(accounts) as readonly LimitedAccount[],
    settled: settled === 1,
  };
}

interface AccountRow extends CounterColumns {
  readonly account: string;
  readonly per: BudgetStanding["per"];
  readonly name: string;
  readonly window: BudgetStanding["window"];
  readonly since: number;
  readonly root: string | null;
  readonly limits: string;
}

export type ReadStandings = (query?: BudgetQuery) => readonly BudgetStanding[];

export function createReadStandings(db: DatabaseSync): ReadStandings {
  return (query = {}) =>
    db
      .prepare("SELECT * FROM ledger_accounts ORDER BY account")
      .all()
      .map((row) => toStanding(row as unknown as AccountRow))
      .filter((standing) => matchesQuery(standing, query));
}

function toStanding({ account, limits, root, per, name, window, since, ...row }: AccountRow): BudgetStanding {
  const limit = JSON.parse(limits) as BudgetStanding["limit"];
  return { key: account, per, name, window, since, ...(root === null ? {} : { root }), limit, ...toCounters(row) };
}

/** Inside a write: a removed run leaves nothing behind that was counted for it alone. */
export function createForgetRun(db: DatabaseSync): (run: string) => void {
  const entries = db.prepare("DELETE FROM ledger_entries WHERE run = ?");
  const accounts = db.prepare("DELETE FROM ledger_accounts WHERE root = ?");
  return (run) => {
    entries.run(run);
    accounts.run(run);
  };
}

/** Inside a write: calendar windows that ended before this. How many went. */
export type ForgetWindows = (endedBefore: number) => number;

export function createForgetWindows(db: DatabaseSync): ForgetWindows {
  return (endedBefore) => {
    const rows = db.prepare("SELECT * FROM ledger_accounts WHERE window <> 'run'").all() as unknown as AccountRow[];
    const past = rows.filter((row) => isPast(toStanding(row), endedBefore));
    const remove = db.prepare("DELETE FROM ledger_accounts WHERE account = ?");
    for (const { account } of past) remove.run(account);
    return past.length;
  };
}
