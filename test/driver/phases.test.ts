/** Agents with phases: what each one sees, its bounds, and where a run goes on. */
import { describe, expect, it } from "vitest";
import { defineAgent } from "../../src/adapters/agents/define-agent.ts";
import type { Agent, Phase } from "../../src/ports/definition.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeTool, type World, type WorldOptions } from "../support/world.ts";

const look = makeTool("look", async () => "seen");
const write = makeTool("write", async () => "written");

const staged = (phases: readonly Phase[], more: Partial<Agent> = {}): Agent =>
  defineAgent({ name: "stager", instructions: "The agent.", tools: [look], phases, ...more });

const two = [
  { name: "Find", instructions: "Find {{Input}}." },
  { name: "Tell", instructions: "Tell: {{.Find}}" },
];

const textOf = (call: ModelCall): string => JSON.stringify(call.messages);
const problemOf = (agent: Agent): string => {
  try {
    defineAgent(agent);
    return "";
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string };
    return `${message} ${hint ?? ""}`;
  }
};

async function run(agent: Agent, script: Parameters<typeof createWorld>[0], options: WorldOptions = {}) {
  const world = createWorld(script, { agents: [agent], ...options });
  const result = await world.clock.until(world.executor.run(agent, { input: "moss", id: "r" }));
  return { world, result, events: await world.store.journal.read("r") };
}

describe("a definition", () => {
  it.each<[string, readonly Phase[], string]>([
    ["misspelt", [two[0] as Phase, { name: "Tell", instructions: "{{Fnd}}" }], "Did you mean `{{Find}}`?"],
    [
      "later",
      [
        { name: "A", instructions: "{{ .B }}" },
        { name: "B", instructions: "b" },
      ],
      "is a phase that comes later",
    ],
    ["itself", [{ name: "A", instructions: "x", input: "{{A}}" }], "is that phase itself"],
  ])("S27 refuses a template with a name that is %s", (_what, phases, message) => {
    expect(problemOf({ name: "x", instructions: "y", phases })).toContain(message);
  });

  it("S27 refuses names that mean something else, doubles, and bounds a phase does not have", () => {
    const of = (...phases: readonly object[]): string =>
      problemOf({ name: "x", instructions: "y", phases: phases as readonly Phase[] });
    expect(of({ name: "Input", instructions: "a" })).toContain("has a meaning of its own");
    expect(of({ name: "1st", instructions: "a" })).toContain("Use a letter");
    expect(of({ name: "A", instructions: "a" }, { name: "A", instructions: "b" })).toContain("two phases named A");
    expect(of({ name: "A", instructions: "a", limits: { toolErrors: 3 } })).toContain(
      "`phases[0].limits.toolErrors` is not a field",
    );
    expect(of({ name: "A", instructions: "a", tools: [3] })).toContain("`phases[0].tools` has an entry");
    expect(of({ name: "A", instructions: "\\{{Unknown}} {{#if}} {{Instructions}}" })).toBe("");
  });
});

