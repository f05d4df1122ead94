import { describe, expect, it } from "vitest";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

const SCRIPT: Script = [{ calls: [{ name: "look", input: { n: 1 } }] }, { text: "done" }];
const look = (more: Partial<Tool> = {}): Tool => makeTool("look", async () => "seen", { effect: "read", ...more });

/** The first process is stopped in its model call; the second knows `after`. */
async function stopped(before: Agent, options: WorldOptions = {}): Promise<World> {
  const world = createWorld([{ hang: true }], { agents: [before], ...options });
  await world.executor.start(before, { input: "go", id: "r" });
  await world.executor.shutdown();
  return world;
}

function next(world: World, after: readonly Agent[], options: WorldOptions = {}): World {
  return createWorld(SCRIPT, { agents: after, from: world, wakes: false, ...options });
}

async function events(world: World): Promise<readonly RunEvent[]> {
  return world.store.journal.read("r");
}

const base = makeAgent([look()], { maxSteps: 9 });
const changed: Agent = { ...base, instructions: "You are another test.", limits: { maxSteps: 20 } };

describe("a changed definition", () => {
  it("is passed over by default: the run goes on with what it began with", async () => {
    const world = next(await stopped(base), [changed]);
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ output: "done" });
    expect(world.models.calls.map(({ instructions }) => instructions)).toEqual(["You are a test.", "You are a test."]);
    expect((await events(world)).some(({ type }) => type.startsWith("agent."))).toBe(false);
  });

  it("is adopted with `adopt`: instructions, limits, tools, from there on", async () => {
    const better: Agent = { ...changed, tools: [look({ description: "looks better" }), makeTool("new", async () => "")] };
    const world = next(await stopped(base), [better], { onAgentChange: "adopt" });
    const result = await world.clock.until((await world.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", output: "done", limits: { maxSteps: 20 } });
    expect(world.models.calls[0]).toMatchObject({ instructions: "You are another test." });
    expect(world.models.calls[0]?.tools.map(({ name }) => name)).toEqual(["look", "new"]);
    const adopted = (await events(world)).find(({ type }) => type === "agent.adopted");
    expect(adopted).toMatchObject({
      changes: [
        'instructions, line 1: "You are a test." -> "You are another test."',
        "limits.maxSteps: 9 -> 20",
        'tool look, description: "the tool look" -> "looks better"',
        "tool new is new",
      ],
    });
  });

  it("that is the same again changes nothing", async () => {
    const world = next(await stopped(base), [{ ...base, onChange: "ask", description: "another description" }]);
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ output: "done" });
    expect((await events(world)).map(({ type }) => type)).not.toContain("agent.changed");
  });

  it("keeps limits and models that the request chose, and tools it brought", async () => {
    const extra = makeTool("extra", async () => "", { effect: "read" });
    const world = createWorld([{ hang: true }]);
    await world.executor.start(base, { input: "go", id: "r", limits: { maxSteps: 5 }, model: "own/tier", extraTools: [extra] });
    await world.executor.shutdown();
    const agent: Agent = { ...changed, model: "smart", onChange: "adopt" };
    const tools = { resolve: async () => [extra], names: () => ["extra"] };
    const second = next(world, [agent], { tools });
    const result = await second.clock.until((await second.executor.resume("r")).result);
    expect(result.limits.maxSteps).toBe(5);
    expect(second.models.calls[0]?.tools.map(({ name }) => name)).toEqual(["look", "extra"]);
    const adopted = (await events(second)).find(({ type }) => type === "agent.adopted");
    expect(adopted).toMatchObject({ agent: { tier: "own/tier", model: "smart" } });
  });

  it("cannot be adopted where it cannot be built: the run goes on as it was", async () => {
    const warnings: string[] = [];
    const observers = [{ warning: (_run: string, message: string) => void warnings.push(message) }];
    const agent: Agent = { ...changed, tools: [look(), "nowhere"], onChange: "adopt" };
    const world = next(await stopped(base), [agent], { observers });
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ output: "done" });
    expect(warnings).toEqual([
      expect.stringContaining("its changed definition cannot be used here: agent tester names the tool"),
    ]);
  });
});

