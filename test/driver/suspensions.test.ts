import { describe, expect, it } from "vitest";
import { decide } from "../../src/kernel/decide.ts";
import { evolve } from "../../src/kernel/evolve.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { JsonValue } from "../../src/ports/json.ts";
import type { Tool, ToolContext } from "../../src/ports/tools.ts";
import type { Wake } from "../../src/ports/waiting.ts";
import { askTool } from "../../src/adapters/tools/ask-tool.ts";
import { foldJournal } from "../../src/run/result.ts";
import type { RunResult } from "../../src/run/types.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const HOUR = 3_600_000;

/** The first use of the validator loads it, and real waiting looks like idleness to a fake clock. */
async function ready(tool: Tool, input: JsonValue): Promise<Tool> {
  await tool.validate(input);
  return tool;
}

interface Started {
  readonly world: World;
  readonly result: RunResult;
  /** The run, once it stands still again. */
  readonly next: () => Promise<RunResult>;
  readonly events: (type?: RunEvent["type"]) => Promise<readonly RunEvent[]>;
  /** What the model was told last. */
  readonly told: () => string;
}

async function start(tools: readonly Tool[], script?: readonly ScriptedAnswer[]): Promise<Started> {
  const agent = makeAgent(tools);
  const calls = tools.map(({ name }) => ({ name, input: { n: 1 } }));
  const world = createWorld(script ?? [{ calls }, { text: "done" }], { agents: [agent] });
  const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
  const next = async (): Promise<RunResult> =>
    world.clock.until((await world.executor.start(agent, { input: "go", id: "r" })).result);
  const events = async (type?: RunEvent["type"]): Promise<readonly RunEvent[]> =>
    (await world.store.journal.read("r")).filter((event) => type === undefined || event.type === type);
  return { world, result, next, events, told: () => JSON.stringify(world.models.calls.at(-1)?.messages.at(-1)) };
}

interface Counted extends Tool {
  runs: number;
}

const suspending = (suspend: (context: ToolContext) => unknown, more: Partial<Tool> = {}): Counted => {
  const tool: Counted = { ...makeTool("work", async (_, context) => (tool.runs++, suspend(context)), more), runs: 0 };
  return tool;
};

describe("questions", () => {
  it("ask a person, whose answer is the call's result", async () => {
    const ask = suspending((context) => context.ask("Which colour?", { choices: ["red", "blue"] }));
    const { world, result, next, events, told } = await start([ask]);
    expect(result).toMatchObject({
      status: "waiting",
      waitingFor: {
        kind: "question",
        calls: ["0.0"],
        waits: [{ for: "question", id: "r:0.0", text: "Which colour?", choices: ["red", "blue"] }],
      },
    });
    // Whoever gives it is told at once; what comes another way is refused by whoever drives the run.
    const green = { kind: "answer", question: "r:0.0", answer: "green" } as const;
    await expect(world.executor.send("r", green)).rejects.toMatchObject({
      code: "request_invalid",
      message: 'r was not told "green": the answer is one of red, blue',
    });
    expect(await world.store.inbox.pending("r")).toEqual([]);
    await world.store.inbox.send("r", { id: "odd", at: 0, ...green });
    expect(await next()).toMatchObject({ status: "waiting" });
    expect(await events("answer.refused")).toMatchObject([{ id: "odd", message: "the answer is one of red, blue" }]);
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "blue" }, { from: "ana" });
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "blue" }] }, {}] });
    expect(told()).toContain("blue");
    expect(await events("question.answered")).toMatchObject([{ by: "person", from: "ana", answer: "blue" }]);
    expect(ask.runs).toBe(1);
  });

  it("are answered once: a second answer changes nothing", async () => {
    const { world, next, events } = await start([suspending((context) => context.ask("Well?"))]);
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "yes" });
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "no" });
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ output: "yes" }] }, {}] });
    expect(await events("answer.refused")).toHaveLength(1);
  });

  it.each([
    [{ deadlineMs: HOUR }, "Nobody answered in time."],
    [{ deadlineMs: HOUR, fallback: "red" }, "Nobody answered in time. Take this for the answer: red"],
  ])("end with their deadline %j", async (options, output) => {
    const { world, next, events } = await start([suspending((context) => context.ask("Well?", options))]);
    world.clock.advance(HOUR);
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output }] }, {}] });
    expect(await events("question.answered")).toMatchObject([{ by: "deadline" }]);
  });

  it("can stay open after their deadline", async () => {
    const { world, next } = await start([
      suspending((context) => context.ask("Well?", { deadlineMs: HOUR, onDeadline: "wait" })),
    ]);
    world.clock.advance(HOUR);
    expect(await next()).toMatchObject({ status: "waiting" });
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: { ok: true } });
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ output: { ok: true } }] }, {}] });
  });

  it("are put by a tool that models can call as it is", async () => {
    const script = [
      { calls: [{ name: "ask_person", input: { question: "Really?", choices: ["yes", "no"] } }] },
      { text: "done" },
    ];
    const { world, result, next } = await start([await ready(askTool(), { question: "x" })], script);
    expect(result.waitingFor).toMatchObject({ waits: [{ text: "Really?", choices: ["yes", "no"] }] });
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "yes" });
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ output: "yes" }] }, {}] });
  });

  it("about the run itself hold the next step until they are answered", async () => {
    const look = makeTool("look", async () => "seen", { effect: "read" });
    const world = createWorld([{ calls: [{ name: "look" }] }, { text: "done" }], { agents: [makeAgent([look])] });
    await world.executor.run(makeAgent([look]), { input: "go", id: "r" });
    const events = await world.store.journal.read("r");
    const upTo = events.findIndex(({ type }) => type === "tool.ended");
    const state = foldJournal(events.slice(0, upTo + 1))?.state;
    if (state === undefined) throw new Error("no state");
    const header = { seq: state.seq + 1, epoch: 1, at: 1_000, activeMs: 5 };
    const asked = evolve(state, header, { type: "question.asked", question: "q", text: "Go on?", deadlineAt: 2_000 });
    const now = { at: 1_000, activeMs: 5 };
    expect(decide(asked, now)).toMatchObject({
      effects: [],
      waiting: { kind: "question", calls: [], waits: [{ id: "q", text: "Go on?", at: 2_000 }] },
      deadline: { at: 2_000 },
    });
    expect(decide(asked, { ...now, at: 2_000 }).append).toEqual([{ type: "question.answered", question: "q", by: "deadline" }]);
    const answered = evolve(asked, header, { type: "question.answered", question: "q", by: "person", answer: "yes" });
    expect(decide(answered, now).effects).toMatchObject([{ kind: "model", step: 1 }]);
  });
});

