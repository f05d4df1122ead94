/** A plan shows what people changed, and work that was handed on: arguments that wait, edits of a fork, runs of delegates. */
import { beforeAll, expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { childRunId } from "../../src/kernel/children.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { planLines } from "../../src/hosts/cli/view/plan-lines.ts";
import { createWorld, makeAgent, type World } from "../support/world.ts";

const pay = defineTool({
  name: "pay",
  description: "Pays.",
  input: { type: "object", properties: { amount: { type: "number" } }, required: ["amount"] },
  approval: "always",
  execute: ({ amount }) => `paid ${String(amount)}`,
});
const agent = makeAgent([pay]);
const script = [{ calls: [{ name: "pay", input: { amount: 900 } }] }, { text: "end" }];

// The validator is loaded by its first use, and real waiting looks like a run that stalls to a fake clock.
beforeAll(async () => {
  await pay.validate({ amount: 1 });
});

/** It waits for approval in a store that no process drives, and somebody has answered. */
async function answered(input: { readonly amount: unknown }): Promise<World> {
  const kept = createMemoryStore({ now: () => 0 });
  const world = createWorld(script, { agents: [agent], from: { ...createWorld([]), store: kept } });
  expect(await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }))).toMatchObject({ status: "waiting" });
  await kept.inbox.send("r", { id: "a1", kind: "approve", approval: "r:0.0", input: input as { amount: number } });
  return createWorld(script, { agents: [agent], from: { ...world, store: kept.peer("memory/2") } });
}

it("shows the arguments that a person gave a call, and that the tool takes", async () => {
  const world = await answered({ amount: 40 });
  const plan = await world.executor.plan("r");
  expect(plan.calls).toMatchObject([{ name: "pay", plan: "runs", input: { amount: 40 }, inputBefore: { amount: 900 } }]);
  const lines = planLines(plan, "x.db");
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}step 1 {2}pay amount=40: runs$|^ {2}step 1 {2}pay .*40.*: runs$/));
  expect(lines).toContainEqual(expect.stringMatching(/a person changed its arguments; the model gave .*900/));
  expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({
    steps: [{ calls: [{ output: "paid 40" }] }, {}],
  });
});

it("says so when they do not fit the tool: the call goes on waiting", async () => {
  const world = await answered({ amount: "lots" });
  const plan = await world.executor.plan("r");
  expect(plan.calls).toMatchObject([{ name: "pay", plan: "waits", input: { amount: 900 } }]);
  expect(plan.refusedAnswers).toEqual([expect.stringContaining("the edited arguments do not fit pay")]);
  expect(planLines(plan, "x.db").join("\n")).toContain("an answer that waits is refused: the edited arguments do not fit pay");
});

it("shows what was changed in the part that a fork copied", async () => {
  const world = createWorld(() => ({ hang: true }), { agents: [agent] });
  await world.executor.start(agent, { input: "go", id: "r" });
  while ((await world.store.journal.read("r")).length < 2) await new Promise((resolve) => setImmediate(resolve));
  await world.executor.fork("r", { at: 0, id: "f", edit: { instructions: "Pay nothing." } });
  const plan = await world.executor.plan("f");
  expect(plan.fork).toMatchObject({ run: "r", seq: 0, edits: [expect.stringContaining("instructions")] });
  const text = planLines(plan, "x.db").join("\n");
  expect(text).toMatch(/up to event 0 it is a copy of r, in which this was changed:\n {4}.*instructions/);
  expect((await world.executor.plan("r")).fork).toBeUndefined();
});

it("S14 says which runs work that was handed on goes on in, and how they stand", async () => {
  const kid = { ...agent, name: "kid", description: "Pays." };
  const lead = { ...makeAgent([]), name: "lead", delegates: [kid], limits: { parallelChildren: 1 } };
  const hand = { name: "agent__kid", input: { prompt: "Pay." } };
  const world = createWorld(({ run, step }) => (run === "r" && step === 0 ? { calls: [hand, hand] } : (script[step] ?? {})), {
    agents: [lead, kid],
  });
  expect(await world.clock.until(world.executor.run(lead, { input: "go", id: "r" }))).toMatchObject({ status: "waiting" });
  const [first, second] = [childRunId("r", "0.0"), childRunId("r", "0.1")];
  const plan = await world.executor.plan("r");
  expect(plan.calls).toMatchObject([
    { plan: "runs", child: { run: first, status: "waiting" } },
    { plan: "runs", child: { run: second, status: "waiting" } },
  ]);
  expect(plan.others).toEqual([]);
  expect(planLines(plan, "x.db")[2]).toBe(`  step 1  agent__kid Pay.: goes on in its own run ${first} (waiting)`);
  const begun = { ...plan, calls: plan.calls.map((call) => ({ ...call, child: { run: "run_X" } })) };
  expect(planLines(begun, "x.db")[2]).toBe("  step 1  agent__kid Pay.: is handed on to a run of its own, run_X");
});
