/** S14: agents and skills as tools, each a run of its own. */
import { describe, expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { Skill } from "../../src/ports/delegates.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Agent } from "../../src/run/types.ts";
import type { Script, ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

export const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps." };
const lead = (more: Partial<Agent> = {}): Agent => ({ ...makeAgent([]), name: "lead", delegates: [helper], ...more });
const CHILD = childRunId("r", "0.0");
const ask = (...prompts: string[]): ScriptedAnswer => ({
  calls: prompts.map((prompt) => ({ name: "agent__helper", input: { prompt } })),
});

/** Scripts by run: the parent is `r`, every other run is a child. */
function by(parent: Script, child: Script): (call: ModelCall) => ScriptedAnswer | Promise<ScriptedAnswer> {
  const pick = (script: Script, call: ModelCall) => {
    const answer = typeof script === "function" ? script(call) : script[call.step];
    if (answer === undefined) throw new Error(`nothing to say at step ${call.step} of ${call.run}`);
    return answer;
  };
  return (call) => pick(call.run === "r" ? parent : child, call);
}

async function play(world: World, agent: Agent, more = {}) {
  return world.clock.until(world.executor.run(agent, { input: "go", id: "r", ...more }));
}

const world = (parent: Script, child: Script, options: WorldOptions = {}) => createWorld(by(parent, child), options);

describe("an agent delegate", () => {
  it("S14 is offered as a tool and runs as a child whose answer is the result of the call", async () => {
    const here = world([ask("Count to three."), { text: "It said so." }], [{ text: "One, two, three." }]);
    const result = await play(here, lead());
    expect(result).toMatchObject({ status: "completed", output: "It said so." });
    expect(result.steps[0]?.calls[0]).toMatchObject({
      name: "agent__helper",
      outcome: "ok",
      output: "One, two, three.",
      child: CHILD,
    });
    expect(here.models.calls[0]?.tools[0]).toMatchObject({ name: "agent__helper" });
    const row = await here.store.runs.get(CHILD);
    expect(row).toMatchObject({ agent: "helper", status: "completed", parent: "r", root: "r" });
    const [started] = await here.store.journal.read(CHILD);
    expect(started).toMatchObject({
      request: { parent: "r", parentCall: "0.0", root: "r", depth: 1, input: [{ text: "Count to three." }] },
    });
    expect((await here.store.runs.list({ parent: "r" })).map(({ run }) => run)).toEqual([CHILD]);
  });

  it("S14 is started after its intent is durable, and ends the call through the parent's inbox", async () => {
    const here = world([ask("x"), { text: "end" }], [{ text: "y" }]);
    await play(here, lead());
    const types = (await here.store.journal.read("r")).map(({ type }) => type);
    expect(types).toEqual([
      "run.started",
      "model.started",
      "model.answered",
      "child.started",
      "child.ended",
      "model.started",
      "model.answered",
      "run.settling",
      "run.finished",
    ]);
  });

  it("S14 adds what it used to its parent once", async () => {
    const here = world([ask("x", "y"), { text: "end" }], [{ text: "y" }]);
    const result = await play(here, lead());
    expect(result.usage).toMatchObject({ inputTokens: 40, outputTokens: 20 });
    expect(result.costUsd).toBeCloseTo(4 * 20e-6, 10);
  });

  it("S14 fails as data: status, reason and what it had so far", async () => {
    const here = world([ask("x"), { text: "end" }], (call) =>
      call.step === 0
        ? { text: "So far.", calls: [{ name: "nope" }] }
        : { error: Object.assign(new Error("bad key"), { retryable: false }) },
    );
    const result = await play(here, lead());
    expect(result.status).toBe("completed");
    expect(result.steps[0]?.calls[0]).toMatchObject({
      outcome: "error",
      output: { status: "failed", delegate: "helper", partialOutput: "So far." },
    });
    expect(JSON.stringify(result.steps[0]?.calls[0]?.output)).toContain("bad key");
  });

  it("S14 inherits the tier and the labels, caller and tenant of its parent", async () => {
    const here = world([ask("x"), { text: "end" }], [{ text: "y" }]);
    await play(here, lead(), { model: "smart", caller: "ana", tenant: "acme", labels: { a: "b" } });
    const [started] = await here.store.journal.read(CHILD);
    expect(started).toMatchObject({ agent: { tier: "smart" }, request: { caller: "ana", tenant: "acme", labels: { a: "b" } } });
  });

  it("S14 that cannot be admitted is an error for the model, and no run", async () => {
    const broken: Agent = { ...helper, tools: ["nowhere"] };
    const here = world([ask("x"), { text: "end" }], []);
    const result = await play(here, lead({ delegates: [broken] }));
    expect(result.steps[0]?.calls[0]?.outcome).toBe("error");
    expect(String(result.steps[0]?.calls[0]?.output)).toContain("nowhere");
    expect(await here.store.runs.get(CHILD)).toBeUndefined();
  });
});

describe("a palette", () => {
  it("S14 that is not there offers nothing, and a name without one is refused", async () => {
    const here = world([{ text: "end" }], []);
    await play(here, makeAgent([]));
    expect(here.models.calls[0]?.tools).toEqual([]);
    const refused = await here.clock.until(here.executor.run(lead({ delegates: ["helper"] }), "go"));
    expect(refused.error).toMatchObject({ code: "delegate_unknown" });
  });

  it("S14 refuses two delegates of one name", async () => {
    const here = world([], []);
    const refused = await here.clock.until(here.executor.run(lead({ delegates: [helper, helper] }), "go"));
    expect(refused.error).toMatchObject({ code: "tool_duplicate" });
  });
});

describe("bounds", () => {
  it("S14 hold for the tree: a child gets what its parent has left, shared among those that start together", async () => {
    const here = world([ask("x", "y"), { text: "end" }], [{ text: "y" }]);
    await play(here, lead(), { limits: { timeMs: 60_000, tokens: 1_000, costUsd: 1 } });
    const [started] = await here.store.journal.read(CHILD);
    if (started?.type !== "run.started") throw new Error("no start");
    expect(started.limits.timeMs).toBe(48_000);
    expect(started.limits.tokens).toBe(Math.floor((1_000 - 15 - 30) / 2));
    expect(started.limits.costUsd).toBeCloseTo((1 - 3 * 20e-6) / 2, 9);
  });

  it("S14 keep the child's own limits where they are narrower", async () => {
    const here = world([ask("x"), { text: "end" }], [{ text: "y" }]);
    await play(here, lead({ delegates: [{ ...helper, limits: { timeMs: 5_000, tokens: 100 } }] }), { limits: { tokens: 1_000 } });
    const [started] = await here.store.journal.read(CHILD);
    expect(started).toMatchObject({ limits: { timeMs: 5_000, tokens: 100 } });
  });

  it("S14 are answered as data when a run is too deep", async () => {
    const self: Agent = { name: "helper", instructions: "Help.", delegates: ["helper"] };
    const delegates = { resolve: async () => [self], names: async () => ["agent__helper"] };
    const here = createWorld((call) => (call.step === 0 ? ask("deeper") : { text: "end" }), { delegates });
    const result = await play(here, lead({ delegates: ["helper"] }), { limits: { depth: 2 } });
    expect(result.status).toBe("completed");
    const rows = await here.store.runs.list({ root: "r" });
    expect(rows).toHaveLength(2);
    const deepest = rows.find(({ parent }) => parent !== "r");
    const events = await here.store.journal.read(deepest?.run ?? "");
    const refusal = events.find((event) => event.type === "tool.ended");
    expect(refusal).toMatchObject({ outcome: "error" });
    expect(JSON.stringify(refusal)).toContain("2 deep");
  });

  it("S14 say how many children there may be, at once and in all", async () => {
    let now = 0;
    let most = 0;
    const slow = makeTool("slow", async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return "ok";
    });
    const here = world([ask("1", "2", "3", "4"), { text: "end" }], [{ calls: [{ name: "slow" }] }, { text: "y" }]);
    const result = await play(here, lead({ delegates: [{ ...helper, tools: [slow] }] }), {
      limits: { parallelChildren: 2, children: 3 },
    });
    expect(result.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok", "error"]);
    expect(String(result.steps[0]?.calls[3]?.output)).toContain("3 times");
    expect(most).toBe(2);
  });

  it("S14 leave a parent the time to say what it has when a child has used up the rest", async () => {
    const here = world([ask("x"), { text: "Partial." }], [{ hang: true }]);
    const result = await play(here, lead(), { limits: { timeMs: 12_000 } });
    expect(result).toMatchObject({ status: "completed", output: "Partial.", activeMs: 8_000 });
    expect(await here.store.runs.get(CHILD)).toMatchObject({ status: "timed_out" });
  });
});

describe("ending a parent", () => {
  it.each(["cancel", "kill"] as const)("S14 ends its children first: %s", async (kind) => {
    const deep: Agent = { ...helper, name: "helper", delegates: [{ name: "third", instructions: "x" }] };
    const here = createWorld((call) =>
      call.run === "r"
        ? ask("x")
        : call.run === CHILD
          ? { calls: [{ name: "agent__third", input: { prompt: "y" } }] }
          : { hang: true },
    );
    const handle = await here.executor.start(lead({ delegates: [deep] }), { input: "go", id: "r" });
    const grandchild = childRunId(CHILD, "0.0");
    while ((await here.store.runs.get(grandchild)) === undefined) await new Promise((resolve) => setImmediate(resolve));
    await here.executor.send("r", { kind, reason: "enough" });
    const status = kind === "kill" ? "killed" : "cancelled";
    expect(await here.clock.until(handle.result)).toMatchObject({ status });
    for (const run of [CHILD, grandchild]) expect(await here.store.runs.get(run), run).toMatchObject({ status });
  });
});

const skill: Skill = {
  kind: "skill",
  name: "counting",
  description: "How to count.",
  body: async () => "Use your fingers.",
  files: { list: async () => ["references/toes.md"], read: async (path) => `the text of ${path}` },
};

describe("a skill", () => {
  it("S14 gives its instructions when it is called without a prompt, pinned, and its files one by one", async () => {
    const here = world(
      [
        { calls: [{ name: "skill__counting" }] },
        { calls: [{ name: "skill__counting", input: { file: "references/toes.md" } }] },
        { text: "end" },
      ],
      [],
    );
    const result = await play(here, lead({ delegates: [skill] }));
    expect(String(result.steps[0]?.calls[0]?.output)).toMatch(/Use your fingers\.[^]*references\/toes\.md/);
    expect(result.steps[1]?.calls[0]?.output).toBe("the text of references/toes.md");
    const ended = (await here.store.journal.read("r")).filter((event) => event.type === "tool.ended");
    expect(ended.map((event) => event.type === "tool.ended" && event.pinned)).toEqual([true, undefined]);
    expect(await here.store.runs.list({ parent: "r" })).toEqual([]);
  });

  it("S14 is a run of its own with a prompt, with its caller's tools", async () => {
    const used: string[] = [];
    const tool = makeTool("abacus", async () => (used.push("abacus"), "3"));
    const here = world(
      [{ calls: [{ name: "skill__counting", input: { prompt: "Count the beans." } }] }, { text: "end" }],
      [{ calls: [{ name: "abacus" }] }, { text: "Three." }],
    );
    const result = await play(here, lead({ tools: [tool], delegates: [skill] }));
    expect(result.steps[0]?.calls[0]).toMatchObject({ output: "Three.", child: CHILD });
    expect(used).toEqual(["abacus"]);
    const [started] = await here.store.journal.read(CHILD);
    expect(started).toMatchObject({ agent: { name: "counting" } });
    if (started?.type !== "run.started") throw new Error("no start");
    expect(started.agent.instructions).toContain("Use your fingers.");
    expect(started.agent.tools.map(({ name }) => name)).toEqual(["abacus", "skill__counting_files"]);
  });
});
