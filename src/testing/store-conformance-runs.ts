import assert from "node:assert/strict";
import type { RunQuery, RunRow } from "../ports/store.ts";
import { ASKS, AT, batch, event, FINISHED, newRun, SETTLING, steer } from "./store-conformance-data.ts";
import type { StoreTest, StoreUnderTest } from "./store-conformance.ts";

export function runsConformance(test: StoreTest): void {
  creating(test);
  listing(test);
  removing(test);
}

function creating(test: StoreTest): void {
  test("makes a run with its row and its first events", async ({ store }) => {
    const origin = {
      caller: "ann",
      channel: "chat",
      tenant: "acme",
      parent: "p",
      root: "top",
      labels: { env: "prod", "a.b": "'\"$" },
    };
    await store.runs.create(newRun("r", { ...origin, row: { status: "queued", step: 1, tokens: 2, costUsd: 0.25 } }));
    const row = await store.runs.get("r");
    const expected: RunRow = {
      run: "r",
      agent: "clerk",
      status: "queued",
      ...origin,
      createdAt: AT,
      updatedAt: AT,
      seq: 0,
      step: 1,
      tokens: 2,
      costUsd: 0.25,
      owner: store.owners.self,
    };
    assert.deepEqual(row, expected);
    assert.equal(await store.runs.get("nobody"), undefined);
  });

  test("changes the row with the append that says so, and only what it says", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(
      batch("r", { row: { status: "waiting", step: 3, tokens: 1_000, costUsd: 1.5, waitingFor: ASKS } }),
    );
    await store.journal.append(batch("r", { seq: 2, row: { costUsd: "unknown" } }));
    await store.journal.append(batch("r", { seq: 3, at: AT + 50 }));
    const { status, step, tokens, costUsd, seq, updatedAt, ...row } = (await store.runs.get("r")) ?? ({} as RunRow);
    assert.deepEqual(
      { status, step, tokens, costUsd, seq, updatedAt, waitingFor: row.waitingFor },
      {
        status: "waiting",
        step: 3,
        tokens: 1_000,
        costUsd: "unknown",
        seq: 3,
        updatedAt: AT + 50,
        waitingFor: ASKS,
      },
    );
    await store.journal.append(batch("r", { seq: 4, row: { status: "running", waitingFor: null } }));
    const after = await store.runs.get("r");
    assert.equal(after?.waitingFor, undefined);
    assert.equal(after?.status, "running");
  });

  test("does not make the same run twice", async ({ store }) => {
    await store.runs.create(newRun("r"));
    const again = newRun("r", { agent: "other", events: [event("9.9"), event("9.10")] });
    assert.deepEqual(await store.runs.create(again), { created: false, run: "r" });
    assert.equal((await store.runs.get("r"))?.agent, "clerk");
    assert.equal((await store.journal.read("r")).length, 1);
  });

  test("finds the run of an idempotency key, also when many ask at once", async ({ store, second }) => {
    const other = await second();
    const results = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((i) => (i % 2 === 0 ? store : other).runs.create(newRun(`r${i}`, { idempotencyKey: "k" }))),
    );
    const made = results.findIndex((result) => result.created);
    assert.deepEqual(
      results.filter((_, i) => i !== made),
      Array.from({ length: 5 }, () => ({ created: false, run: `r${made}` })),
    );
    assert.equal((await store.runs.list()).length, 1);
    await store.runs.create(newRun("other", { idempotencyKey: "k2" }));
    const byKey = async (key: string): Promise<readonly string[]> =>
      (await other.runs.list({ idempotencyKey: key })).map(({ run }) => run);
    assert.deepEqual([await byKey("k"), await byKey("k2"), await byKey("K"), await byKey("")], [[`r${made}`], ["other"], [], []]);
    assert.equal((await store.runs.create(newRun("free"))).created, true);
    assert.equal((await store.runs.create(newRun("free2"))).created, true);
  });

  test("refuses ids that are empty, too long or odd", async ({ store }) => {
    for (const run of ["", "a b", "../x", "ü", "x".repeat(129), "a\u0000b"]) {
      await assert.rejects(store.runs.create(newRun(run)), { code: "request_invalid" });
    }
    assert.equal((await store.runs.create(newRun("A-z_0.9:x"))).created, true);
  });
}

async function withRuns({ store }: StoreUnderTest): Promise<(query?: RunQuery) => Promise<readonly string[]>> {
  const finished = [SETTLING, FINISHED];
  await store.runs.create(newRun("a1", { at: AT, caller: "ann", channel: "web", labels: { env: "prod", "x.y": "1" } }));
  await store.runs.create(
    newRun("a2", { at: AT + 1, caller: "bob", tenant: "acme", labels: { env: "test" }, parent: "a1", root: "a1" }),
  );
  await store.runs.create(newRun("b_1", { at: AT + 2, agent: "scout", labels: { "it's \"$.env": "prod" }, events: finished }));
  await store.runs.create(newRun("bx1", { at: AT + 3, agent: "scout", caller: "ann", row: { status: "waiting" } }));
  return async (query) => (await store.runs.list(query)).map((row) => row.run);
}