describe("with `ask`", () => {
  const asking: Agent = { ...changed, onChange: "ask" };

  async function asked(): Promise<World> {
    const world = next(await stopped(base), [asking]);
    const result = await world.clock.until((await world.executor.resume("r")).result);
    expect(result).toMatchObject({
      status: "waiting",
      waitingFor: {
        kind: "agent_changed",
        changes: [expect.stringContaining("instructions, line 1"), "limits.maxSteps: 9 -> 20"],
      },
    });
    expect(world.models.calls).toEqual([]);
    return world;
  }

  it("waits, is told to adopt, and goes on with the new definition", async () => {
    const world = await asked();
    await world.executor.send("r", { kind: "adopt" }, { from: "ana" });
    const result = await world.clock.until((await world.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", limits: { maxSteps: 20 } });
    expect(world.models.calls[0]?.instructions).toBe("You are another test.");
    expect((await events(world)).find(({ type }) => type === "agent.decided")).toMatchObject({ decision: "adopt", from: "ana" });
  });

  it("is told to pin, and is not asked about that definition again", async () => {
    const world = await asked();
    await world.executor.send("r", { kind: "pin" });
    const again = createWorld([{ hang: true }], { agents: [asking], from: world, wakes: false });
    await again.executor.resume("r");
    await new Promise((resolve) => setImmediate(resolve));
    await again.executor.shutdown();
    const third = next(again, [asking]);
    expect(await third.clock.until((await third.executor.resume("r")).result)).toMatchObject({ status: "completed" });
    expect(third.models.calls[0]?.instructions).toBe("You are a test.");
    expect((await events(third)).filter(({ type }) => type === "agent.changed")).toHaveLength(2);
    const other: Agent = { ...asking, instructions: "A third one." };
    const begun = await asked();
    await begun.executor.send("r", { kind: "pin" });
    const fourth = next(begun, [other]);
    expect(await fourth.clock.until((await fourth.executor.resume("r")).result)).toMatchObject({ status: "completed" });
  });

  it("a decision that nobody asked for is nothing", async () => {
    const world = next(await stopped(base), [base]);
    await world.executor.send("r", { kind: "adopt" });
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ status: "completed" });
  });

  it("binds the code of the definition that was chosen", async () => {
    const strict = { type: "object", properties: { n: { type: "number" } } };
    const other: Agent = { ...asking, tools: [look({ inputSchema: strict, execute: async () => "seen anew" })] };
    for (const [kind, expected] of [
      ["adopt", { status: "completed" }],
      ["pin", { status: "waiting", waitingFor: { kind: "tools_missing", names: ["look (its input schema changed)"] } }],
    ] as const) {
      const world = next(await stopped(base), [other]);
      await world.clock.until((await world.executor.resume("r")).result);
      await world.executor.send("r", { kind });
      const result = await world.clock.until((await world.executor.resume("r")).result);
      expect(result).toMatchObject(expected);
      expect(result.steps[0]?.calls[0]?.output).toBe(kind === "adopt" ? "seen anew" : undefined);
    }
  });
});

describe("a removed agent", () => {
  it("leaves the run waiting, named, and it goes on when the agent is back", async () => {
    const without = next(await stopped({ ...base, source: "/agents/tester.ts" }), []);
    const waiting = await (await without.executor.resume("r")).result;
    expect(waiting).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "agent_missing", agent: "/agents/tester.ts", names: ["look"] },
    });
    const back = next(without, [base]);
    const { resumed } = await back.executor.recover();
    expect(await back.clock.until(resumed[0]?.result ?? Promise.reject(new Error("not resumed")))).toMatchObject({
      status: "completed",
    });
  });

  it("is not missed where none of its code is needed", async () => {
    const world = next(await stopped(makeAgent([])), []);
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ status: "completed" });
  });
});

