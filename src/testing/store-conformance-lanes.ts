import assert from "node:assert/strict";
import type { LanePlace } from "../ports/lanes.ts";
import type { CreateRequest, Store } from "../ports/store.ts";
import { batch, epochOf, event, newRun, steer } from "./store-conformance-data.ts";
import type { StoreTest } from "./store-conformance.ts";

export function lanesConformance(test: StoreTest): void {
  queueing(test);
  counting(test);
}

function place(key: string, more: Partial<LanePlace> = {}): LanePlace {
  return { key, concurrency: 1, priority: 0, ...more };
}

function queued(run: string, lane: LanePlace): CreateRequest {
  return newRun(run, { lane, row: { status: "queued", waitingFor: { kind: "lane", lane: lane.key } } });
}

const dequeue = (run: string, epoch: number) =>
  batch(run, { epoch, dequeued: true, events: [event("0.1")], row: { status: "running", waitingFor: null } });

async function order(store: Store): Promise<readonly string[]> {
  return (await store.lanes.heads({ limit: 10 })).map(({ run }) => run);
}

function queueing(test: StoreTest): void {
  test("keeps a queued run that nobody owns, and offers it to nobody who looks for runs to drive", async ({ store, second }) => {
    assert.deepEqual(await store.runs.create(queued("a", place("x"))), { created: true, epoch: 1 });
    const other = await second();
    const row = await other.runs.get("a");
    assert.deepEqual([row?.status, row?.owner], ["queued", undefined]);
    assert.deepEqual((await other.runs.list({ status: ["queued"] })).length, 1);
    assert.deepEqual(await other.owners.orphans(10), []);
    await store.inbox.send("a", steer("s"));
    assert.deepEqual(await other.owners.orphans(10), []);
    await store.inbox.send("a", { id: "c", kind: "cancel" });
    assert.deepEqual(await other.owners.orphans(10), ["a"]);
  });

  test("names the first of each lane: higher priority first, then older", async ({ store }) => {
    const wide = place("y", { concurrency: 3, group: "g", total: 5 });
    for (const [run, lane] of [
      ["x1", place("x")],
      ["y1", wide],
      ["x2", place("x", { priority: 1 })],
      ["x3", place("x", { priority: 1 })],
    ] as const) {
      await store.runs.create(queued(run, lane));
    }
    await store.runs.create(newRun("plain"));
    const heads = await store.lanes.heads({ limit: 10 });
    assert.deepEqual(
      heads.map(({ run, running, place: { key } }) => [key, run, running]),
      [
        ["x", "x2", 0],
        ["y", "y1", 0],
      ],
    );
    assert.deepEqual(heads[1]?.place, wide);
    assert.deepEqual((await store.lanes.heads({ limit: 10, skip: ["x2"] }))[0]?.run, "x3");
    assert.deepEqual((await store.lanes.heads({ limit: 1 })).length, 1);
    assert.deepEqual((await store.lanes.heads({ limit: 1, after: "x" }))[0]?.run, "y1");
  });

  test("takes a run out of its queue with the batch that says so, not with the claim", async ({ store, crash }) => {
    await store.runs.create(queued("a", place("x")));
    await store.runs.create(queued("b", place("x")));
    const claim = await store.owners.claim("a", place("x"));
    assert.ok(claim.ok);
    assert.equal(claim.activeMs, 0);
    assert.deepEqual(await order(store), ["b"]);
    const next = await crash();
    assert.deepEqual(await order(next), ["a"]);
    const epoch = epochOf(await next.owners.claim("a", place("x")));
    assert.deepEqual(await next.journal.append(dequeue("a", epoch)), { ok: true });
    await next.owners.release("a", epoch);
    assert.deepEqual(await order(next), ["b"]);
    assert.deepEqual(await next.owners.orphans(10), ["a"]);
  });
}

function counting(test: StoreTest): void {
  test("claims no more of a lane than may be driven, over all processes", async ({ store, second }) => {
    const lane = place("x", { concurrency: 2 });
    for (const run of ["a", "b", "c", "d"]) await store.runs.create(queued(run, lane));
    const other = await second();
    const claims = await Promise.all([
      store.owners.claim("a", lane),
      other.owners.claim("b", lane),
      store.owners.claim("c", lane),
      other.owners.claim("d", lane),
    ]);
    assert.equal(claims.filter(({ ok }) => ok).length, 2);
    assert.deepEqual(new Set(claims.map((claim) => (claim.ok ? "ok" : claim.reason))), new Set(["ok", "lane"]));
    const heads = await other.lanes.heads({ limit: 10 });
    assert.equal(heads[0]?.running, 2);
    await store.runs.create(newRun("plain"));
    assert.equal((await store.owners.claim("d")).ok || claims[3]?.ok, true);
  });

  test("counts what living processes drive, not what ended, was let go or died with its process", async ({ store, crash }) => {
    const lane = place("x");
    for (const run of ["a", "b"]) await store.runs.create(queued(run, lane));
    const first = epochOf(await store.owners.claim("a", lane));
    assert.deepEqual(await store.owners.claim("b", lane), { ok: false, reason: "lane" });
    await store.journal.append(dequeue("a", first));
    await store.owners.release("a", first, { status: "waiting" });
    const claim = await store.owners.claim("b", lane);
    assert.equal(claim.ok, true);
    const next = await crash();
    assert.equal((await next.owners.claim("a", lane)).ok, true);
    assert.deepEqual(await next.owners.claim("b", lane), { ok: false, reason: "lane" });
  });

  test("holds the bound that several lanes share", async ({ store }) => {
    const lane = (key: string): LanePlace => place(key, { concurrency: 2, group: "g", total: 2 });
    for (const run of ["a", "b", "c"]) await store.runs.create(queued(run, lane(run)));
    assert.equal((await store.owners.claim("a", lane("a"))).ok, true);
    assert.equal((await store.owners.claim("b", lane("b"))).ok, true);
    assert.deepEqual(await store.owners.claim("c", lane("c")), { ok: false, reason: "lane" });
  });
}
