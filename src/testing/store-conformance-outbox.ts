import assert from "node:assert/strict";
import type { ClaimedDelivery, NewDelivery, OutboxClaim, Store } from "../ports/store.ts";
import { AT, batch, FINISHED, newRun, SETTLING } from "./store-conformance-data.ts";
import type { StoreTest } from "./store-conformance.ts";

export function outboxConformance(test: StoreTest): void {
  committing(test);
  sending(test);
  ending(test);
}

const LATER = AT + 1_000;
const LEASE_MS = 60_000;

function delivery(id: string, target: NewDelivery["target"] = { kind: "file", id }): NewDelivery {
  return { id, target, body: `{"about":"${id}"}` };
}

async function finish(store: Store, run: string, outbox: readonly NewDelivery[]): Promise<void> {
  await store.runs.create(newRun(run));
  const appended = await store.journal.append(batch(run, { events: [SETTLING, FINISHED], outbox }));
  assert.deepEqual(appended, { ok: true });
}

function claim(store: Store, more: Partial<OutboxClaim> = {}): Promise<readonly ClaimedDelivery[]> {
  return store.outbox.claim({ kinds: ["file"], at: LATER, until: LATER + LEASE_MS, limit: 10, ...more });
}

const ids = (rows: readonly { readonly id: string }[]): readonly string[] => rows.map(({ id }) => id);

function committing(test: StoreTest): void {
  test("has the deliveries of a batch if and only if it has the batch", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    const refused = await store.journal.append(
      batch("r", { epoch: 7, events: [SETTLING, FINISHED], outbox: [delivery("r.d0")] }),
    );
    assert.equal(refused.ok, false);
    assert.deepEqual(await store.outbox.list(), []);
    await store.journal.append(batch("r", { events: [SETTLING, FINISHED], outbox: [delivery("r.d0"), delivery("r.d1")] }));
    const rows = await (await second()).outbox.list({ run: "r" });
    assert.deepEqual(ids(rows), ["r.d1", "r.d0"]);
    const { id: _id, ...row } = rows[1] ?? { id: "" };
    assert.deepEqual(row, {
      run: "r",
      target: { kind: "file", id: "r.d0" },
      status: "pending",
      attempts: 0,
      failures: 0,
      dueAt: AT + 10,
      createdAt: AT + 10,
      updatedAt: AT + 10,
    });
  });

  test("lists deliveries by run, by the beginning of their id and by status", async ({ store }) => {
    await finish(store, "a", [delivery("a.d0")]);
    await finish(store, "b", [delivery("b.d0"), delivery("b.d1")]);
    const [claimed] = await claim(store, { id: "a.d0" });
    await store.outbox.record("a.d0", claimed?.attempts ?? 0, { at: LATER, status: "delivered", receipt: { n: 1 } });
    assert.deepEqual(ids(await store.outbox.list({ run: "b" })), ["b.d1", "b.d0"]);
    assert.deepEqual(ids(await store.outbox.list({ prefix: "b.d1" })), ["b.d1"]);
    assert.deepEqual(ids(await store.outbox.list({ status: ["delivered"] })), ["a.d0"]);
    assert.deepEqual(ids(await store.outbox.list({ limit: 1 })), ["b.d1"]);
    assert.deepEqual((await store.outbox.list({ run: "a" }))[0]?.receipt, { n: 1 });
    const bodies = (await store.outbox.list({ run: "b", withBody: true })).map(({ body }) => body);
    assert.deepEqual(bodies, ['{"about":"b.d1"}', '{"about":"b.d0"}']);
    assert.ok((await store.outbox.list({ run: "b" })).every((row) => !("body" in row)));
  });

  test("keeps a finished run as long as something of it is to be delivered", async ({ store }) => {
    await finish(store, "r", [delivery("r.d0")]);
    assert.equal(await store.runs.remove(["r"]), 0);
    const [claimed] = await claim(store);
    await store.outbox.record("r.d0", claimed?.attempts ?? 0, { at: LATER, status: "delivered" });
    assert.equal(await store.runs.remove(["r"]), 1);
    assert.deepEqual(await store.outbox.list(), []);
  });
}

