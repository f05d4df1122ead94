import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const agent = { name: "a", instructions: "Go on." };

describe("a scripted model", () => {
  it("fails loudly when its script has no answer left: at once, naming the step and the run", async () => {
    const world = createWorld([]);
    const result = await world.clock.until(world.executor.run(agent, { id: "r", input: "go" }));
    expect(result).toMatchObject({ status: "failed", error: { message: "the script has no answer for step 0 of r" } });
    // Not tried again: a longer script would not come of it.
    expect(world.models.calls).toHaveLength(1);
  });

  it("gives the same answer for a step to whoever asks: a process that goes on, a child", async () => {
    const world = createWorld([{ text: "first" }]);
    for (const id of ["a", "b"]) {
      const { output } = await world.clock.until(world.executor.run(agent, { id, input: "go" }));
      expect(output).toBe("first");
    }
    expect(world.models.calls.map(({ run, step }) => `${run} ${step}`)).toEqual(["a 0", "b 0"]);
  });
});