function listing(test: StoreTest): void {
  test("lists the newest first, up to a limit", async (subject) => {
    const list = await withRuns(subject);
    assert.deepEqual(await list(), ["bx1", "b_1", "a2", "a1"]);
    assert.deepEqual(await list({ limit: 2 }), ["bx1", "b_1"]);
    assert.deepEqual(await list({ limit: Infinity }), ["bx1", "b_1", "a2", "a1"]);
    assert.deepEqual(await list({ createdAfter: AT + 1 }), ["bx1", "b_1"]);
  });

  test("filters by where a run came from, by the start of its id, and by all of it together", async (subject) => {
    const list = await withRuns(subject);
    assert.deepEqual(await list({ agent: "scout" }), ["bx1", "b_1"]);
    assert.deepEqual(await list({ caller: "ann" }), ["bx1", "a1"]);
    assert.deepEqual(await list({ channel: "web" }), ["a1"]);
    assert.deepEqual(await list({ tenant: "acme" }), ["a2"]);
    assert.deepEqual(await list({ parent: "a1" }), ["a2"]);
    assert.deepEqual(await list({ root: "a1" }), ["a2"]);
    assert.deepEqual(await list({ root: "a2" }), []);
    assert.deepEqual(await list({ prefix: "a" }), ["a2", "a1"]);
    assert.deepEqual(await list({ prefix: "b_" }), ["b_1"]);
    assert.deepEqual(await list({ prefix: "%" }), []);
    assert.deepEqual(await list({ prefix: "" }), ["bx1", "b_1", "a2", "a1"]);
    assert.deepEqual(await list({ caller: "ann", agent: "clerk", prefix: "a" }), ["a1"]);
    assert.deepEqual(await list({ caller: "' OR 1=1 --" }), []);
  });

  test("filters by label, whatever characters its name has", async (subject) => {
    const list = await withRuns(subject);
    assert.deepEqual(await list({ label: ["env", "prod"] }), ["a1"]);
    assert.deepEqual(await list({ label: ["x.y", "1"] }), ["a1"]);
    assert.deepEqual(await list({ label: ["it's \"$.env", "prod"] }), ["b_1"]);
    assert.deepEqual(await list({ label: ["x", "1"] }), []);
    assert.deepEqual(await list({ label: ["e_v", "prod"] }), []);
    assert.deepEqual(await list({ label: ["env", "PROD"] }), []);
    assert.deepEqual(await list({ label: ["env') OR 1=1 --", "prod"] }), []);
    assert.deepEqual(await list({ label: ["$.env", "prod"] }), []);
  });

  test("filters by status; runs that nobody drives are interrupted", async (subject) => {
    const list = await withRuns(subject);
    assert.deepEqual(await list({ status: ["running"] }), ["a2", "a1"]);
    assert.deepEqual(await list({ status: ["completed", "waiting"] }), ["bx1", "b_1"]);
    await subject.store.owners.release("a1", 1);
    assert.deepEqual(await list({ status: ["running"] }), ["a2"]);
    assert.deepEqual(await list({ status: ["interrupted"] }), ["a1"]);
    assert.deepEqual(await list({ status: [] }), []);
    const next = await subject.crash();
    const rows = await next.runs.list({ status: ["interrupted"] });
    assert.deepEqual(
      rows.map(({ run, owner }) => [run, owner]),
      [
        ["a2", undefined],
        ["a1", undefined],
      ],
    );
  });
}

function removing(test: StoreTest): void {
  test("keeps the runs that a run which stays goes on from, and lets a thread go from its end", async ({ store }) => {
    const finished = [SETTLING, FINISHED];
    await store.runs.create(newRun("a", { events: finished }));
    await store.runs.create(newRun("b", { events: finished, continues: "a" }));
    await store.runs.create(newRun("c", { continues: "b" }));
    await store.runs.create(newRun("d", { events: finished, continues: "a" }));
    assert.equal((await store.runs.get("c"))?.continues, "b");
    const names = (await store.runs.list({ continues: "a" })).map(({ run }) => run);
    assert.deepEqual(names.toSorted(), ["b", "d"]);
    assert.equal(await store.runs.remove(["a", "b", "c", "d"]), 1);
    assert.equal((await store.journal.read("a")).length > 0, true);
    assert.equal(await store.runs.get("d"), undefined);
    await store.journal.append(batch("c", { seq: (await store.journal.read("c")).length, events: finished }));
    assert.equal(await store.runs.remove(["a"]), 0);
    assert.equal(await store.runs.remove(["b", "a", "c"]), 3);
    await assert.rejects(store.runs.create(newRun("e", { continues: "a" })), { code: "run_unknown" });
    assert.equal(await store.runs.get("e"), undefined);
    assert.equal((await store.runs.create(newRun("e"))).created, true);
  });

  test("removes finished runs with all that belongs to them, and leaves the others", async ({ store }) => {
    await store.runs.create(newRun("done", { idempotencyKey: "k", events: [event("0"), SETTLING, FINISHED] }));
    await store.runs.create(newRun("live"));
    await store.inbox.send("live", steer("s"));
    assert.equal(await store.runs.remove(["done", "live", "nobody"]), 1);
    assert.equal(await store.runs.get("done"), undefined);
    assert.deepEqual(await store.journal.read("done"), []);
    assert.equal((await store.journal.read("live")).length, 1);
    assert.equal((await store.inbox.pending("live")).length, 1);
    const reborn = newRun("done", { idempotencyKey: "k", events: [event("1")] });
    assert.deepEqual(await store.runs.create(reborn), { created: true, epoch: 1 });
    assert.equal((await store.journal.read("done")).length, 1);
  });

  test("removes hundreds of runs at once", async ({ store }) => {
    const runs = Array.from({ length: 150 }, (_, i) => `r${i}`);
    await Promise.all(runs.map((run) => store.runs.create(newRun(run, { events: [SETTLING, FINISHED] }))));
    assert.equal(await store.runs.remove(runs), 150);
    assert.deepEqual(await store.runs.list(), []);
  });
}
