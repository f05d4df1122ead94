import { describe, expect, it } from "vitest";
import { storeConformance } from "../../testing/store-conformance.ts";
import { batch, event, newRun } from "../../testing/store-conformance-data.ts";
import { createMemoryStore } from "./memory.ts";

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

describe("a memory store", () => {
  it("does not let a reader damage what it holds", async () => {
    const store = createMemoryStore();
    await store.runs.create(newRun("r", { events: [event("0"), event("1")] }));
    const events = await store.journal.read("r");
    expect(() => Object.assign(events[0] ?? {}, { seq: 7 })).toThrow(TypeError);
    (events as unknown[]).pop();
    expect(await store.journal.read("r")).toHaveLength(2);
  });

  it("charges a dead process up to its death, by the clock it was given", async () => {
    let now = 1_000;
    const store = createMemoryStore({ now: () => now });
    await store.runs.create(newRun("r", { at: now }));
    await store.journal.append(batch("r", { at: 1_200, activeMs: 200 }));
    now = 1_500;
    store.die();
    now = 90_000;
    expect(await store.peer("other/2").owners.claim("r")).toMatchObject({ after: "crash", activeMs: 500 });
  });
});
