import assert from "node:assert/strict";
import type { BudgetAmounts, BudgetStanding, LedgerChange, LimitedAccount } from "../ports/budget.ts";
import type { Store } from "../ports/store.ts";
import { batch, FINISHED, newRun, SETTLING } from "./store-conformance-data.ts";
import type { StoreTest } from "./store-conformance.ts";

const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

function amount(usd: number, calls = 1): BudgetAmounts {
  return { ...NOTHING, usd, calls };
}

function account(usd: number, name = "acme"): LimitedAccount {
  return {
    key: `tenant day 2026-01-01 ${name}`,
    per: "tenant",
    name,
    window: "day",
    since: Date.UTC(2026, 0, 1),
    limit: { usd },
  };
}

function reserve(effect: string, usd: number, of: LimitedAccount): LedgerChange {
  return { reserve: { effect, amount: amount(usd), spare: NOTHING, accounts: [of] } };
}

function settle(effect: string, used: Partial<BudgetAmounts>, of: LimitedAccount): LedgerChange {
  return { settle: [{ effect, amount: used, accounts: [of] }] };
}

async function standing(store: Store): Promise<BudgetStanding | undefined> {
  return (await store.budgets?.standings())?.[0];
}

async function dollars(store: Store): Promise<readonly number[]> {
  const found = await standing(store);
  return [found?.used.usd ?? Number.NaN, found?.reserved.usd ?? Number.NaN];
}

/** For stores that keep a ledger. */
export function ledgerConformance(test: StoreTest): void {
  reserving(test);
  settling(test);
  ending(test);
}

function reserving(test: StoreTest): void {
  test("reserves with the first events of a run, and shows it", async ({ store }) => {
    const of = account(1);
    assert.deepEqual(await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) })), { created: true, epoch: 1 });
    assert.deepEqual(await standing(store), { ...of, used: NOTHING, reserved: amount(0.4) });
  });

  test("refuses a run whose first call does not fit, and writes nothing", async ({ store }) => {
    const created = await store.runs.create(newRun("r", { ledger: reserve("m", 2, account(1)) }));
    assert.equal(created.created, false);
    assert.deepEqual("refusal" in created && created.refusal?.unit, "usd");
    assert.equal(await store.runs.get("r"), undefined);
    assert.deepEqual(await store.journal.read("r"), []);
    assert.deepEqual(await store.budgets?.standings(), []);
    assert.deepEqual(await store.runs.create(newRun("r", { ledger: reserve("m", 1, account(1)) })), { created: true, epoch: 1 });
  });

  test("gives whoever has the id or the key, however full the account is", async ({ store }) => {
    await store.runs.create(newRun("r", { idempotencyKey: "k", ledger: reserve("m", 1, account(1)) }));
    const full = reserve("m", 1, account(1));
    assert.deepEqual(await store.runs.create(newRun("r", { ledger: full })), { created: false, run: "r" });
    assert.deepEqual(await store.runs.create(newRun("other", { idempotencyKey: "k", ledger: full })), {
      created: false,
      run: "r",
    });
    assert.deepEqual(await dollars(store), [0, 1]);
  });

  test("refuses an append whose reservation does not fit, and says of which account", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.runs.create(newRun("s", { ledger: reserve("m", 0.7, account(1)) }));
    const refused = await store.journal.append(batch("r", { ledger: reserve("m", 0.4, account(1)) }));
    assert.deepEqual(refused, {
      ok: false,
      reason: "budget",
      refusal: { account: account(1), unit: "usd", limit: 1, used: 0, reserved: 0.7, asked: 0.4, wrapUp: false },
    });
    assert.equal((await store.journal.read("r")).length, 1);
    assert.deepEqual(await dollars(store), [0, 0.7]);
    assert.deepEqual(await store.journal.append(batch("r", { ledger: reserve("m", 0.3, account(1)) })), { ok: true });
  });

  test("keeps what must stay free, and says when there is room for the call alone", async ({ store }) => {
    await store.runs.create(newRun("r"));
    const spare = { reserve: { effect: "m", amount: amount(0.6), spare: amount(0.6), accounts: [account(1)] } };
    const refused = await store.journal.append(batch("r", { ledger: spare }));
    assert.equal(!refused.ok && refused.reason === "budget" && refused.refusal.wrapUp, true);
  });

  test("refuses on any of several accounts, and then charges none", async ({ store }) => {
    await store.runs.create(newRun("r"));
    const change = { reserve: { effect: "m", amount: amount(1), spare: NOTHING, accounts: [account(5), account(0.5, "small")] } };
    const refused = await store.journal.append(batch("r", { ledger: change }));
    assert.equal(!refused.ok && refused.reason === "budget" && refused.refusal.account.name, "small");
    assert.deepEqual(await store.budgets?.standings(), []);
  });
}

