import assert from "node:assert/strict";
import { ASKS, AT, batch, epochOf, FINISHED, newRun, SETTLING, steer } from "./store-conformance-data.ts";
import type { Store } from "../ports/store.ts";
import type { StoreTest } from "./store-conformance.ts";

export function ownersConformance(test: StoreTest): void {
  claiming(test);
  orphaned(test);
  due(test);
}

function claiming(test: StoreTest): void {
  test("gives a new run to the process that made it, and tells others whose it is", async ({ store, second }) => {
    assert.deepEqual(await store.runs.create(newRun("r")), { created: true, epoch: 1 });
    const other = await second();
    assert.deepEqual(await other.owners.claim("r"), { ok: false, reason: "owned", owner: store.owners.self });
    assert.deepEqual(await store.owners.claim("r"), { ok: false, reason: "owned", owner: store.owners.self, epoch: 1 });
    assert.notEqual(other.owners.self, "");
    assert.equal((await other.runs.get("r"))?.owner, store.owners.self);
  });

  test("hands a released run over with a higher epoch, and fences the one before", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { activeMs: 10 }));
    await store.owners.release("r", 1, { status: "waiting" });
    const other = await second();
    assert.equal((await other.runs.get("r"))?.status, "waiting");
    const claim = await other.owners.claim("r");
    assert.deepEqual(claim, { ok: true, epoch: 2, after: "released", activeMs: 10 });
    assert.deepEqual(await store.journal.append(batch("r", { seq: 2 })), { ok: false, reason: "fenced" });
    assert.deepEqual(await other.journal.append(batch("r", { seq: 2, epoch: 2 })), { ok: true });
    assert.deepEqual(
      (await store.journal.read("r")).map((event) => event.epoch),
      [1, 1, 2],
    );
  });

  test("takes a run back after it was released", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.owners.release("r", 1);
    const claim = await store.owners.claim("r");
    assert.equal(epochOf(claim), 2);
    assert.deepEqual(await store.journal.append(batch("r", { epoch: 2 })), { ok: true });
    assert.deepEqual(await store.journal.append(batch("r", { seq: 2 })), { ok: false, reason: "fenced" });
  });

  test("ignores a release by somebody who does not own the run any more", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    await store.owners.release("r", 1);
    const other = await second();
    await other.owners.claim("r");
    await store.owners.release("r", 1, { status: "waiting" });
    assert.equal((await store.runs.get("r"))?.owner, other.owners.self);
    assert.equal((await store.runs.get("r"))?.status, "running");
    assert.deepEqual(await other.journal.append(batch("r", { epoch: 2 })), { ok: true });
  });

  test("lets nobody let go of what another process has", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    await (await second()).owners.release("r", 1, { status: "waiting" });
    assert.equal((await store.runs.get("r"))?.owner, store.owners.self);
    assert.equal((await store.runs.get("r"))?.status, "running");
  });

  test("lets exactly one of many claims win", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    await store.owners.release("r", 1);
    const other = await second();
    const claims = await Promise.all([store, other, store, other].map(({ owners }) => owners.claim("r")));
    assert.equal(claims.filter((claim) => claim.ok).length, 1);
  });

  test("knows unknown and finished runs", async ({ store }) => {
    await store.runs.create(newRun("r", { events: [SETTLING, FINISHED] }));
    assert.deepEqual(await store.owners.claim("r"), { ok: false, reason: "finished" });
    assert.deepEqual(await store.owners.claim("nobody"), { ok: false, reason: "unknown" });
  });

  test("gives the runs of a process that died to the next, with its running time, and fences the dead", async ({
    store,
    crash,
  }) => {
    await store.runs.create(newRun("r"));
    const at = Date.now();
    await store.journal.append(batch("r", { at, activeMs: 40 }));
    await store.runs.create(newRun("w", { row: { status: "waiting" } }));
    const next = await crash();
    assert.equal((await next.runs.get("r"))?.status, "interrupted");
    assert.equal((await next.runs.get("r"))?.owner, undefined);
    const claim = await next.owners.claim("r");
    assert.ok(claim.ok);
    assert.equal(claim.epoch, 2);
    assert.equal(claim.after, "crash");
    assert.ok(claim.activeMs >= 40 && claim.activeMs <= 40 + (Date.now() - at), `activeMs ${claim.activeMs}`);
    assert.equal((await next.runs.get("r"))?.status, "running");
    assert.deepEqual(await store.journal.append(batch("r", { seq: 2 })), { ok: false, reason: "fenced" });
    const waited = await next.owners.claim("w");
    assert.ok(waited.ok);
    assert.equal(waited.activeMs, 0);
  });
}