describe("phases", () => {
  it("S27 has own prompts with the platform header, and gets earlier answers by name", async () => {
    const { world, result } = await run(staged(two), [{ text: "Moss {{Input}} is small." }, { text: "Tiny." }], {
      systemHeader: "Be kind to {{Find}}.",
    });
    expect(world.models.calls.map(({ instructions }) => instructions)).toEqual([
      "Be kind to {{Find}}.\n\nFind moss.",
      "Be kind to {{Find}}.\n\nTell: Moss {{Input}} is small.",
    ]);
    expect(result).toMatchObject({ status: "completed", output: "Tiny." });
    expect(result.phases).toEqual([
      { name: "Find", output: "Moss {{Input}} is small.", steps: 1 },
      { name: "Tell", output: "Tiny.", steps: 1 },
    ]);
    expect(result.steps.map(({ phase }) => phase)).toEqual(["Find", "Tell"]);
  });

  it("S27 gets the answer that it names, also when other phases came after that one", async () => {
    const three = [...two, { name: "Judge", instructions: "{{Find}} | {{Tell}} | {{Instructions}}" }];
    const { world } = await run(staged(three), [{ text: "found" }, { text: "told" }, { text: "judged" }]);
    expect(world.models.calls.at(-1)?.instructions).toBe("found | told | The agent.");
  });

  it("S27 has a conversation, tools, models and settings of its own, and files of the request in each", async () => {
    const resolved: string[] = [];
    const agent = staged(
      [
        { name: "Find", instructions: "a", settings: { temperature: 1 } },
        { name: "Tell", instructions: "b", input: "About {{Find}}", tools: [write], model: "smart" },
      ],
      { settings: { temperature: 0, topK: 5 } },
    );
    const world = createWorld([
      { calls: [{ name: "look" }] },
      { text: "found" },
      { calls: [{ name: "write" }] },
      { text: "told" },
    ]);
    const { models } = world;
    const spying = createWorld([], { models: { resolve: (tier) => (resolved.push(tier), models.resolve(tier)) } });
    const image = { mediaType: "image/png", bytes: new Uint8Array([1]) };
    const result = await spying.clock.until(
      spying.executor.run(agent, { input: "moss", images: [image], id: "r", settings: { topK: 9 } }),
    );
    expect(result.output).toBe("told");
    expect(resolved).toEqual(["fast", "smart"]);
    const [first, , third, fourth] = models.calls;
    expect(first?.settings).toEqual({ temperature: 1, topK: 9 });
    expect(third?.settings).toEqual({ temperature: 0, topK: 9 });
    expect([first, third].map((call) => call?.tools.map(({ name }) => name))).toEqual([["look"], ["write"]]);
    expect(third?.messages).toHaveLength(1);
    expect(JSON.stringify(third?.messages)).toContain("About found");
    expect(JSON.stringify(third?.messages)).toContain("image/png");
    expect(fourth?.messages).toHaveLength(3);
    expect(result.steps.map(({ calls }) => calls.map(({ name, outcome }) => `${name} ${outcome}`))).toEqual([
      ["look ok"],
      [],
      ["write ok"],
      [],
    ]);
  });

  it("S27 S46 saves the boundary between phases in one commit, which begins the next", async () => {
    const { events } = await run(staged(two), [{ text: "found" }, { text: "told" }]);
    expect(events.map(({ type }) => type)).toEqual(
      "run.started phase.started model.started model.answered phase.ended phase.started model.started model.answered phase.ended run.settling run.finished".split(
        " ",
      ),
    );
    const appends: number[] = [];
    const counted = createWorld([{ text: "found" }, { text: "told" }], {
      through: (store) => ({
        ...store,
        journal: { ...store.journal, append: (request) => (appends.push(request.events.length), store.journal.append(request)) },
      }),
    });
    await counted.clock.until(counted.executor.run(staged(two), "moss"));
    expect(appends).toEqual([4, 4]);
  });

  it("S27 takes a message into the phase it arrives in, also at that phase's answer", async () => {
    let world: World;
    const script = async (call: ModelCall): Promise<ScriptedAnswer> => {
      if (call.step === 0) await world.executor.send("r", { kind: "steer", content: "Only green ones." });
      return { text: `answer ${call.step}` };
    };
    world = createWorld(script);
    const result = await world.clock.until(world.executor.run(staged(two), { input: "moss", id: "r" }));
    expect(world.models.calls.map((call) => textOf(call).includes("Only green ones."))).toEqual([false, true, false]);
    expect(result.phases?.map(({ output }) => output)).toEqual(["answer 1", "answer 2"]);
  });

  it("S27 tells a tool and a watcher which phase it is", async () => {
    const seen: (string | undefined)[] = [];
    const ask = makeTool("ask", async (_input, context) => void seen.push(context.status().phase));
    const agent = staged(two, { tools: [ask] });
    await run(agent, [{ text: "found" }, { calls: [{ name: "ask" }] }, { text: "told" }]);
    expect(seen).toEqual(["Tell"]);
  });

  it("S27 begins guards afresh", async () => {
    const call = { calls: [{ name: "look", input: {} }] };
    const { result } = await run(staged(two, { limits: { repeats: 2 } }), [call, { text: "a" }, call, { text: "b" }]);
    expect(result).toMatchObject({ status: "completed", output: "b" });
    expect(result.steps.flatMap(({ calls }) => calls.map(({ outcome }) => outcome))).toEqual(["ok", "ok"]);
  });
});