function sending(test: StoreTest): void {
  test("gives a due delivery to one process at a time, with its body and the number of the attempt", async ({
    store,
    second,
  }) => {
    await finish(store, "r", [delivery("r.d0")]);
    const other = await second();
    const claims = await Promise.all([claim(store), claim(other), claim(store)]);
    const [claimed, ...more] = claims.flat();
    assert.equal(more.length, 0);
    assert.equal(claimed?.body, '{"about":"r.d0"}');
    assert.equal(claimed?.attempts, 1);
    assert.equal(claimed?.targetGone, false);
    assert.equal((await other.outbox.list())[0]?.owner, claimed?.owner);
  });

  test("claims only what is due, of the kinds asked for, the oldest first", async ({ store }) => {
    await finish(store, "a", [delivery("a.d0")]);
    await finish(store, "b", [delivery("b.d0", { kind: "mail" }), delivery("b.d1")]);
    assert.deepEqual(await claim(store, { at: AT }), []);
    assert.deepEqual(ids(await claim(store, { limit: 1 })), ["a.d0"]);
    assert.deepEqual(ids(await claim(store)), ["b.d1"]);
    assert.deepEqual(ids(await claim(store, { kinds: ["mail", "file"] })), ["b.d0"]);
  });

  test("sends one at a time to the same place", async ({ store, second }) => {
    const target = { kind: "file", id: "log" };
    await finish(store, "r", [delivery("r.d0", target), delivery("r.d1", target)]);
    assert.deepEqual(ids(await claim(store)), ["r.d0"]);
    assert.deepEqual(ids(await claim(await second())), []);
    await store.outbox.record("r.d0", 1, { at: LATER, status: "delivered" });
    assert.deepEqual(ids(await claim(store)), ["r.d1"]);
  });

  test("offers it again when the process that sent it is dead, and takes no late word of it", async ({ store, crash }) => {
    await finish(store, "r", [delivery("r.d0")]);
    assert.deepEqual(ids(await claim(store)), ["r.d0"]);
    const next = await crash();
    const [again] = await claim(next);
    assert.equal(again?.attempts, 2);
    assert.equal(await next.outbox.record("r.d0", 1, { at: LATER, status: "dead", error: "late" }), false);
    assert.equal(await next.outbox.record("r.d0", 2, { at: LATER, status: "delivered" }), true);
    assert.equal(await next.outbox.record("r.d0", 2, { at: LATER, status: "dead", error: "late" }), false);
  });

  test("offers it again when it has been sent for too long", async ({ store }) => {
    await finish(store, "r", [delivery("r.d0")]);
    await claim(store);
    assert.deepEqual(await claim(store, { at: LATER + LEASE_MS - 1 }), []);
    assert.deepEqual(ids(await claim(store, { at: LATER + LEASE_MS + 1 })), ["r.d0"]);
  });

  test("says when something falls due", async ({ store }) => {
    assert.equal(await store.outbox.nextDue(["file"]), undefined);
    await finish(store, "r", [delivery("r.d0")]);
    assert.equal(await store.outbox.nextDue(["file"]), AT + 10);
    assert.equal(await store.outbox.nextDue(["mail"]), undefined);
    await claim(store);
    assert.equal(await store.outbox.nextDue(["file"]), LATER + LEASE_MS);
    await store.outbox.record("r.d0", 1, { at: LATER, status: "pending", dueAt: LATER + 5_000, failures: 1, error: "busy" });
    assert.equal(await store.outbox.nextDue(["file"]), LATER + 5_000);
    assert.deepEqual(await claim(store), []);
    const [again] = await claim(store, { at: LATER + 5_000 });
    assert.deepEqual([again?.attempts, again?.failures, again?.error], [2, 1, "busy"]);
    await store.outbox.record("r.d0", 2, { at: LATER, status: "dead", error: "no" });
    assert.equal(await store.outbox.nextDue(["file"]), undefined);
  });
}

function ending(test: StoreTest): void {
  test("queues again what was delivered or given up, but not what is being sent", async ({ store }) => {
    await finish(store, "r", [delivery("r.d0")]);
    assert.equal(await store.outbox.requeue("nobody", LATER), "unknown");
    await claim(store);
    assert.equal(await store.outbox.requeue("r.d0", LATER), "sending");
    await store.outbox.record("r.d0", 1, { at: LATER, status: "dead", error: "no" });
    assert.equal((await store.outbox.list())[0]?.error, "no");
    assert.equal(await store.outbox.requeue("r.d0", LATER), "queued");
    const [row] = await store.outbox.list();
    assert.deepEqual([row?.status, row?.failures, row?.attempts, row?.error], ["pending", 0, 1, undefined]);
    const [claimed] = await claim(store);
    assert.equal(claimed?.attempts, 2);
  });

  test("remembers that a place is closed until something asked for again has arrived there", async ({ store }) => {
    const target = { kind: "file", id: "log" };
    await finish(
      store,
      "r",
      [0, 1, 2, 3].map((n) => delivery(`r.d${n}`, target)),
    );
    const next = async (at: number): Promise<ClaimedDelivery | undefined> => (await claim(store, { at }))[0];
    assert.equal((await next(LATER))?.targetGone, false);
    await store.outbox.record("r.d0", 1, { at: LATER, status: "dead", error: "410", gone: true });
    assert.equal((await store.outbox.list({ prefix: "r.d0" }))[0]?.gone, true);
    assert.equal((await next(LATER))?.targetGone, true);
    await store.outbox.record("r.d1", 1, { at: LATER + 1, status: "dead", error: "closed", gone: true });
    await store.outbox.requeue("r.d0", AT);
    const forced = await next(LATER);
    assert.deepEqual([forced?.id, forced?.targetGone], ["r.d0", false]);
    await store.outbox.record("r.d0", 2, { at: LATER + 2, status: "delivered" });
    assert.equal((await next(LATER + 3))?.targetGone, false);
  });
}
