/** The agent changes while its run waits; every process that goes on knows the new version. */
import { describe, expect, it } from "vitest";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Agent, ChangePolicy } from "../../src/ports/definition.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Command } from "../../src/run/types.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeAgent, makeTool } from "../support/world.ts";

function tools(effects: string[]): readonly Tool[] {
  const pay = makeTool(
    "pay",
    async (input, context) => {
      effects.push(context.idempotencyKey);
      if ((input as { readonly doubt?: true }).doubt === true) throw new UnknownOutcomeError("no answer");
      return "paid";
    },
    { onUnknown: "ask" },
  );
  return [pay];
}

function scenario(onChange: ChangePolicy, answer: Command): Scenario {
  return {
    script: [
      { calls: [{ name: "pay", input: { doubt: true } }] },
      { calls: [{ name: "pay", input: { n: 2 } }] },
      { text: "end" },
    ],
    tools,
    config: (effects) => {
      const changed: Agent = { ...makeAgent(tools(effects)), instructions: "You are another test.", onChange };
      return { agents: [changed], wakes: false };
    },
    whenWaiting: async ({ executor }, { run, waitingFor }) => {
      if (waitingFor?.kind === "agent_changed") await executor.send(run, answer, { id: "decision" });
      if (waitingFor?.kind !== "resolution") return;
      for (const call of waitingFor.calls)
        await executor.send(run, { kind: "resolve", call, outcome: "done", output: "paid" }, { id: call });
    },
  };
}

describe.each<[string, Scenario]>([
  ["adopted", scenario("adopt", { kind: "adopt" })],
  ["adopted when asked", scenario("ask", { kind: "adopt" })],
  ["declined when asked", scenario("ask", { kind: "pin" })],
])("a changed agent, %s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(10);
  });
});