function settling(test: StoreTest): void {
  test("settles what was reserved with what was used, once", async ({ store }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) }));
    await store.journal.append(batch("r", { ledger: settle("m", amount(0.25), of) }));
    assert.deepEqual(await dollars(store), [0.25, 0]);
    await store.journal.append(batch("r", { seq: 2, ledger: settle("m", amount(0.25), of) }));
    await store.journal.append(batch("r", { seq: 3, ledger: reserve("m", 0.4, of) }));
    assert.deepEqual(await dollars(store), [0.25, 0]);
  });

  test("counts what was reserved where nobody knows what was used", async ({ store }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) }));
    await store.journal.append(batch("r", { ledger: settle("m", { seconds: 2 }, of) }));
    assert.deepEqual((await standing(store))?.used, { usd: 0.4, tokens: 0, seconds: 2, calls: 1 });
    assert.deepEqual((await standing(store))?.reserved, NOTHING);
  });

  test("charges what was never reserved", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { ledger: settle("end", { seconds: 1.5 }, account(1)) }));
    assert.equal((await standing(store))?.used.seconds, 1.5);
  });

  test("settles before it reserves in the same batch", async ({ store }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 1, of) }));
    const change = { ...settle("m", amount(0.5), of), ...reserve("n", 0.5, of) };
    assert.deepEqual(await store.journal.append(batch("r", { ledger: change })), { ok: true });
    assert.deepEqual(await dollars(store), [0.5, 0.5]);
  });

  test("settles nothing for an owner that was fenced", async ({ store, crash }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) }));
    const other = await crash();
    const claim = await other.owners.claim("r");
    assert.equal(claim.ok, true);
    const late = await store.journal.append(batch("r", { ledger: settle("m", amount(0.1), of) })).catch(() => ({ ok: false }));
    assert.equal(late.ok, false);
    assert.deepEqual(await dollars(other), [0, 0.4]);
  });
}

function ending(test: StoreTest): void {
  test("leaves nothing reserved for a run that has ended", async ({ store }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) }));
    await store.journal.append(batch("r", { events: [SETTLING, FINISHED], ledger: { close: true } }));
    assert.deepEqual(await dollars(store), [0.4, 0]);
  });

  test("shows it to others, and after it was closed and opened again", async ({ store, second, reopen }) => {
    const of = account(1);
    await store.runs.create(newRun("r", { ledger: reserve("m", 0.4, of) }));
    assert.deepEqual(await dollars(await second()), [0, 0.4]);
    if (reopen !== undefined) assert.deepEqual(await dollars(await reopen()), [0, 0.4]);
  });

  test("finds accounts by scope, name and time, and forgets those of a tree with its run", async ({ store }) => {
    const tree: LimitedAccount = {
      key: "tree run r r",
      per: "tree",
      name: "r",
      window: "run",
      since: 0,
      root: "r",
      limit: { calls: 9 },
    };
    const change = { reserve: { effect: "m", amount: amount(0.1), spare: NOTHING, accounts: [account(1), tree] } };
    await store.runs.create(newRun("r", { ledger: change }));
    const names = async (query: object): Promise<unknown> => (await store.budgets?.standings(query))?.map(({ per }) => per);
    assert.deepEqual(await names({ per: "tree" }), ["tree"]);
    assert.deepEqual(await names({ name: "acme" }), ["tenant"]);
    assert.deepEqual(await names({ at: Date.UTC(2026, 0, 1, 23) }), ["tenant", "tree"]);
    assert.deepEqual(await names({ at: Date.UTC(2026, 0, 2) }), ["tree"]);
    await store.journal.append(batch("r", { events: [SETTLING, FINISHED], ledger: { close: true } }));
    await store.runs.remove(["r"]);
    assert.deepEqual(await names({}), ["tenant"]);
  });
}
