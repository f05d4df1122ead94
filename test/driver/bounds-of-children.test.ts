/** What a child may use: never more than what its parent has left. */
import { describe, expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { Agent } from "../../src/run/types.ts";
import type { Limits } from "../../src/ports/limits.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, type World } from "../support/world.ts";

const lead = (limits: Agent["limits"], helper: Agent["limits"] = {}): Agent => ({
  ...makeAgent([], limits),
  name: "lead",
  delegates: [{ name: "helper", instructions: "Help.", limits: helper ?? {} }],
});
const ask = (n: number): ScriptedAnswer => ({
  calls: Array.from({ length: n }, (_, i) => ({ name: "agent__helper", input: { prompt: `part ${i}` } })),
  usage: { inputTokens: 0, outputTokens: 0 },
});

async function limitsOf({ store }: World, run: string): Promise<Limits | undefined> {
  const [first] = await store.journal.read(run);
  return first?.type === "run.started" ? first.limits : undefined;
}

describe("a child", () => {
  it("has no more time and money than its parent has left, whatever its own agent says", async () => {
    const wide = { timeMs: 3_600_000, costUsd: 100, tokens: 1_000_000 };
    const world = createWorld(({ run, step }) => (run === "r" && step === 0 ? ask(1) : { text: "end" }));
    const agent = lead({ timeMs: 60_000, costUsd: 1, tokens: 5_000 }, wide);
    expect(await world.clock.until(world.executor.run(agent, { input: "x", id: "r" }))).toMatchObject({ status: "completed" });
    const limits = await limitsOf(world, childRunId("r", "0.0"));
    expect(limits?.timeMs).toBeLessThan(60_000);
    expect(limits?.costUsd).toBeLessThanOrEqual(1);
    expect(limits?.tokens).toBeLessThanOrEqual(5_000);
  });
});
