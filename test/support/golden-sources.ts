/** Golden runs with tool sources and artifacts. */
import type { RunEvent } from "../../src/ports/events.ts";
import { createWorld, makeAgent } from "./world.ts";

export const sourceScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "leaves-an-artifact": async () => {
    const world = createWorld([{ hang: true }]);
    await world.executor.start(makeAgent([]), { input: "Go on.", id: "golden" });
    await world.executor.shutdown();
    const claim = await world.store.owners.claim("golden");
    const events = await world.store.journal.read("golden");
    const data = { type: "blob" as const, hash: "a".repeat(64), bytes: 12 };
    await world.store.journal.append({
      run: "golden",
      epoch: claim.ok ? claim.epoch : 0,
      seq: events.length,
      at: world.clock.now(),
      activeMs: 0,
      events: [{ type: "artifact.added", name: "report.md", mediaType: "text/markdown", data }],
    });
    return world.store.journal.read("golden");
  },
};
