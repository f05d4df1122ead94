import { describe, expect, it } from "vitest";
import { storeConformance } from "../../testing/store-conformance.ts";
import { batch, event, FINISHED, newRun, SETTLING } from "../../testing/store-conformance-data.ts";
import type { CreateRequest, Store } from "../../ports/store.ts";
import { createMemoryStore, type MemoryStore } from "./memory.ts";

storeConformance({ describe, it }, "memory", async () => {
  const store = createMemoryStore({ self: "here/1" });
  return {
    store,
    second: async () => store.peer("there/2"),
    crash: async () => {
      store.die();
      return store.peer("there/3");
    },
  };
});

/** A run at 1,000 ms by the clock, whose process died at 1,500; it is 90,000 now. */
async function diedAfterHalfASecond(): Promise<{ readonly store: MemoryStore; readonly time: { now: number } }> {
  const time = { now: 1_000 };
  const store = createMemoryStore({ now: () => time.now });
  await store.runs.create(newRun("r", { at: time.now }));
  await store.journal.append(batch("r", { at: 1_200, activeMs: 200 }));
  time.now = 1_500;
  store.die();
  time.now = 90_000;
  return { store, time };
}

describe("a memory store", () => {
  it("does not let a reader damage what it holds", async () => {
    const store = createMemoryStore();
    await store.runs.create(newRun("r", { events: [event("0"), event("1")] }));
    const events = await store.journal.read("r");
    expect(() => Object.assign(events[0] ?? {}, { seq: 7 })).toThrow(TypeError);
    (events as unknown[]).pop();
    expect(await store.journal.read("r")).toHaveLength(2);
  });

  // Seed 31785 of the simulation.
  it("charges nobody for the time between two processes, also when the second one dies before it has written anything", async () => {
    const { store, time } = await diedAfterHalfASecond();
    const second = store.peer("other/2");
    expect(await second.owners.claim("r")).toMatchObject({ ok: true, activeMs: 500 });
    time.now = 90_300;
    second.die();
    const third = store.peer("other/3");
    expect(await third.owners.claim("r")).toMatchObject({ ok: true, epoch: 3, activeMs: 800 });
    await third.owners.release("r", 3);
    time.now = 200_000;
    const fourth = store.peer("other/4");
    expect(await fourth.owners.claim("r")).toMatchObject({ after: "released", activeMs: 800 });
    time.now = 200_100;
    fourth.die();
    expect(await store.peer("other/5").owners.claim("r")).toMatchObject({ after: "crash", activeMs: 900 });
  });

  it("charges a dead process up to its death, by the clock it was given", async () => {
    const { store } = await diedAfterHalfASecond();
    expect(await store.peer("other/2").owners.claim("r")).toMatchObject({ after: "crash", activeMs: 500 });
  });
});

