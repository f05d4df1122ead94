import { storeConformance } from "../../testing/store-conformance.ts";
import { describe, it } from "vitest";
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
