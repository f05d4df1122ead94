/** A run and its fork: stopped at each write of either, effects are made once in all. */
import { expect, it } from "vitest";
import type { Scenario } from "../support/crash-points.ts";
import { survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

const scenario: Scenario = {
  script: [{ calls: [{ name: "pay", input: { n: 1 } }] }, { calls: [{ name: "pay", input: { n: 2 } }] }, { text: "end" }],
  tools: (effects) => [
    makeTool("pay", async (_input, context) => {
      effects.push(context.idempotencyKey);
      return "paid";
    }),
  ],
  // Where the outcome of the original's call is unknown, the fork goes on from there and makes its own next call.
  outside: () => undefined,
  begin: async ({ executor, store }, agent) => {
    if ((await store.runs.get("r")) !== undefined) return (await executor.start(agent, { id: "r", input: "go" })).result;
    const original = await executor.start(agent, { id: "o", input: "go" });
    await original.result;
    const at = (await store.journal.read("o")).find(({ type }) => type === "tool.ended")?.seq ?? 0;
    return (await executor.fork("o", { at, id: "r" })).result;
  },
  whenWaiting: async ({ executor, store }, { run, waitingFor }) => {
    if (waitingFor?.kind !== "approval") return;
    for (const wait of waitingFor.waits) await executor.send(run, { kind: "approve", approval: wait.id }, { id: wait.id });
    await store.runs.get(run);
  },
};

it("a fork survives a stop before and after each of its writes, and repeats no effect of the original", async () => {
  expect(await survivesEverywhere(scenario)).toBeGreaterThan(10);
});