describe("bounds", () => {
  const untilTold = (call: ModelCall): ScriptedAnswer =>
    call.toolChoice === "none" ? { text: `so far ${call.step}` } : { calls: [{ name: "look", input: call.step }] };

  it("S27 of a phase wrap it up, and the next one begins", async () => {
    const capped = [
      { name: "Find", instructions: "a", maxSteps: 3 },
      { name: "Tell", instructions: "{{Find}}", maxSteps: 1 },
    ];
    const { world, result } = await run(staged(capped), untilTold);
    expect(result).toMatchObject({ status: "completed", output: "so far 3" });
    expect(result.phases).toEqual([
      { name: "Find", output: "so far 2", steps: 3, limit: "steps" },
      { name: "Tell", output: "so far 3", steps: 1 },
    ]);
    expect(world.models.calls[3]?.instructions).toBe("so far 2");
    expect(result.limits.maxSteps).toBe(4);
  });

  it("S27 of the last phase end the run as that bound", async () => {
    const { result, events } = await run(staged([{ name: "Find", instructions: "a", maxSteps: 2 }]), untilTold);
    expect(result).toMatchObject({ status: "out_of_steps", output: "so far 1", error: { code: "limit_steps" } });
    expect(events.find(({ type }) => type === "phase.ended")).toMatchObject({ phase: "Find", limit: "steps" });
  });

  it("S27 of the run hold over all phases", async () => {
    const { result } = await run(staged(two, { limits: { maxSteps: 3 } }), (call) =>
      call.step === 0 ? { text: "found" } : untilTold(call),
    );
    expect(result).toMatchObject({ status: "out_of_steps", output: "so far 2" });
    expect(result.phases).toEqual([
      { name: "Find", output: "found", steps: 1 },
      { name: "Tell", steps: 2 },
    ]);
  });

  it.each([
    [
      "time",
      { timeMs: 6_000 },
      (call: ModelCall): ScriptedAnswer => (call.toolChoice === "none" ? { text: "late" } : { hang: true }),
    ],
    ["tokens", { tokens: 50 }, untilTold],
    ["usd", { costUsd: 0.0001 }, untilTold],
  ] as const)("S27 on %s are counted from the start of the phase", async (limit, limits, script) => {
    const phases = [
      { name: "Warm", instructions: "w" },
      { name: "Find", instructions: "f", limits },
      { name: "Tell", instructions: "{{Find}}" },
    ];
    const { result } = await run(staged(phases), (call) => (call.instructions === "f" ? script(call) : { text: "ok" }));
    expect(result.status).toBe("completed");
    expect(result.phases?.map((phase) => phase.limit)).toEqual([undefined, limit, undefined]);
  });

  it("S27 grow with an extension of the run", async () => {
    let world: World;
    const more = makeTool(
      "look",
      async () => void (await world.executor.send("r", { kind: "extend", steps: 2 }, { id: "more" })),
    );
    const agent = staged([{ name: "Find", instructions: "a", maxSteps: 2 }], { tools: [more] });
    world = createWorld((call) => (call.step < 2 ? { calls: [{ name: "look", input: call.step }] } : { text: "enough" }));
    const result = await world.clock.until(world.executor.run(agent, { input: "moss", id: "r" }));
    expect(result).toMatchObject({ status: "completed", output: "enough" });
  });
});

describe("a resume", () => {
  it("S27 S46 skips completed phases and goes on inside the current one, at the exact call", async () => {
    const ran: string[] = [];
    const log = (name: string) => makeTool(name, async (_input, context) => (ran.push(`${name} ${context.call}`), name));
    const agent = staged(
      [
        { name: "Find", instructions: "f" },
        { name: "Tell", instructions: "{{Find}}", tools: [log("write"), log("check")] },
      ],
      { tools: [log("look")] },
    );
    const script = [
      { calls: [{ name: "look" }] },
      { text: "found" },
      { calls: [{ name: "write" }] },
      { calls: [{ name: "check" }] },
      { text: "told" },
    ];
    let reached = (): void => {};
    const inCheck = new Promise<void>((resolve) => (reached = resolve));
    const first = createWorld((call) => (call.step === 3 ? (reached(), { hang: true }) : (script[call.step] ?? {})), {
      agents: [agent],
    });
    void first.executor.start(agent, { input: "moss", id: "r" });
    await inCheck;
    first.store.die();
    const next = createWorld(script, { agents: [agent], from: { ...first, store: first.store.peer("memory/2") } });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", output: "told" });
    expect(ran).toEqual(["look 0.0", "write 2.0", "check 3.0"]);
    expect(next.models.calls.map(({ step, instructions, messages }) => [step, instructions, messages.length])).toEqual([
      [3, "found", 3],
      [4, "found", 5],
    ]);
  });

  it("S27 needs code for the phases to come alone, and says whose is missing", async () => {
    const phases = [
      { name: "Find", instructions: "f" },
      { name: "Tell", instructions: "t", tools: [write] },
    ];
    const agent = staged(phases);
    let reached = (): void => {};
    const inTell = new Promise<void>((resolve) => (reached = resolve));
    const script = (call: ModelCall): ScriptedAnswer => (call.step === 1 ? (reached(), { hang: true }) : { text: "found" });
    const first = createWorld(script, { agents: [agent] });
    await first.executor.start(agent, { input: "moss", id: "r" });
    await inTell;
    await first.executor.shutdown();
    const without = createWorld([], {
      agents: [staged([phases[0] as Phase, { name: "Tell", instructions: "t", tools: [] }])],
      from: { ...first },
    });
    const waiting = await without.clock.until((await without.executor.resume("r")).result);
    expect(waiting).toMatchObject({ status: "waiting", waitingFor: { kind: "tools_missing", names: ["write"] } });
    const enough = defineAgent({ ...staged([phases[0] as Phase, phases[1] as Phase]), tools: [] });
    const next = createWorld([{ text: "x" }, { text: "told" }], { agents: [enough], from: { ...first } });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", output: "told" });
  });
});
