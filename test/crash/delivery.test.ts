/**
 * A run with two deliveries is stopped before and after each of its writes, those of the outbox among them. The next process finishes
 * the run and delivers: nothing is delivered zero times, and whatever is delivered twice has the same id and the same bytes.
 */
import { describe, expect, it } from "vitest";
import type { Delivery, DeliveryAdapter } from "../../src/ports/delivery.ts";
import { type Crash, crashingStore } from "../support/crashing-store.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const agent = makeAgent([makeTool("note", async () => "noted")]);
const request = {
  id: "r",
  input: "go",
  delivery: [
    { kind: "post", id: "a" },
    { kind: "post", id: "b" },
  ],
};

async function play(crash: Crash, fails: number): Promise<{ readonly received: readonly Delivery[]; readonly crashed: boolean }> {
  const received: Delivery[] = [];
  const attempts = new Map<string, number>();
  const adapter: DeliveryAdapter = {
    kind: "post",
    deliver: async (delivery) => {
      const nth = (attempts.get(delivery.id) ?? 0) + 1;
      attempts.set(delivery.id, nth);
      if (nth <= fails) return { outcome: "failed", error: "busy" };
      received.push(delivery);
      return { outcome: "delivered" };
    },
  };
  const options = { agents: [agent], delivery: { adapters: [adapter], scheduleMs: [0, 100, 100, 100] } };
  const script = ({ step }: { readonly step: number }) => (step === 0 ? { calls: [{ name: "note" }] } : { text: "Done." });
  let world: World;
  const { through, crashed } = crashingStore(() => world, crash);
  world = createWorld(script, { ...options, through });
  const finish = async (on: World): Promise<"finished"> => {
    await (
      await on.executor.start(agent, request)
    ).result;
    await on.executor.recover();
    while ((await on.store.outbox.list({ status: ["delivered"] })).length < 2) await new Promise((next) => setImmediate(next));
    return "finished";
  };
  const how = await world.clock.until(Promise.race([finish(world), crashed]));
  if (how === "crashed") {
    world = createWorld(script, { ...options, from: { ...world, store: world.store.peer("memory/2") } });
    await world.clock.until(finish(world));
  }
  const rows = await world.store.outbox.list();
  expect(rows.map(({ id, status }) => `${id} ${status}`).toReversed()).toEqual(["r.d0 delivered", "r.d1 delivered"]);
  expect((await world.store.journal.read("r")).at(-1)?.type).toBe("run.finished");
  return { received, crashed: how === "crashed" };
}

describe.each([0, 1])("a delivery that fails %i times first", (fails) => {
  it.each(["before", "after"] as const)("S32 survives a crash %s each write", async (when) => {
    let points = 0;
    let repeated = 0;
    for (let at = 0; ; at++) {
      const { received, crashed } = await play({ at, when }, fails);
      if (!crashed) break;
      points++;
      const where = `${when} write ${at}`;
      for (const id of ["r.d0", "r.d1"]) {
        const copies = received.filter((delivery) => delivery.id === id);
        expect(copies.length, where).toBeGreaterThanOrEqual(1);
        expect(copies.length, where).toBeLessThanOrEqual(2);
        expect(new Set(copies.map(({ body }) => body)).size, where).toBe(1);
        // A repetition says that it is one, so that adapters can look for what is there.
        expect(
          copies.slice(1).every(({ attempt }) => attempt > 1),
          where,
        ).toBe(true);
        repeated += copies.length - 1;
      }
    }
    expect(points).toBeGreaterThanOrEqual(8);
    // Sent and not written down is sent again, and nothing else is.
    expect(repeated > 0).toBe(when === "before");
  });
});
