import { describe, expect, it } from "vitest";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const pay = makeTool("pay", async () => "paid");
const agent = makeAgent([pay], { maxSteps: 9 });

async function ran(): Promise<World> {
  const world = createWorld([{ calls: [{ name: "pay", input: { eur: 1 } }] }, { text: "Paid." }], { agents: [agent] });
  await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
  return world;
}

describe("replay against another definition", () => {
  it("agrees with the same one, and calls nothing", async () => {
    const world = await ran();
    expect(await world.executor.replay("r")).toEqual({ events: 9 });
    expect(await world.executor.replay("r", { against: agent })).toEqual({ events: 9 });
    expect(world.models.calls).toHaveLength(2);
    await expect(world.executor.replay("nobody")).rejects.toMatchObject({ code: "run_unknown" });
  });

  it.each([
    [
      "another prompt",
      { instructions: "Be another." },
      1,
      'another prompt: instructions, line 1: "You are a test." -> "Be another."',
    ],
    ["a shorter limit", { limits: { maxSteps: 1 } }, 5, "limit.reached"],
    ["another effect", { tools: [{ ...pay, effect: "read" as const }] }, 3, "it would want tool:0.0#0"],
    [
      "arguments that do not fit any more",
      { tools: [{ ...pay, validate: () => ({ ok: false as const, problem: "too much" }) }] },
      2,
      "call 0.0 of pay would be refused: too much",
    ],
  ])("names the first difference: %s", async (_what, change, seq, now) => {
    const world = await ran();
    const { divergence } = await world.executor.replay("r", { against: { ...agent, ...change } });
    expect(divergence?.now).toContain(now);
    expect(divergence?.seq).toBe(seq);
  });
});
