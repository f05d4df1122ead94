/** How many calls at once, with which tools, and as what they count. */
import { describe, expect, it } from "vitest";
import { defineAgent } from "../../src/adapters/agents/define-agent.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { agent, tool, world } from "../support/driver-world.ts";

const unchecked = { validate: (value: unknown) => ({ ok: true as const, value }) };

/** The most calls of these tools that were under way at once. */
async function mostAtOnce(names: readonly string[], limits: object, more: Partial<Tool>): Promise<number> {
  let [now, most] = [0, 0];
  const slow = (name: string): Tool =>
    tool(
      name,
      async () => {
        most = Math.max(most, ++now);
        for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
        now--;
        return "x";
      },
      { ...unchecked, ...more },
    );
  const calls = [0, 1, 2, 3, 4, 5].map((n) => ({ name: names[n % names.length] ?? "", input: { n } }));
  const result = await world([{ calls }, { text: "done" }]).executor.run(agent(names.map(slow), limits), "x");
  expect(result.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(calls.map(() => "ok"));
  return most;
}

describe("calls of one step", () => {
  it("are under way in the number that the run allows, and all come to their turn", async () => {
    expect(await mostAtOnce(["slow"], { parallelCalls: 2 }, {})).toBe(2);
    expect(await mostAtOnce(["one", "two", "three"], { parallelCalls: 2 }, {})).toBe(2);
    expect(await mostAtOnce(["slow"], {}, {})).toBe(6);
  });

  it("are under way in the number that their tool allows", async () => {
    expect(await mostAtOnce(["slow"], {}, { concurrency: 1 })).toBe(1);
    expect(await mostAtOnce(["one", "two"], {}, { concurrency: 1 })).toBe(2);
  });
});

describe("errors in a row", () => {
  it("begin anew with every call that succeeds", async () => {
    const moody = tool("moody", async (input) => {
      if ((input as { readonly n: number }).n % 2 === 0) throw new Error("not now");
      return JSON.stringify(input);
    });
    const { executor } = world(({ step }) => (step < 8 ? { calls: [{ name: "moody", input: { n: step } }] } : { text: "done" }));
    expect(await executor.run(agent([moody]), "x")).toMatchObject({ status: "completed", toolErrors: 4 });
  });
});

describe("the tools of a run", () => {
  it("are those of its phase: a call of another phase's tool is not run, however the model came by its name", async () => {
    const ran: string[] = [];
    const toolOf = (name: string): Tool => tool(name, async () => (ran.push(name), "x"), unchecked);
    const phases = [
      { name: "Find", instructions: "Find it.", tools: [toolOf("look")] },
      { name: "Tell", instructions: "Tell it.", tools: [toolOf("write")] },
    ];
    const staged = defineAgent({ name: "stager", instructions: "x", tools: [toolOf("own")], phases });
    const calls = ["look", "write", "own"].map((name) => ({ name }));
    const { executor } = world(({ step }) => (step % 2 === 0 ? { calls } : { text: "done" }), { agents: [staged] });
    const result = await executor.run(staged, "x");
    expect(result.status).toBe("completed");
    expect(ran).toEqual(["look", "write"]);
    expect(result.steps.map((step) => step.calls.map(({ outcome }) => outcome))).toEqual([
      ["ok", "invalid", "invalid"],
      [],
      ["invalid", "ok", "invalid"],
      [],
    ]);
  });

  it("are what they were when the run began: code that has become harmless does not make an old call repeatable", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    const script = [{ calls: [{ name: "pay" }] }, { text: "told" }];
    const before = agent([tool("pay", async () => "paid", { timeoutMs: 1_000, ...unchecked })]);
    await world(() => ({ hang: true }), {}, { store, clock }).executor.start(before, { input: "x", id: "r" });
    store.die();
    const now = agent([tool("pay", () => new Promise(() => {}), { effect: "read", timeoutMs: 30_000, ...unchecked })]);
    const next = world(script, { agents: [now] }, { store: store.peer("memory/2"), clock });
    const result = await clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "unknown" }] }, {}] });
    expect(JSON.stringify(await store.journal.read("r"))).toContain("timed out after 1000 ms");
  });
});