describe("sleeping", () => {
  it("lets a call sleep until its time, without running it again and without counting the time", async () => {
    const nap = suspending((context) => context.sleep(40 * 24 * HOUR));
    const { world, result, next, events } = await start([nap]);
    const at = world.clock.now() + 40 * 24 * HOUR;
    expect(result).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "time", calls: ["0.0"], waits: [{ for: "time", at }] },
    });
    expect(world.clock.pending).toBe(1);
    world.clock.advance(40 * 24 * HOUR);
    const end = await next();
    expect(end).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "The time has come." }] }, {}] });
    expect(end.activeMs).toBeLessThan(1_000);
    expect(nap.runs).toBe(1);
    expect(await events("tool.woken")).toMatchObject([{ by: "time" }]);
  });

  it("goes on by itself in the process that is left, and in one that comes later", async () => {
    const nap = suspending((context) => context.sleepUntil(new Date(context.status().activeMs + Date.UTC(2026, 0, 2))));
    const { world, events } = await start([nap]);
    world.store.die();
    const from = { ...world, store: world.store.peer("memory/2") };
    const later = createWorld([{ text: "" }, { text: "done" }], { agents: [makeAgent([nap])], from });
    await later.executor.recover();
    expect((await later.store.runs.get("r"))?.status).toBe("waiting");
    world.clock.advance(24 * HOUR);
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
    expect((await events()).at(-1)?.type).toBe("run.finished");
    expect(nap.runs).toBe(1);
  });

  it("goes on at once when the time has passed already", async () => {
    const { result } = await start([suspending((context) => context.sleep(0))]);
    expect(result).toMatchObject({ status: "completed" });
  });

  it("is refused, as the call's error, when it would never end", async () => {
    const { result, told } = await start([suspending((context) => context.sleep(Number.NaN))]);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "error" }] }, {}] });
    expect(told()).toContain("work cannot wait like that");
  });
});