function orphaned(test: StoreTest): void {
  test("offers unfinished runs that nobody drives, and no others", async ({ store, second }) => {
    await store.runs.create(newRun("owned"));
    await store.runs.create(newRun("free"));
    await store.owners.release("free", 1);
    await store.runs.create(newRun("done", { events: [SETTLING, FINISHED] }));
    await store.runs.create(newRun("asks", { row: { status: "waiting", waitingFor: ASKS } }));
    await store.owners.release("asks", 1);
    const names = { kind: "tools_missing", names: ["saw"] } as const;
    await store.runs.create(newRun("lacks", { row: { status: "waiting", waitingFor: names } }));
    await store.owners.release("lacks", 1);
    const other = await second();
    assert.deepEqual((await other.owners.orphans(Infinity)).toSorted(), ["free", "lacks"]);
    assert.equal((await other.owners.orphans(1)).length, 1);
    await other.owners.claim("free");
    assert.deepEqual(await store.owners.orphans(10), ["lacks"]);
  });

  test("offers a run that waits for a person once somebody has said something", async ({ store }) => {
    await store.runs.create(newRun("asks"));
    await store.owners.release("asks", 1, { status: "waiting", waitingFor: ASKS });
    assert.deepEqual(await store.owners.orphans(10), []);
    await store.inbox.send("asks", { id: "x", kind: "resolve", call: "0.0", outcome: "done" });
    assert.deepEqual(await store.owners.orphans(10), ["asks"]);
    const epoch = epochOf(await store.owners.claim("asks"));
    await store.journal.append(batch("asks", { epoch, consumed: ["x"], row: { status: "running", waitingFor: null } }));
    assert.deepEqual(await store.owners.orphans(10), []);
    assert.equal((await store.runs.get("asks"))?.waitingFor, undefined);
  });

  test("offers the runs of a process that died", async ({ store, crash }) => {
    await store.runs.create(newRun("r"));
    await store.runs.create(newRun("asks", { row: { waitingFor: ASKS, status: "waiting" } }));
    await store.inbox.send("asks", steer("s"));
    const next = await crash();
    assert.deepEqual((await next.owners.orphans(10)).toSorted(), ["asks", "r"]);
  });

  test("leaves runs of a store that was closed in order to the next, as released", async ({ store, reopen, second }) => {
    await store.runs.create(newRun("r", { at: AT }));
    const next = reopen === undefined ? await second() : await reopen();
    if (reopen === undefined) await store[Symbol.asyncDispose]();
    assert.deepEqual(await next.owners.orphans(10), ["r"]);
    assert.deepEqual(await next.owners.claim("r"), { ok: true, epoch: 2, after: "released", activeMs: 0 });
  });
}

function due(test: StoreTest): void {
  const park = async (store: Store, run: string, dueAt?: number): Promise<void> => {
    await store.runs.create(newRun(run));
    await store.owners.release(run, 1, { status: "waiting", waitingFor: ASKS, ...(dueAt === undefined ? {} : { dueAt }) });
  };

  test("says which waiting runs are due, the earliest first, and when the next one is", async ({ store, second }) => {
    await park(store, "later", AT + 300);
    await park(store, "second", AT + 200);
    await park(store, "first", AT + 100);
    await park(store, "never");
    assert.deepEqual(await store.owners.due(AT, 10), { runs: [], nextAt: AT + 100 });
    assert.deepEqual(await store.owners.due(AT + 200, 10), { runs: ["first", "second"], nextAt: AT + 300 });
    assert.deepEqual(await store.owners.due(AT + 200, 1), { runs: ["first"], nextAt: AT + 300 });
    assert.deepEqual(await (await second()).owners.due(AT + 300, 10), { runs: ["first", "second", "later"] });
    assert.equal((await store.runs.get("first"))?.dueAt, AT + 100);
    assert.equal((await store.runs.get("never"))?.dueAt, undefined);
  });

  test("offers due runs as orphans, and leaves those that wait longer alone", async ({ store }) => {
    await park(store, "soon", AT + 100);
    await park(store, "never");
    assert.deepEqual(await store.owners.orphans(10, AT + 99), []);
    assert.deepEqual(await store.owners.orphans(10, AT + 100), ["soon"]);
    assert.deepEqual(await store.owners.orphans(10), ["soon"]);
  });

  test("forgets the time with an append that says so, and keeps it with one that does not", async ({ store }) => {
    await park(store, "r", AT + 100);
    const epoch = epochOf(await store.owners.claim("r"));
    assert.deepEqual(await store.owners.due(AT + 100, 10), { runs: [] });
    await store.journal.append(batch("r", { epoch, row: { step: 1 } }));
    await store.owners.release("r", epoch);
    assert.deepEqual(await store.owners.due(AT + 100, 10), { runs: ["r"] });
    const next = epochOf(await store.owners.claim("r"));
    await store.journal.append(batch("r", { epoch: next, seq: 2, row: { dueAt: null } }));
    await store.owners.release("r", next);
    assert.deepEqual(await store.owners.due(AT + 100, 10), { runs: [] });
  });

  test("makes a waiting run due with the append of another that says so, and no other run", async ({ store }) => {
    await park(store, "parent");
    await store.runs.create(newRun("busy"));
    await store.runs.create(newRun("child"));
    await store.journal.append(batch("child", { wakes: "parent" }));
    await store.journal.append(batch("child", { seq: 2, wakes: "busy" }));
    await store.journal.append(batch("child", { seq: 3, events: [SETTLING, FINISHED], wakes: "nobody" }));
    assert.deepEqual(await store.owners.due(AT + 10, 10), { runs: ["parent"] });
    assert.deepEqual(await store.owners.orphans(10, AT + 10), ["parent"]);
  });

  test("leaves a run due when it was due before it was woken", async ({ store }) => {
    await park(store, "parent", AT + 5);
    await store.runs.create(newRun("child"));
    await store.journal.append(batch("child", { wakes: "parent" }));
    assert.equal((await store.runs.get("parent"))?.dueAt, AT + 5);
  });

  test("never offers a finished run as due", async ({ store }) => {
    await store.runs.create(newRun("r", { row: { status: "waiting", waitingFor: ASKS, dueAt: AT } }));
    await store.journal.append(batch("r", { events: [SETTLING, FINISHED] }));
    assert.deepEqual(await store.owners.due(AT + 1, 10), { runs: [] });
    assert.deepEqual(await store.owners.orphans(10, AT + 1), []);
  });
}
