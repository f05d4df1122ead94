/** Runs that meet a budget. */
import type { RunEvent } from "../../src/ports/events.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

export const budgetScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "a-budget-is-used-up": async () => {
    const agent = makeAgent([makeTool("a", async (_input, context) => context.call)], { maxSteps: 50 });
    const budgets = [{ per: "tenant", window: "day", limit: { calls: 3 } }] as const;
    const world = createWorld(
      ({ step, toolChoice }) =>
        toolChoice === "none" ? { text: "That is all I found." } : { calls: [{ name: "a", input: { n: step } }] },
      { budgets },
    );
    await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden", tenant: "acme" }));
    return world.store.journal.read("golden");
  },
};