describe("plan", () => {
  it("says what a resume would do, call by call, and does none of it", async () => {
    let crashed = (): void => {};
    const underWay = new Promise<void>((resolve) => (crashed = resolve));
    const hang = (): Promise<never> => (crashed(), new Promise(() => {}));
    const calls = ["pay", "book", "mail", "look"].map((name) => ({ name, input: { to: "ana" } }));
    const tools = (execute: Tool["execute"]): readonly Tool[] => [
      makeTool("pay", execute),
      makeTool("book", execute, { reconcile: async () => ({ outcome: "not-done" }) }),
      makeTool("mail", execute, { onUnknown: "rerun" }),
      look(),
    ];
    const agent = makeAgent(tools(hang), { parallelCalls: 3 });
    const world = createWorld([{ calls }, { text: "done" }], { agents: [agent] });
    await world.executor.start(agent, { input: "go", id: "r" });
    await underWay;
    world.store.die();
    const store = world.store.peer("memory/2");
    const second = createWorld([{ calls }, { text: "done" }], {
      agents: [
        makeAgent(
          tools(async () => "ok"),
          { parallelCalls: 3 },
        ),
      ],
      from: { ...world, store },
    });
    const before = await store.journal.read("r");
    const plan = await second.executor.plan("r");
    expect(plan).toMatchObject({ status: "interrupted", done: { steps: 1, calls: 0 }, missing: [], others: [] });
    expect(plan.calls.map(({ name, inDoubt, plan, effect }) => [name, inDoubt, plan, effect])).toEqual([
      ["pay", true, "told-unknown", "once"],
      ["book", true, "reconciles", "once"],
      ["mail", true, "runs", "once"],
      ["look", false, "runs", "read"],
    ]);
    expect(plan.events.map(({ type }) => type)).toEqual(["attempt.started", "tool.ended", "tool.reconciled"]);
    expect(await store.journal.read("r")).toEqual(before);
    expect(await second.clock.until((await second.executor.resume("r")).result)).toMatchObject({ status: "completed" });
    await expect(second.executor.plan("r")).rejects.toMatchObject({ code: "run_finished" });
    await expect(second.executor.plan("nobody")).rejects.toMatchObject({ code: "run_unknown" });
  });

  it("names the model that would be called, and what it would wait for", async () => {
    const world = next(await stopped(base), [changed]);
    expect(await world.executor.plan("r")).toMatchObject({
      model: { id: "script/model", step: 0, attempt: 2 },
      definition: { policy: "pin", changes: [expect.stringContaining("instructions"), "limits.maxSteps: 9 -> 20"] },
    });
    const without = next(world, []);
    expect(await without.executor.plan("r")).toMatchObject({
      missing: ["look"],
      waitingFor: { kind: "agent_missing", agent: "tester", names: ["look"] },
    });
    const asking = next(world, [{ ...changed, onChange: "ask" }]);
    expect(await asking.executor.plan("r")).toMatchObject({
      waitingFor: { kind: "agent_changed" },
      definition: { policy: "ask" },
    });
  });

  it("says what ends, and which model is not there", async () => {
    const world = await stopped(base);
    const unable = next(world, [base], { models: { resolve: async () => [] } });
    expect(await unable.executor.plan("r")).toMatchObject({
      problem: { code: "model_unknown", message: "it began with script/model, which is not configured here" },
    });
    await unable.executor.send("r", { kind: "cancel", reason: "not needed" });
    expect(await unable.executor.plan("r")).toMatchObject({ ends: { status: "cancelled" } });
  });
});

it("a payment in doubt is decided by the definition that the run was told to adopt", async () => {
  const pay = (onUnknown: Tool["onUnknown"]): Tool =>
    makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer")), { onUnknown });
  const before = makeAgent([pay("ask")]);
  const script: Script = [{ calls: [{ name: "pay" }] }, { text: "told" }];
  const world = createWorld(script, { agents: [{ ...before, tools: [pay("report")], onChange: "adopt" }], wakes: false });
  expect(await world.clock.until(world.executor.run(before, { input: "go", id: "r" }))).toMatchObject({ status: "waiting" });
  const result = await world.clock.until((await world.executor.resume("r")).result);
  expect(result.steps[0]?.calls[0]).toMatchObject({ outcome: "unknown" });
});

it.each(["adopt", "ask"] as const)("S27 a fork with instructions of its own keeps them, with %s too", async (onChange) => {
  const agent: Agent = { ...base, onChange };
  const world = createWorld(SCRIPT, { agents: [agent] });
  await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
  const edit = { instructions: "Say it otherwise." };
  const fork = await world.executor.fork("r", { at: 0, id: "f", edit });
  expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed" });
  expect(world.models.calls.at(-1)?.instructions).toBe("Say it otherwise.");
  const later = next(world, [{ ...changed, onChange, tools: [look(), makeTool("new", async () => "")] }]);
  const other = await later.executor.fork("r", { at: 0, id: "g", edit });
  const result = await later.clock.until(other.result);
  expect(result.status).toBe(onChange === "adopt" ? "completed" : "waiting");
  const asked = (await later.executor.plan("g").catch(() => undefined))?.definition?.changes ?? [];
  expect(asked.join()).not.toContain("instructions");
  const called = later.models.calls.map(({ instructions, tools }) => [instructions, tools.length]);
  expect(called.at(-1)).toEqual(onChange === "adopt" ? [edit.instructions, 2] : undefined);
});
