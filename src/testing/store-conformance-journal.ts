import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { EventBody } from "../ports/events.ts";
import type { Store } from "../ports/store.ts";
import { AT, batch, event, FINISHED, newRun, SETTLING, steer } from "./store-conformance-data.ts";
import type { StoreTest } from "./store-conformance.ts";

const FENCED = { ok: false, reason: "fenced" };

export function journalConformance(test: StoreTest): void {
  appending(test);
  refusing(test);
  reading(test);
  watching(test);
}

function appending(test: StoreTest): void {
  test("numbers events densely from 0 and keeps what the append said of them", async ({ store }) => {
    await store.runs.create(newRun("r", { events: [event("0.0"), event("0.1")] }));
    const more = { seq: 2, activeMs: 12.5, events: [event("1.0"), event("1.1")] };
    assert.deepEqual(await store.journal.append(batch("r", more)), { ok: true });
    const events = await store.journal.read("r");
    assert.deepEqual(
      events.map(({ seq, epoch, at, activeMs }) => ({ seq, epoch, at, activeMs })),
      [
        { seq: 0, epoch: 1, at: AT, activeMs: 0 },
        { seq: 1, epoch: 1, at: AT, activeMs: 0 },
        { seq: 2, epoch: 1, at: AT + 10, activeMs: 12.5 },
        { seq: 3, epoch: 1, at: AT + 10, activeMs: 12.5 },
      ],
    );
    assert.deepEqual(events[3], { ...event("1.1"), seq: 3, epoch: 1, at: AT + 10, activeMs: 12.5 });
  });

  test("gives back what it has acknowledged after it was closed and opened again", async ({ store, reopen }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r"));
    const before = await store.journal.read("r");
    const again = reopen === undefined ? store : await reopen();
    assert.deepEqual(await again.journal.read("r"), before);
  });

  test("keeps fields and event types that it does not know", async ({ store }) => {
    const unknown = { type: "moon.risen", v: 7, phase: { lit: 0.25, names: ["waxing", null] } } as unknown as EventBody;
    const known = { ...event("0.1"), later: { nested: [1, 2, { deep: true }] } } as unknown as EventBody;
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { events: [unknown, known] }));
    const header = { epoch: 1, at: AT + 10, activeMs: 10 };
    assert.deepEqual(await store.journal.read("r", { after: 0 }), [
      { ...unknown, ...header, seq: 1 },
      { ...known, ...header, seq: 2 },
    ]);
  });

  test("keeps any text as it is: other scripts, emoji, control characters, lone surrogates, odd keys", async ({ store }) => {
    const text = "žluťoučký 漢字 👩‍👩‍👧 \u0000\u0007\u2028 \uD800 'quote\" \\";
    const odd = { "": 1, $: 2, "a.b": 3, constructor: 4, "7": 5, ключ: text };
    const body = { ...event("0.1", text), odd } as unknown as EventBody;
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { events: [body] }));
    const [read] = await store.journal.read("r", { after: 0 });
    assert.deepEqual(read, { ...body, seq: 1, epoch: 1, at: AT + 10, activeMs: 10 });
  });

  test("keeps an event of 5 MB", async ({ store }) => {
    const large = event("0.1", "0123456789abcdef".repeat(5 * 65_536));
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { events: [large] }));
    const [read] = await store.journal.read("r", { after: 0 });
    assert.deepEqual(read, { ...large, seq: 1, epoch: 1, at: AT + 10, activeMs: 10 });
  });

  test("takes the appends of many runs at once, each in its own order", async ({ store }) => {
    const runs = Array.from({ length: 40 }, (_, i) => `r${i}`);
    await Promise.all(runs.map((run) => store.runs.create(newRun(run))));
    const appendAll = async (run: string): Promise<void> => {
      for (let seq = 1; seq <= 10; seq++) {
        const result = await store.journal.append(batch(run, { seq, events: [event(`${seq}.0`, run)] }));
        assert.deepEqual(result, { ok: true });
      }
    };
    await Promise.all(runs.map(appendAll));
    for (const run of runs) {
      const events = await store.journal.read(run, { after: 0 });
      const expected = Array.from({ length: 10 }, (_, i) => event(`${i + 1}.0`, run));
      assert.deepEqual(events.map(withoutHeader), expected);
    }
  });

  test("takes appends of one run that are asked for without waiting, in that order", async ({ store }) => {
    await store.runs.create(newRun("r"));
    const results = await Promise.all(
      [1, 2, 3].map((seq) => store.journal.append(batch("r", { seq, events: [event(`${seq}.0`)] }))),
    );
    assert.deepEqual(results, [{ ok: true }, { ok: true }, { ok: true }]);
    assert.deepEqual((await store.journal.read("r")).map(callOf), ["0.0", "1.0", "2.0", "3.0"]);
  });
}

