/** Any order of reserving, settling, repeating and ending: the ledger never lets too much through and never forgets anything. */
import { DatabaseSync } from "node:sqlite";
import { assert, constant, constantFrom, integer, oneof, property, record, array } from "fast-check";
import { describe, expect, it } from "vitest";
import type { BudgetAmounts, BudgetRefusal, BudgetStanding, LedgerChange, LimitedAccount } from "../../ports/budget.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { createLedger, createReadStandings, LEDGER_TABLES } from "./sqlite-ledger.ts";

interface TestLedger {
  readonly change: (run: string, change: LedgerChange) => BudgetRefusal | undefined;
  readonly standings: () => readonly BudgetStanding[];
}

function inMemory(): TestLedger {
  const ledger = new MemoryLedger();
  return { change: (run, change) => ledger.change(run, change), standings: () => ledger.standings() };
}

function inSqlite(): TestLedger {
  const db = new DatabaseSync(":memory:");
  db.exec(LEDGER_TABLES);
  const prepare = createLedger(db);
  const standings = createReadStandings(db);
  return {
    change: (run, change) => {
      const prepared = prepare(run, change);
      prepared.write();
      return prepared.refusal;
    },
    standings: () => standings(),
  };
}

const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };
const LIMIT = { usd: 10, calls: 20 };
const account = (key: string): LimitedAccount => ({ key, per: "tenant", name: key, window: "day", since: 0, limit: LIMIT });
const ALL = account("all");

type Step =
  | { readonly do: "reserve" | "repeat"; readonly run: string; readonly usd: number }
  | { readonly do: "settle"; readonly run: string; readonly usd: number | undefined }
  | { readonly do: "close"; readonly run: string };

const run = constantFrom("a", "b", "c");
const cents = integer({ min: 0, max: 400 }).map((cents) => cents / 100);
const step = oneof(
  record({ do: constantFrom("reserve", "repeat"), run, usd: cents }),
  record({ do: constant("settle"), run, usd: oneof(cents, constant(undefined)) }),
  record({ do: constant("close"), run }),
) as unknown as Parameters<typeof array<Step>>[0];

/** What a person with a pencil would note down. */
class Pencil {
  readonly open = new Map<string, { effect: string; usd: number }>();
  readonly calls = new Map<string, number>();
  used = 0;
  usedCalls = 0;

  get reserved(): number {
    return [...this.open.values()].reduce((sum, { usd }) => sum + usd, 0);
  }
}

/** True: the ledger and the pencil agree about what was done. */
function play(ledger: TestLedger, pencil: Pencil, step: Step): boolean {
  const open = pencil.open.get(step.run);
  if (step.do === "close") {
    ledger.change(step.run, { close: true });
    if (open !== undefined) end(pencil, step.run, open.usd);
    return true;
  }
  if (step.do === "settle") return open === undefined || settle(ledger, pencil, { ...step, open });
  return open === undefined ? reserve(ledger, pencil, step) : step.do === "reserve" || repeat(ledger, pencil, { ...step, open });
}

interface Open {
  readonly effect: string;
  readonly usd: number;
}

type Doing = { readonly run: string; readonly usd: number | undefined };

function settle(ledger: TestLedger, pencil: Pencil, { run, usd, open }: Doing & { readonly open: Open }): boolean {
  const amount = { calls: 1, ...(usd === undefined ? {} : { usd }) };
  // Said twice, as after a crash.
  for (let i = 0; i < 2; i++) ledger.change(run, { settle: [{ effect: open.effect, amount, accounts: [ALL, account(run)] }] });
  end(pencil, run, usd ?? open.usd);
  return true;
}

function repeat(ledger: TestLedger, _pencil: Pencil, { run, usd = 0, open }: Doing & { readonly open: Open }): boolean {
  return ledger.change(run, reservation(run, open.effect, usd)) === undefined;
}

function reserve(ledger: TestLedger, pencil: Pencil, { run, usd = 0 }: Doing): boolean {
  const number = (pencil.calls.get(run) ?? 0) + 1;
  const effect = `model:${number}`;
  const refusal = ledger.change(run, reservation(run, effect, usd));
  const taken = round(pencil.used + pencil.reserved);
  const calls = pencil.usedCalls + pencil.open.size;
  const fits = round(taken + usd) <= LIMIT.usd && taken < LIMIT.usd && calls < LIMIT.calls;
  if (fits) {
    pencil.calls.set(run, number);
    pencil.open.set(run, { effect, usd });
  }
  return (refusal === undefined) === fits;
}

function reservation(run: string, effect: string, usd: number): LedgerChange {
  return { reserve: { effect, amount: { ...NOTHING, usd, calls: 1 }, spare: NOTHING, accounts: [ALL, account(run)] } };
}

function end(pencil: Pencil, run: string, usd: number): void {
  pencil.open.delete(run);
  pencil.used = round(pencil.used + usd);
  pencil.usedCalls++;
}

function round(amount: number): number {
  return Math.round(amount * 1e9) / 1e9;
}

describe.each([
  ["in memory", inMemory],
  ["in SQLite", inSqlite],
])("a ledger %s", (_where, open) => {
  it("S06 S31 agrees with a pencil, whatever happens in whatever order", () => {
    assert(
      property(array(step, { maxLength: 60 }), (steps) => {
        const ledger = open();
        const pencil = new Pencil();
        for (const step of steps) {
          expect(play(ledger, pencil, step)).toBe(true);
          const all = ledger.standings().find(({ key }) => key === "all");
          expect(all?.used.usd ?? 0).toBeCloseTo(pencil.used, 9);
          expect(all?.reserved.usd ?? 0).toBeCloseTo(pencil.reserved, 9);
          expect(all?.used.calls ?? 0).toBe(pencil.usedCalls);
          // Each run's own account and the shared one tell the same story.
          const own = ledger.standings().filter(({ key }) => key !== "all");
          expect(own.reduce((sum, { used }) => sum + used.usd, 0)).toBeCloseTo(pencil.used, 9);
        }
        for (const run of ["a", "b", "c"]) ledger.change(run, { close: true });
        expect(ledger.standings().every(({ reserved }) => reserved.usd === 0 && reserved.calls === 0)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

it("a ledger in memory forgets a window a day after it ended", () => {
  const ledger = new MemoryLedger();
  const hour = (n: number): LimitedAccount => ({ ...account(`hour ${n}`), window: "hour", since: n * 3_600_000 });
  const spend = (n: number): unknown =>
    ledger.change("a", { settle: [{ effect: `${n}`, amount: { usd: 1 }, accounts: [hour(n)] }] });
  ledger.change("b", { reserve: { effect: "open", amount: { ...NOTHING, usd: 1 }, spare: NOTHING, accounts: [hour(1)] } });
  for (let n = 0; n <= 30; n++) spend(n);
  expect(ledger.standings().map(({ since }) => since / 3_600_000)).toEqual(
    [1, ...Array.from({ length: 25 }, (_, i) => i + 6)].toSorted((a, b) => (`hour ${a}` < `hour ${b}` ? -1 : 1)),
  );
});
