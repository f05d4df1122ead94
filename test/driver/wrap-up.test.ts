import { describe, expect, it } from "vitest";
import type { ModelCall } from "../../src/ports/models.ts";
import { agent, tool, world } from "../support/driver-world.ts";

const unchecked = { validate: (value: unknown) => ({ ok: true as const, value }) };

/** Ids of calls without a result, and of results without a call, in the prompt of a call. */
function unpaired(call: ModelCall | undefined): readonly string[] {
  const parts = (call?.messages ?? []).flatMap((message) => (message.role === "user" ? [] : message.content));
  const ids = (type: string): string[] =>
    parts.flatMap((part) => (part.type === type && "toolCallId" in part ? [part.toolCallId] : []));
  const [calls, results] = [ids("tool-call"), ids("tool-result")];
  return [...calls.filter((id) => !results.includes(id)), ...results.filter((id) => !calls.includes(id))];
}

describe("the wrap-up step", () => {
  it("has a result for every call, also for those that were cancelled to make room for it", async () => {
    const hanging = tool("hanging", () => new Promise(() => {}), { effect: "read", ...unchecked });
    const quick = tool("quick", async () => "x", unchecked);
    const w = world(({ toolChoice }) =>
      toolChoice === "none"
        ? { text: "so far" }
        : { calls: [{ name: "hanging" }, { name: "quick" }, { name: "quick", input: { n: 2 } }] },
    );
    const result = await w.clock.until(w.executor.run(agent([hanging, quick], { timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", output: "so far" });
    expect(result.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(["cancelled", "ok", "ok"]);
    const last = w.models.calls.at(-1);
    expect(last?.messages.filter(({ role }) => role === "tool")).toMatchObject([{ content: [{}, {}, {}] }]);
    expect(unpaired(last)).toEqual([]);
  });

  it("is made once, also when the model asks for tools instead of answering", async () => {
    const hanging = tool("hanging", () => new Promise(() => {}), { effect: "read", ...unchecked });
    const w = world(({ step }) => ({ text: `step ${step}`, calls: [{ name: "hanging", input: { step } }] }));
    const result = await w.clock.until(w.executor.run(agent([hanging], { timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", output: "step 1" });
    expect(w.models.calls.map(({ toolChoice }) => toolChoice)).toEqual(["auto", "none"]);
  });

  it("runs no call of a model that asks for tools all the same", async () => {
    let runs = 0;
    const look = tool("look", async () => `seen ${++runs}`, { effect: "read" });
    const w = world(({ step }) => ({ text: `step ${step}`, calls: [{ name: "look", input: { step } }] }));
    const result = await w.executor.run(agent([look], { maxSteps: 3 }), "x");
    expect(result).toMatchObject({ status: "out_of_steps", output: "step 2" });
    expect(result.steps.map(({ calls }) => calls.map(({ outcome }) => outcome))).toEqual([["ok"], ["ok"], ["cancelled"]]);
    expect(runs).toBe(2);
    expect(w.models.calls).toHaveLength(3);
  });
});
