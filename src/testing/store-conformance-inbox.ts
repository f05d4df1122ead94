import assert from "node:assert/strict";
import { batch, event, FINISHED, newRun, SETTLING, steer } from "./store-conformance-data.ts";
import type { StoreTest } from "./store-conformance.ts";

const UNSEEN = { ok: false, reason: "inbox" };

export function inboxConformance(test: StoreTest): void {
  test("keeps what is sent, in order, until the owner consumes it in an append", async ({ store, second }) => {
    await store.runs.create(newRun("r"));
    const sender = await second();
    for (const id of ["a", "b", "c"]) assert.equal(await sender.inbox.send("r", steer(id)), "accepted");
    const pending = await store.inbox.pending("r");
    assert.deepEqual(
      pending.map(({ position: _, ...entry }) => entry),
      [steer("a"), steer("b"), steer("c")],
    );
    const positions = pending.map((entry) => entry.position);
    assert.deepEqual(
      positions.toSorted((a, b) => a - b),
      positions,
    );
    await store.journal.append(batch("r", { consumed: ["a", "c"] }));
    assert.deepEqual((await store.inbox.pending("r")).map(idOf), ["b"]);
    assert.deepEqual((await store.inbox.pending("r", positions[0])).map(idOf), ["b"]);
    assert.deepEqual(await store.inbox.pending("r", positions[1]), []);
  });

  test("takes the same id once, also after it was consumed, and knows which runs there are", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.runs.create(newRun("q"));
    assert.equal(await store.inbox.send("r", steer("a")), "accepted");
    assert.equal(await store.inbox.send("r", steer("a", "another text")), "duplicate");
    assert.equal(await store.inbox.send("q", steer("a")), "accepted");
    await store.journal.append(batch("r", { consumed: ["a"] }));
    assert.equal(await store.inbox.send("r", steer("a")), "duplicate");
    assert.deepEqual(await store.inbox.pending("r"), []);
    assert.equal(await store.inbox.send("nobody", steer("a")), "run_unknown");
    assert.deepEqual(await store.inbox.pending("nobody"), []);
  });

  test("keeps every kind of entry with its fields", async ({ store }) => {
    await store.runs.create(newRun("r"));
    const entries = [
      { id: "1", at: 5, from: "ann", kind: "cancel", reason: "enough" },
      { id: "2", kind: "extend", steps: 3, costUsd: 0.5 },
      { id: "3", kind: "resolve", call: "1.0", outcome: "done", output: { rows: [1, null] } },
      { id: "4", kind: "compact", instructions: "short", afterStep: 2 },
      { id: "5", kind: "kill" },
    ] as const;
    for (const entry of entries) await store.inbox.send("r", entry);
    const pending = await store.inbox.pending("r");
    assert.deepEqual(
      pending.map(({ position: _, ...entry }) => entry),
      entries,
    );
  });

  test("consumes nothing when the append is fenced", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.inbox.send("r", steer("a"));
    await store.journal.append(batch("r", { epoch: 7, consumed: ["a"] }));
    assert.deepEqual((await store.inbox.pending("r")).map(idOf), ["a"]);
  });

  test("refuses a terminal batch while input is waiting that the owner has not seen", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.inbox.send("r", steer("seen"));
    const [seen] = await store.inbox.pending("r");
    await store.inbox.send("r", steer("unseen"));
    const terminal = batch("r", { events: [SETTLING, FINISHED], consumed: ["seen"], sealAfterInbox: seen?.position ?? 0 });
    assert.deepEqual(await store.journal.append(terminal), UNSEEN);
    assert.equal((await store.journal.read("r")).length, 1);
    assert.deepEqual((await store.inbox.pending("r")).map(idOf), ["seen", "unseen"]);
    assert.deepEqual(await store.journal.append({ ...terminal, consumed: ["seen", "unseen"] }), { ok: true });
    assert.equal(await store.inbox.send("r", steer("late")), "run_finished");
    assert.equal(await store.inbox.send("r", steer("seen")), "duplicate");
  });

  test("says fenced, not unseen input, to an owner that has lost the run", async ({ store, crash }) => {
    await store.runs.create(newRun("r"));
    await store.inbox.send("r", steer("unseen"));
    const terminal = batch("r", { events: [SETTLING, FINISHED], sealAfterInbox: 0 });
    const fenced = { ok: false, reason: "fenced" };
    const next = await crash();
    await next.owners.claim("r");
    assert.deepEqual(await store.journal.append(terminal), fenced);
    assert.deepEqual(await store.journal.append({ ...terminal, epoch: 0 }), fenced);
  });

  test("never both takes an entry and ends the run without it", async ({ store, second }) => {
    const sender = await second();
    for (let i = 0; i < 20; i++) {
      const run = `r${i}`;
      await store.runs.create(newRun(run));
      const [sent, ended] = await Promise.all([
        sender.inbox.send(run, steer("s")),
        store.journal.append(batch(run, { events: [event("0.1"), SETTLING], sealAfterInbox: 0 })),
      ]);
      assert.equal(sent === "accepted", !ended.ok, `${run}: ${sent}, ${JSON.stringify(ended)}`);
    }
  });

  test("refuses an entry without an id", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await assert.rejects(store.inbox.send("r", steer("")), { code: "request_invalid" });
  });
}

function idOf(entry: { readonly id: string }): string {
  return entry.id;
}
