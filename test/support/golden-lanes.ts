/** Runs that wait for their turn in a lane, and runs whose outcome is delivered. */
import type { RunEvent } from "../../src/ports/events.ts";
import { createWorld, makeAgent, makeTool, type World } from "./world.ts";

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

const lanes = { x: { concurrency: 1 } };
const agent = makeAgent([makeTool("a", async (_input, context) => context.call)]);

/** Another run has the only place of the lane. */
async function behindAnother(): Promise<World> {
  const world = createWorld(
    ({ run, step }) => {
      if (run !== "golden") return { hang: true };
      return step === 0 ? { calls: [{ name: "a", input: { n: 1 } }] } : { text: "It was worth the wait." };
    },
    { agents: [agent], lanes },
  );
  await world.executor.start(agent, { input: "Stay.", id: "first", lane: "x" });
  await turns(20);
  await world.executor.start(agent, { input: "Go on.", id: "golden", lane: "x", priority: 2 });
  await turns(5);
  return world;
}

export const laneScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "queued-in-a-lane": async () => {
    const world = await behindAnother();
    return world.store.journal.read("golden");
  },
  "queued-then-driven": async () => {
    const world = await behindAnother();
    world.clock.advance(7_000);
    await world.executor.send("golden", { kind: "steer", content: "And be brief." }, { id: "s1" });
    await world.executor.send("first", { kind: "kill" });
    await turns(40);
    return world.store.journal.read("golden");
  },
  "queued-and-cancelled": async () => {
    const world = await behindAnother();
    await world.executor.send("golden", { kind: "cancel", reason: "not needed" }, { id: "c1" });
    await turns(40);
    return world.store.journal.read("golden");
  },
  "with-a-delivery": async () => {
    const adapters = [{ kind: "file", deliver: async () => ({ outcome: "delivered" as const }) }];
    const world = createWorld([{ text: "Here it is." }], { delivery: { adapters } });
    const delivery = [{ kind: "file", id: "answers.jsonl", options: { append: true } }];
    await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden", delivery }));
    return world.store.journal.read("golden");
  },
};
