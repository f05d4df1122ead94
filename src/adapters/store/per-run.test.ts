import { describe, expect, it } from "vitest";
import { batch, FINISHED, newRun, SETTLING } from "../../testing/store-conformance-data.ts";
import { storeConformance } from "../../testing/store-conformance.ts";
import { createMemoryStore } from "./memory.ts";
import { createPerRunStore } from "./per-run.ts";

// What stands in front of a store keeps its promises too.
storeConformance({ describe, it }, "a store that some runs are kept in", async () => {
  const kept = createMemoryStore({ self: "here/1" });
  const inFront = (store: ReturnType<typeof kept.peer>) => createPerRunStore(store, () => createMemoryStore());
  return {
    store: inFront(kept),
    second: async () => inFront(kept.peer("there/2")),
    crash: async () => {
      kept.die();
      return inFront(kept.peer("there/3"));
    },
  };
});

it("does not look in memory any more for a run that was let go there", async () => {
  let now = 1_000_000;
  const kept = createMemoryStore();
  const store = createPerRunStore(kept, (onForgotten) => createMemoryStore({ now: () => now, keepEnded: 1, onForgotten }));
  for (const run of ["a", "b"]) {
    await store.runs.create(newRun(run, { durability: "none" }));
    now += 2_000;
    await store.journal.append(batch(run, { events: [SETTLING, FINISHED] }));
  }
  expect((await store.runs.list()).map(({ run }) => run)).toEqual(["b"]);
  expect(await store.runs.create(newRun("a"))).toMatchObject({ created: true });
  expect([await kept.journal.read("a"), await store.journal.read("a")]).toMatchObject([[{ seq: 0 }], [{ seq: 0 }]]);
});