function refusing(test: StoreTest): void {
  test("fences an append with an old epoch, of an unknown run, or out of sequence, and writes nothing", async ({ store }) => {
    await store.runs.create(newRun("r"));
    for (const wrong of [{ epoch: 0 }, { epoch: 2 }, { seq: 0 }, { seq: 2 }, { run: "nobody" }]) {
      assert.deepEqual(await store.journal.append(batch("r", wrong)), FENCED);
    }
    assert.equal((await store.journal.read("r")).length, 1);
    assert.deepEqual(await store.journal.append(batch("r")), { ok: true });
  });

  test("lets a fenced append fail alone among the appends of other runs", async ({ store }) => {
    for (const run of ["a", "b", "c"]) await store.runs.create(newRun(run));
    const results = await Promise.all([
      store.journal.append(batch("a")),
      store.journal.append(batch("b", { epoch: 9 })),
      store.journal.append(batch("c")),
    ]);
    assert.deepEqual(results, [{ ok: true }, FENCED, { ok: true }]);
    const lengths = await Promise.all(["a", "b", "c"].map(async (run) => (await store.journal.read(run)).length));
    assert.deepEqual(lengths, [2, 1, 2]);
  });

  test("takes nothing after the terminal batch, and closes the inbox when the run settles", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { events: [SETTLING] }));
    assert.equal(await store.inbox.send("r", { id: "late", kind: "cancel" }), "run_finished");
    await store.journal.append(batch("r", { seq: 2, events: [FINISHED] }));
    assert.deepEqual(await store.journal.append(batch("r", { seq: 3 })), FENCED);
    const row = await store.runs.get("r");
    assert.equal(row?.status, "completed");
    assert.equal(row.owner, undefined);
    assert.equal((await store.journal.read("r")).length, 3);
  });

  test("does not bring a removed run back with a late append", async ({ store }) => {
    await store.runs.create(newRun("r"));
    await store.journal.append(batch("r", { events: [SETTLING, FINISHED] }));
    await store.runs.remove(["r"]);
    assert.deepEqual(await store.journal.append(batch("r", { seq: 3 })), FENCED);
    assert.deepEqual(await store.journal.read("r"), []);
    assert.equal(await store.runs.get("r"), undefined);
  });
}