describe("waiting for something outside", () => {
  it("takes what comes with the signal of that name, and leaves others alone", async () => {
    const wait = suspending((context) => context.waitFor("build-finished"));
    const { world, result, next, events } = await start([wait]);
    expect(result.waitingFor).toMatchObject({ kind: "event", waits: [{ for: "event", text: "build-finished" }] });
    await world.executor.send("r", { kind: "signal", name: "other" });
    expect(await next()).toMatchObject({ status: "waiting" });
    await world.executor.send("r", { kind: "signal", name: "build-finished", payload: { ok: true } }, { from: "ci" });
    expect(await next()).toMatchObject({ status: "completed", steps: [{ calls: [{ output: { ok: true } }] }, {}] });
    expect(await events("tool.woken")).toMatchObject([{ by: "event", payload: { ok: true } }]);
    expect(wait.runs).toBe(1);
  });

  it("keeps a signal that comes before anybody waits for it", async () => {
    const wait: Tool = makeTool("work", async (_, context) => {
      await world.executor.send("r", { kind: "signal", name: "ready", payload: "early" });
      return context.waitFor("ready");
    });
    const world = createWorld([{ calls: [{ name: "work" }] }, { text: "done" }], { agents: [makeAgent([wait])] });
    const result = await world.clock.until(world.executor.run(makeAgent([wait]), { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ output: "early" }] }, {}] });
  });

  it("gives each signal to one call", async () => {
    const wait = suspending((context) => context.waitFor("ready"));
    const { world, next } = await start([wait], [{ calls: [{ name: "work" }, { name: "work" }] }, { text: "done" }]);
    await world.executor.send("r", { kind: "signal", name: "ready", payload: 1 });
    expect((await next()).steps[0]?.calls.map(({ output }) => output)).toEqual([1, undefined]);
    await world.executor.send("r", { kind: "signal", name: "ready", payload: 2 });
    expect((await next()).steps[0]?.calls.map(({ output }) => output)).toEqual([1, 2]);
  });

  it("ends with its deadline", async () => {
    const { world, next, events } = await start([suspending((context) => context.waitFor("ready", { deadlineMs: HOUR }))]);
    world.clock.advance(HOUR);
    expect(await next()).toMatchObject({
      steps: [{ calls: [{ outcome: "ok", output: "Nothing was heard of ready in time." }] }, {}],
    });
    expect(await events("tool.woken")).toMatchObject([{ by: "deadline" }]);
  });
});

describe("a tool that resumes", () => {
  it("makes its result from what woke it, and may suspend again; it never starts over", async () => {
    const wakes: Wake[] = [];
    const order = suspending((context) => context.ask("How many?"), {
      resume: async (input, wake, context) => {
        wakes.push(wake);
        return wakes.length === 1 ? context.waitFor("delivered") : { input, delivered: wake.payload };
      },
    });
    const { world, next, events } = await start([order]);
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "3" });
    expect(await next()).toMatchObject({ status: "waiting", waitingFor: { kind: "event", waits: [{ id: "r:0.0:2" }] } });
    await world.executor.send("r", { kind: "signal", name: "delivered", payload: "yes" });
    expect(await next()).toMatchObject({ steps: [{ calls: [{ output: { input: { n: 1 }, delivered: "yes" } }] }, {}] });
    expect(wakes).toEqual([
      { by: "answer", payload: "3" },
      { by: "event", payload: "yes" },
    ]);
    expect(order.runs).toBe(1);
    expect(await events("tool.started")).toHaveLength(3);
  });

  it("fails the call, and no more, when it throws", async () => {
    const order = suspending((context) => context.sleep(0), { resume: () => Promise.reject(new Error("out of stock")) });
    const { result, told } = await start([order]);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "error" }] }, {}] });
    expect(told()).toContain("out of stock");
  });

  it("can be approved first", async () => {
    const order = suspending((context) => context.ask("How many?"), { approval: "always" });
    const { world, result, next } = await start([order]);
    expect(result.waitingFor).toMatchObject({ kind: "approval", waits: [{ id: "r:0.0" }] });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await next()).toMatchObject({ waitingFor: { kind: "question", waits: [{ id: "r:0.0:2" }] } });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0:2" });
    expect(await next()).toMatchObject({ status: "waiting" });
    await world.executor.send("r", { kind: "answer", question: "r:0.0:2", answer: "3" });
    expect(await next()).toMatchObject({ status: "completed" });
  });
});

describe("a run that waits for several things", () => {
  it("names them all, the most pressing first, and is due with the first", async () => {
    const send = makeTool("send", async () => "sent", { approval: "always" });
    const nap = makeTool("nap", async (_, context) => context.sleep(HOUR));
    const wait = makeTool("wait", async (_, context) => context.waitFor("ready", { deadlineMs: 2 * HOUR }));
    const ask = makeTool("ask", async (_, context) => context.ask("Well?"));
    const { world, result, next } = await start([nap, wait, ask, send]);
    expect(result.waitingFor?.kind).toBe("approval");
    expect(result.waitingFor).toMatchObject({
      calls: ["0.3"],
      waits: [{ for: "time" }, { for: "event" }, { for: "question" }, { for: "approval" }],
    });
    expect((await world.store.runs.get("r"))?.dueAt).toBe(world.clock.now() + HOUR);
    await world.executor.send("r", { kind: "kill" });
    const end = await next();
    expect(end).toMatchObject({ status: "killed" });
    expect(end.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(["cancelled", "cancelled", "cancelled", "cancelled"]);
    expect((await world.store.runs.get("r"))?.dueAt).toBeUndefined();
  });
});