const BYTES = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a memory store that has run for long", () => {
  let now = 1_000_000;
  const forgotten: string[] = [];

  const open = (keepEnded: number): MemoryStore => {
    forgotten.length = 0;
    return createMemoryStore({ now: () => now, keepEnded, onForgotten: (run) => forgotten.push(run) });
  };

  const end = async (store: Store, run: string): Promise<void> => {
    const seq = (await store.journal.read(run)).length;
    now += 2_000;
    expect(await store.journal.append(batch(run, { seq, events: [SETTLING, FINISHED] }))).toEqual({ ok: true });
  };

  const play = async (store: Store, run: string, more: Partial<CreateRequest> = {}): Promise<void> => {
    await store.runs.create(newRun(run, more));
    await end(store, run);
  };

  const there = async (store: Store): Promise<readonly string[]> => (await store.runs.list()).map(({ run }) => run).toSorted();

  it("keeps those that ended last and all that have not ended", async () => {
    const store = open(2);
    await store.runs.create(newRun("lives", { idempotencyKey: "lives" }));
    for (const run of ["a", "b", "c", "d"]) await play(store, run, { idempotencyKey: run });
    expect(await there(store)).toEqual(["c", "d", "lives"]);
    expect(forgotten).toEqual(["a", "b"]);
    expect(await store.journal.read("a")).toEqual([]);
    expect(await store.runs.create(newRun("again", { idempotencyKey: "a" }))).toMatchObject({ created: true });
    expect(await store.runs.create(newRun("again2", { idempotencyKey: "d" }))).toMatchObject({ created: false, run: "d" });
  });

  it("keeps everything when it is told to, and what ended just now", async () => {
    const all = open(Infinity);
    for (const run of ["a", "b", "c"]) await play(all, run);
    expect(await there(all)).toEqual(["a", "b", "c"]);
    const store = open(0);
    for (const run of ["a", "b"]) {
      await store.runs.create(newRun(run));
      await store.journal.append(batch(run, { seq: 1, events: [SETTLING, FINISHED] }));
    }
    expect(await there(store)).toEqual(["a", "b"]);
    await play(store, "c");
    expect(await there(store)).toEqual(["c"]);
  });

  it("lets a tree go whole, once all of it has ended", async () => {
    const store = open(1);
    await store.runs.create(newRun("top"));
    await play(store, "below1", { parent: "top", root: "top" });
    await store.runs.create(newRun("below2", { parent: "top", root: "top" }));
    await end(store, "top");
    await play(store, "a");
    expect(await there(store)).toEqual(["a", "below1", "below2", "top"]);
    await end(store, "below2");
    await play(store, "b");
    await play(store, "c");
    expect(await there(store)).toEqual(["c"]);
    expect(forgotten.toSorted()).toEqual(["a", "b", "below1", "below2", "top"]);
  });

  it("lets no run go that a later one goes on from, that is watched, or that has something to deliver", async () => {
    const store = open(1);
    const stop = store.journal.watch("watched", () => {});
    await play(store, "watched");
    await store.runs.create(newRun("first"));
    await play(store, "below-first", { parent: "first", root: "first" });
    await end(store, "first");
    await store.runs.create(newRun("second", { continues: "first" }));
    await store.runs.create(newRun("delivers"));
    await play(store, "below-delivers", { parent: "delivers", root: "delivers" });
    now += 2_000;
    const outbox = [{ id: "d1", target: { kind: "box" }, body: "{}" }];
    await store.journal.append(batch("delivers", { seq: 1, events: [SETTLING, FINISHED], outbox }));
    for (const run of ["a", "b", "c"]) await play(store, run);
    expect(await there(store)).toEqual(["below-delivers", "below-first", "c", "delivers", "first", "second", "watched"]);
    stop();
    await end(store, "second");
    const [claimed] = await store.outbox.claim({ kinds: ["box"], at: now, until: now + 1_000, limit: 1 });
    await store.outbox.record("d1", claimed?.attempts ?? 0, { status: "delivered", at: now });
    for (const run of ["d", "e", "f"]) await play(store, run);
    expect(await there(store)).toEqual(["f"]);
  });

  it("lets the blobs go that only forgotten runs had", async () => {
    const store = open(1);
    const { blobs } = store;
    if (blobs === undefined) throw new Error("it has no blobs");
    const [old, kept, shared] = await Promise.all(["old", "kept", "shared"].map((text) => blobs.put(BYTES(text))));
    const names = (...hashes: readonly (string | undefined)[]) => ({ events: [event("0.0", hashes.join(" "))] });
    await store.runs.create(newRun("lives", names(kept, shared)));
    await play(store, "gone", names(old, shared));
    for (let i = 0; i < 110; i++) await play(store, `r${i}`);
    await expect(blobs.get(old ?? "")).rejects.toMatchObject({ code: "blob_missing" });
    expect(await blobs.get(kept ?? "")).toEqual(BYTES("kept"));
    expect(await blobs.get(shared ?? "")).toEqual(BYTES("shared"));
  });
});
