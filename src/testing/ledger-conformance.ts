import assert from "node:assert/strict";
import type { BudgetAmounts, BudgetRefusal, BudgetStanding, Ledger, LedgerChange, LimitedAccount } from "../ports/budget.ts";
import { type Subject, suite } from "./conformance.ts";
import type { TestApi } from "./store-conformance.ts";

export interface LedgerUnderTest extends Subject {
  /** Empty. */
  readonly ledger: Ledger;
}

const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };
const of = (calls: number, tokens = 0): BudgetAmounts => ({ ...NOTHING, calls, tokens });
const account = (calls: number, name = "acme"): LimitedAccount => ({
  key: `tenant day 2026-01-01 ${name}`,
  per: "tenant",
  name,
  window: "day",
  since: Date.UTC(2026, 0, 1),
  limit: { calls },
});
const reserve = (effect: string, calls: number, accounts: readonly LimitedAccount[]): LedgerChange => ({
  reserve: { effect, amount: of(calls), spare: NOTHING, accounts },
});

async function standing({ ledger }: LedgerUnderTest, name = "acme"): Promise<BudgetStanding> {
  const found = (await ledger.standings({ name })).at(0);
  assert.ok(found !== undefined, `nothing is known of ${name}`);
  return found;
}

/**
 * What every Ledger must do (L1 to L3 of the port).
 *
 * @example
 * ledgerConformance({ describe, it }, "my ledger", async () => ({ ledger: await openMyLedger() }));
 */
export function ledgerConformance(api: TestApi, name: string, open: () => Promise<LedgerUnderTest>): void {
  suite(api, `${name} keeps the promises of a ledger`, {
    open,
    tests: (test) => {
      test("reserves up to the limit, and refuses what does not fit", async (subject) => {
        const { ledger } = subject;
        assert.equal(await ledger.apply("a", reserve("model:0.1", 2, [account(3)])), undefined);
        const refusal = await ledger.apply("b", reserve("model:0.1", 2, [account(3)]));
        assert.equal(refusal?.unit, "calls");
        assert.deepEqual([refusal?.limit, refusal?.used, refusal?.reserved, refusal?.asked], [3, 0, 2, 2]);
        assert.equal(await ledger.apply("b", reserve("model:0.1", 1, [account(3)])), undefined);
        assert.deepEqual((await standing(subject)).reserved, of(3));
      });

      test("changes nothing when one of several accounts refuses", async (subject) => {
        const { ledger } = subject;
        await ledger.apply("a", reserve("model:0.1", 1, [account(9), account(1, "globex")]));
        const change: LedgerChange = {
          settle: [{ effect: "model:0.1", amount: of(1), accounts: [account(9), account(1, "globex")] }],
          ...reserve("model:1.1", 1, [account(9), account(1, "globex")]),
        };
        assert.notEqual(await ledger.apply("a", change), undefined);
        assert.deepEqual((await standing(subject)).used, NOTHING, "a refused change was settled");
        assert.deepEqual((await standing(subject)).reserved, of(1));
      });

      test("hears the same twice and counts it once", async (subject) => {
        const { ledger } = subject;
        const accounts = [account(9)];
        const settle: LedgerChange = { settle: [{ effect: "model:0.1", amount: of(1, 50), accounts }] };
        for (let i = 0; i < 2; i++) assert.equal(await ledger.apply("a", reserve("model:0.1", 2, accounts)), undefined);
        assert.deepEqual((await standing(subject)).reserved, of(2));
        for (let i = 0; i < 2; i++) await ledger.apply("a", settle);
        const { used, reserved } = await standing(subject);
        assert.deepEqual([used, reserved], [of(1, 50), NOTHING]);
        // The same effect of another run is another one.
        await ledger.apply("b", settle);
        assert.deepEqual((await standing(subject)).used, of(2, 100));
      });

      test("takes what nobody knows for what was reserved", async (subject) => {
        const { ledger } = subject;
        await ledger.apply("a", reserve("model:0.1", 2, [account(9)]));
        await ledger.apply("a", { settle: [{ effect: "model:0.1", amount: { tokens: 7 }, accounts: [account(9)] }] });
        assert.deepEqual((await standing(subject)).used, of(2, 7));
      });

      test("counts what is still reserved as used when the run has ended", async (subject) => {
        const { ledger } = subject;
        await ledger.apply("a", reserve("model:0.1", 2, [account(9)]));
        await ledger.apply("a", { close: true });
        const { used, reserved } = await standing(subject);
        assert.deepEqual([used, reserved], [of(2), NOTHING]);
      });

      test("never gives more than there is to those who ask at once", async (subject) => {
        const { ledger } = subject;
        const asked = Array.from({ length: 20 }, (_, i) => ledger.apply(`r${i}`, reserve("model:0.1", 1, [account(5)])));
        const answers: readonly (BudgetRefusal | undefined)[] = await Promise.all(asked);
        assert.equal(answers.filter((refusal) => refusal === undefined).length, 5);
        assert.deepEqual((await standing(subject)).reserved, of(5));
      });

      test("lists what it is asked for", async ({ ledger }) => {
        await ledger.apply("a", reserve("model:0.1", 1, [account(9), account(9, "globex")]));
        assert.equal((await ledger.standings()).length, 2);
        assert.deepEqual(
          (await ledger.standings({ name: "globex" })).map((found) => found.name),
          ["globex"],
        );
        assert.deepEqual(await ledger.standings({ per: "caller" }), []);
        assert.deepEqual(await ledger.standings({ at: Date.UTC(2026, 0, 3) }), [], "a day that has ended");
        assert.equal((await ledger.standings({ at: Date.UTC(2026, 0, 1, 12) })).length, 2);
      });
    },
  });
}