function reading(test: StoreTest): void {
  test("reads from any sequence number on, up to a limit", async ({ store }) => {
    await store.runs.create(newRun("r", { events: ["0", "1", "2", "3", "4"].map((call) => event(call)) }));
    const read = async (options?: { after?: number; limit?: number }): Promise<readonly string[]> =>
      (await store.journal.read("r", options)).map(callOf);
    assert.deepEqual(await read(), ["0", "1", "2", "3", "4"]);
    assert.deepEqual(await read({ after: -1, limit: 2 }), ["0", "1"]);
    assert.deepEqual(await read({ after: 1 }), ["2", "3", "4"]);
    assert.deepEqual(await read({ after: 1, limit: 1 }), ["2"]);
    assert.deepEqual(await read({ after: 4 }), []);
    assert.deepEqual(await read({ after: 40 }), []);
    assert.deepEqual(await read({ limit: 0 }), []);
    assert.deepEqual(await store.journal.read("nobody"), []);
  });

  test("reads a journal of 1,500 events whole", async ({ store }) => {
    await store.runs.create(newRun("r"));
    for (let seq = 1; seq < 1_500; seq += 100) {
      const events = Array.from({ length: Math.min(100, 1_500 - seq) }, (_, i) => event(String(seq + i)));
      await store.journal.append(batch("r", { seq, events }));
    }
    const events = await store.journal.read("r");
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: 1_500 }, (_, i) => i),
    );
    assert.equal((await store.journal.read("r", { after: 700, limit: 600 })).length, 600);
  });
}

function watching(test: StoreTest): void {
  test("tells watchers of a run, and of all runs, about events, input and ownership, until they stop", async ({ store }) => {
    const heard: string[] = [];
    const stopOne = store.journal.watch("a", (run) => heard.push(`one ${run}`));
    const stopAll = store.journal.watch(undefined, (run) => heard.push(`all ${run}`));
    const after = async (action: () => Promise<unknown>): Promise<readonly string[]> => {
      await action();
      await eventually(() => heard.some((line) => line.startsWith("all")));
      return heard.splice(0).toSorted();
    };
    assert.deepEqual(await after(() => store.runs.create(newRun("a"))), ["all a", "one a"]);
    assert.deepEqual(await after(() => store.runs.create(newRun("b"))), ["all b"]);
    assert.deepEqual(await after(() => store.journal.append(batch("a"))), ["all a", "one a"]);
    assert.deepEqual(await after(() => store.inbox.send("a", steer("s"))), ["all a", "one a"]);
    assert.deepEqual(await after(() => store.owners.release("a", 1)), ["all a", "one a"]);
    stopOne();
    assert.deepEqual(await after(() => store.owners.claim("a")), ["all a"]);
    stopAll();
    await store.journal.append(batch("b"));
    assert.deepEqual(heard, []);
  });

  test("tells watchers what another process wrote", async ({ store, second }) => {
    await store.runs.create(newRun("a"));
    const other = await second();
    await hears(other, "a", () => store.journal.append(batch("a")));
    await hears(other, undefined, () => store.inbox.send("a", steer("s")));
    await hears(other, undefined, () => store.runs.create(newRun("b")));
    await hears(store, "a", () => other.inbox.send("a", steer("t")));
    await hears(other, undefined, () => store.journal.append(batch("a", { seq: 2, events: [SETTLING, FINISHED] })));
  });

  test("does not let a watcher that throws hurt the writer or the other watchers", async ({ store }) => {
    await store.runs.create(newRun("a"));
    let heard = 0;
    const warned = new Promise((resolve) => process.once("warning", resolve));
    store.journal.watch("a", () => {
      throw new Error("a watcher that throws (meant by the test)");
    });
    store.journal.watch("a", () => heard++);
    assert.deepEqual(await store.journal.append(batch("a")), { ok: true });
    await eventually(() => heard === 1);
    await warned;
  });
}

async function hears(store: Store, run: string | undefined, action: () => Promise<unknown>): Promise<void> {
  const heard = new Set<string>();
  const stop = store.journal.watch(run, (name) => heard.add(name));
  await action();
  await eventually(() => heard.size > 0);
  stop();
}

/** Resolves once it is so; the test runner's own limit says when it never will be. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

function callOf(event: EventBody): string {
  return event.type === "tool.ended" ? event.call : event.type;
}

function withoutHeader(event: EventBody): EventBody {
  return Object.fromEntries(
    Object.entries(event).filter(([key]) => !["seq", "epoch", "at", "activeMs"].includes(key)),
  ) as unknown as EventBody;
}
