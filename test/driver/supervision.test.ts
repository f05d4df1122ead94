/** The watchdog notices, a supervisor decides, the journal says so. */
import { describe, expect, it } from "vitest";
import { rulesSupervisor } from "../../src/adapters/supervision/rules.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Supervisor, SupervisorDecision, SupervisorView } from "../../src/ports/supervision.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const look = makeTool("look", async () => "nothing here", { effect: "read" });
const work = makeTool("work", async (_input, { call }) => `did ${call}`);
const calling =
  (name: string) =>
  (call: ModelCall): ScriptedAnswer =>
    call.toolChoice === "none" ? { text: "so far" } : { calls: [{ name, input: { step: call.step } }] };

/** Says what it is told to, in order, and remembers what it was asked. */
function scripted(...decisions: readonly SupervisorDecision[]): Supervisor & { readonly asked: SupervisorView[] } {
  const asked: SupervisorView[] = [];
  return {
    name: "scripted",
    asked,
    decide: async (view) => {
      asked.push(view);
      return decisions[asked.length - 1] ?? { action: "leave", reason: "nothing more to say" };
    },
  };
}

async function eventsOf(world: World, type: RunEvent["type"]): Promise<readonly RunEvent[]> {
  return (await world.store.journal.read("r")).filter((event) => event.type === type);
}

const said = (call: ModelCall | undefined): string => JSON.stringify(call?.messages ?? []);

describe("the watchdog", () => {
  it("S19 does nothing without a supervisor", async () => {
    const world = createWorld(calling("look"));
    await world.executor.run(makeAgent([look], { maxSteps: 9 }), { input: "x", id: "r" });
    expect(await eventsOf(world, "stall.noticed")).toEqual([]);
    const [started] = await world.store.journal.read("r");
    expect(started?.type === "run.started" && "supervision" in started.agent).toBe(false);
  });

  it("S19 leaves an agent alone that wants that", async () => {
    const supervisor = scripted();
    const world = createWorld(calling("look"), { supervisor });
    await world.executor.run({ ...makeAgent([look], { maxSteps: 9 }), supervision: { enabled: false } }, "x");
    expect(supervisor.asked).toEqual([]);
  });

  it("S19 notices steps that bring nothing new, and says so to the model before its next step", async () => {
    const supervisor = scripted({ action: "nudge", message: "Look somewhere else.", reason: "it goes round in circles" });
    const world = createWorld(({ step }) => (step < 4 ? { calls: [{ name: "look", input: { step } }] } : { text: "end" }), {
      supervisor,
    });
    const result = await world.executor.run(makeAgent([look]), { input: "x", id: "r" });
    expect(result.status).toBe("completed");
    expect(await eventsOf(world, "stall.noticed")).toMatchObject([
      { stall: 0, kind: "no-progress", message: "3 steps in a row have brought nothing new." },
    ]);
    expect(await eventsOf(world, "supervisor.decided")).toMatchObject([
      { stall: 0, action: "nudge", by: "scripted", reason: "it goes round in circles", message: "Look somewhere else." },
    ]);
    const told = world.models.calls.filter((call) => said(call).includes("Look somewhere else."));
    expect(told.map(({ step }) => step)).toEqual([4]);
    expect(supervisor.asked[0]).toMatchObject({ staleSteps: 3, left: 10, decided: [], stall: { kind: "no-progress" } });
  });

  it("sees no stall in calls that do something, nor in reads that find something", async () => {
    const supervisor = scripted();
    const find = makeTool("find", async (_input, { call }) => `found ${call}`, { effect: "read" });
    const script = ({ step }: ModelCall): ScriptedAnswer =>
      step < 8 ? { calls: [{ name: step % 2 === 0 ? "work" : "find", input: { step } }] } : { text: "end" };
    await createWorld(script, { supervisor }).executor.run(makeAgent([work, find]), "x");
    expect(supervisor.asked).toEqual([]);
  });

  it("sees no stall in a tool that is meant to be called again and again", async () => {
    const supervisor = scripted();
    const poll = makeTool("poll", async () => "pending", { effect: "read", polling: true });
    const world = createWorld(({ step }) => (step < 8 ? { calls: [{ name: "poll" }] } : { text: "end" }), { supervisor });
    expect(await world.executor.run(makeAgent([poll]), "x")).toMatchObject({ status: "completed" });
    expect(supervisor.asked).toEqual([]);
  });

  it("notices repetition that goes on after the hint", async () => {
    const supervisor = scripted({ action: "kill", reason: "it does not listen" });
    const world = createWorld(() => ({ calls: [{ name: "work" }] }), { supervisor });
    const steady = makeTool("work", async () => "done");
    const result = await world.executor.run(makeAgent([steady]), { input: "x", id: "r" });
    expect(await eventsOf(world, "stall.noticed")).toMatchObject([{ kind: "repeats" }]);
    expect(result).toMatchObject({ status: "killed", error: { code: "killed", message: "it does not listen" } });
  });

  it("notices that a step costs more and more and brings nothing", async () => {
    const supervisor = scripted();
    const script = ({ step }: ModelCall): ScriptedAnswer =>
      step < 4
        ? { calls: [{ name: "look", input: { step } }], usage: { inputTokens: 100 * 2 ** step, outputTokens: 0 } }
        : { text: "end" };
    const world = createWorld(script, { supervisor });
    await world.executor.run(makeAgent([look]), { input: "x", id: "r" });
    expect(await eventsOf(world, "stall.noticed")).toMatchObject([
      { kind: "cost", message: "A step costs 4 times what the last fruitful one did, and 2 in a row have brought nothing new." },
    ]);
  });

  it("S19 notices silence, and again after as long; a sign of life begins it anew", async () => {
    const supervisor = scripted();
    const slow = makeTool("slow", () => new Promise((resolve) => world.clock.after(200_000, () => resolve("at last"))), {
      timeoutMs: 500_000,
    });
    const world: World = createWorld([{ calls: [{ name: "slow" }] }, { text: "end" }], { supervisor });
    const agent = makeAgent([slow], { timeMs: 900_000, idleMs: 90_000 });
    const result = await world.clock.until(world.executor.run(agent, { input: "x", id: "r" }));
    expect(result.status).toBe("completed");
    const noticed = await eventsOf(world, "stall.noticed");
    expect(noticed.map((event) => [event.type === "stall.noticed" && event.kind, event.activeMs])).toEqual([
      ["idle", 90_000],
      ["idle", 180_000],
    ]);
    expect(supervisor.asked[0]?.underWay).toEqual(["slow"]);
  });

  it("counts every part of a stream as a sign of life", async () => {
    const supervisor = scripted();
    const clock = createWorld([]).clock;
    const models = {
      resolve: async () => [
        {
          id: "slow/talker",
          call: async (_call: ModelCall, { onPart }: { onPart: () => void }) => {
            for (let i = 0; i < 8; i++) await new Promise<void>((resolve) => clock.after(50_000, () => resolve(onPart())));
            return {
              content: [{ type: "text" as const, text: "end" }],
              finish: "stop" as const,
              usage: { inputTokens: 1, outputTokens: 1 },
            };
          },
        },
      ],
    };
    const world = createWorld([], { models, supervisor, clock });
    const executor = createWorld([], { models, supervisor, from: { ...world, clock } }).executor;
    const result = await clock.until(executor.run(makeAgent([], { timeMs: 900_000 }), "x"));
    expect(result.status).toBe("completed");
    expect(supervisor.asked).toEqual([]);
  });
});

describe("a supervisor", () => {
  it("S24 brings its nudge in one drain with the mailbox: first what was sent, then what was noted", async () => {
    const supervisor = scripted({ action: "nudge", message: "NUDGE", reason: "stale" });
    const telling = makeTool(
      "look",
      async (_input, { call, run }) => {
        if (call === "3.0") await world.executor.send(run, { kind: "steer", content: "STEER" });
        return "nothing here";
      },
      { effect: "read" },
    );
    const world: World = createWorld(
      ({ step }) => (step < 6 ? { calls: [{ name: "look", input: { step } }] } : { text: "end" }),
      { supervisor },
    );
    // Both are there before step 4.
    await world.executor.run(makeAgent([telling]), { input: "x", id: "r" });
    const texts = (world.models.calls.at(-1)?.messages ?? []).flatMap(({ role, content }) =>
      role === "user" ? content.map((part) => (part.type === "text" ? part.text : "")) : [],
    );
    expect(texts.filter((text) => text === "STEER" || text === "NUDGE")).toEqual(["STEER", "NUDGE"]);
  });

  it("S25 raises the step ceiling when only the last step is left, and the run goes on", async () => {
    const supervisor = scripted({ action: "extend", extend: { steps: 4 }, reason: "it makes progress" });
    const world = createWorld(({ step }) => (step < 6 ? { calls: [{ name: "work", input: { step } }] } : { text: "end" }), {
      supervisor,
    });
    const result = await world.executor.run(makeAgent([work], { maxSteps: 4 }), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "completed", output: "end", limits: { maxSteps: 8 } });
    expect(await eventsOf(world, "stall.noticed")).toMatchObject([{ kind: "limit", limit: "steps" }]);
    expect(await eventsOf(world, "limit.reached")).toEqual([]);
  });

  it("S25 is asked once about each limit as it stands, then the limit holds", async () => {
    const supervisor = scripted({ action: "extend", extend: { steps: 2 }, reason: "a little more" });
    const world = createWorld(calling("work"), { supervisor });
    const result = await world.executor.run(makeAgent([work], { maxSteps: 4 }), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "out_of_steps", output: "so far", limits: { maxSteps: 6 } });
    expect(result.steps).toHaveLength(6);
    expect(supervisor.asked.map(({ stall }) => stall.limit)).toEqual(["steps", "steps"]);
  });

  it("S25 is waited for at a limit, but no longer than its deadline", async () => {
    const supervisor: Supervisor = { name: "slow", decide: () => new Promise(() => {}) };
    const world = createWorld(calling("work"), { supervisor });
    const agent = { ...makeAgent([work], { maxSteps: 3, timeMs: 600_000 }), supervision: { deadlineMs: 5_000 } };
    const result = await world.clock.until(world.executor.run(agent, { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "out_of_steps", output: "so far", activeMs: 5_250 });
    expect(await eventsOf(world, "supervisor.decided")).toMatchObject([
      { action: "leave", by: "nobody", reason: "The supervisor did not decide: timed out after 5000 ms." },
    ]);
  });

  it.each([
    ["time", { timeMs: 60_000 }, { timeMs: 60_000 }],
    ["tokens", { tokens: 500 }, { tokens: 5_000 }],
    ["usd", { costUsd: 0.000_5 }, { costUsd: 0.005 }],
  ] as const)("S25 extends %s in mid-flight", async (limit, limits, extend) => {
    const supervisor = scripted({ action: "extend", extend, reason: "it makes progress" });
    const slow = makeTool(
      "work",
      (_input, { call }) => new Promise((resolve) => world.clock.after(9_000, () => resolve(`did ${call}`))),
    );
    const script = ({ step }: ModelCall): ScriptedAnswer =>
      step < 8 ? { calls: [{ name: "work", input: { step } }], usage: { inputTokens: 100, outputTokens: 0 } } : { text: "end" };
    const world: World = createWorld(script, { supervisor });
    const result = await world.clock.until(
      world.executor.run(makeAgent([slow], { timeMs: 900_000, ...limits }), { input: "x", id: "r" }),
    );
    expect(result).toMatchObject({ status: "completed", output: "end" });
    expect(supervisor.asked.map(({ stall }) => stall.limit)).toEqual([limit]);
  });

  it("S19 never fails a run by throwing, by hanging, or by giving nonsense", async () => {
    const wild = [
      () => Promise.reject(new Error("boom")),
      () => {
        throw new Error("at once");
      },
      async () => ({ action: "dance" }) as unknown as SupervisorDecision,
      async () => ({ action: "extend", extend: { steps: -1 }, reason: "x" }) as SupervisorDecision,
      async () => undefined as unknown as SupervisorDecision,
    ];
    for (const decide of wild) {
      const world = createWorld(({ step }) => (step < 5 ? { calls: [{ name: "look", input: { step } }] } : { text: "end" }), {
        supervisor: { name: "wild", decide },
      });
      const result = await world.executor.run(makeAgent([look]), { input: "x", id: "r" });
      expect(result).toMatchObject({ status: "completed", output: "end" });
      expect(await eventsOf(world, "supervisor.decided")).toMatchObject([{ action: "leave", by: "nobody" }]);
    }
  });

  it("S19 decides no more often than it may", async () => {
    const supervisor = scripted();
    const world = createWorld(calling("look"), { supervisor });
    const agent = { ...makeAgent([look], { maxSteps: 40, repeats: 30 }), supervision: { afterSteps: 2, decisions: 3 } };
    await world.executor.run(agent, "x");
    expect(supervisor.asked.map(({ left }) => left)).toEqual([3, 2, 1]);
  });

  it("counts what it used: in the run's tokens and cost, and on its budgets", async () => {
    const usage = { inputTokens: 1_000, outputTokens: 100 };
    const supervisor = scripted({ action: "leave", reason: "fine", usage, costUsd: 0.5 });
    const world = createWorld(({ step }) => (step < 4 ? { calls: [{ name: "look", input: { step } }] } : { text: "end" }), {
      supervisor,
      budgets: [{ per: "all", window: "day", limit: { usd: 9 } }],
    });
    const result = await world.executor.run(makeAgent([look]), "x");
    expect(result.usage.inputTokens).toBe(1_050);
    expect(result.costUsd).toBeCloseTo(0.5001, 6);
    expect(await world.executor.budgets()).toMatchObject([{ used: { tokens: 1_175, calls: 6 } }]);
  });

  it("S19 is asked again by the next process when the first one died while it was thinking", async () => {
    let asked = 0;
    const thinking: Supervisor = { name: "thinking", decide: () => (asked++, new Promise(() => {})) };
    const script = ({ step }: ModelCall): ScriptedAnswer =>
      step < 4 ? { calls: [{ name: "look", input: { step } }] } : { hang: true };
    const agent = makeAgent([look]);
    const world = createWorld(script, { supervisor: thinking, agents: [agent] });
    await world.executor.start(agent, { input: "x", id: "r" });
    for (let i = 0; i < 60; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(1);
    world.store.die();
    const supervisor = scripted({ action: "kill", reason: "enough" });
    const next = createWorld(script, { supervisor, agents: [agent], from: { ...world, store: world.store.peer("b/2") } });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "killed", error: { message: "enough" } });
    expect(supervisor.asked).toHaveLength(1);
    expect(await eventsOf(next, "stall.noticed")).toHaveLength(1);
  });
});

describe("a person who is asked", () => {
  const ask: SupervisorDecision = { action: "ask", question: "Which archive?", reason: "only a person knows" };
  const searching = ({ step, messages }: ModelCall): ScriptedAnswer =>
    JSON.stringify(messages).includes("The one in Bergen") ? { text: "found" } : { calls: [{ name: "look", input: { step } }] };

  const waitingRun = async (decision: SupervisorDecision, limits: object = {}): Promise<World> => {
    const agent = makeAgent([look], limits);
    const world = createWorld(searching, { supervisor: scripted(decision), agents: [agent] });
    const result = await world.executor.run(agent, { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "waiting", waitingFor: { kind: "question" } });
    return world;
  };
  const answered = async (world: World, answer: string) => {
    await world.executor.send("r", { kind: "answer", question: "supervise:0", answer });
    return world.clock.until((await world.executor.resume("r")).result);
  };

  it("S19 is waited for, and the model is told the answer", async () => {
    const world = await waitingRun(ask);
    expect(await answered(world, "The one in Bergen.")).toMatchObject({ status: "completed", output: "found" });
    expect(said(world.models.calls.at(-1))).toContain("A person was asked: Which archive? They said: The one in Bergen.");
  });

  it("S19 ends the run with the word stop", async () => {
    const world = await waitingRun(ask);
    const result = await answered(world, " Stop ");
    expect(result).toMatchObject({ status: "cancelled", error: { message: "a person was asked and said stop: Which archive?" } });
  });

  it("S25 is asked at a limit, which waits for the answer and then holds", async () => {
    const world = await waitingRun(ask, { maxSteps: 3 });
    expect(await eventsOf(world, "limit.reached")).toEqual([]);
    await world.executor.send("r", { kind: "extend", steps: 5 });
    expect(await answered(world, "The one in Bergen.")).toMatchObject({ status: "completed", limits: { maxSteps: 8 } });
    const held = await waitingRun(ask, { maxSteps: 3 });
    expect(await answered(held, "I do not know.")).toMatchObject({ status: "out_of_steps" });
  });

  it("is not waited for longer than the supervisor says", async () => {
    const world = await waitingRun({ ...ask, deadlineMs: 60_000 }, { maxSteps: 3 });
    world.clock.advance(60_001);
    const result = await world.clock.until((await world.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "out_of_steps" });
    expect(await eventsOf(world, "question.answered")).toMatchObject([{ by: "deadline" }]);
  });
});

describe("the supervisor of rules", () => {
  it("S19 climbs its ladder: told, told again, killed", async () => {
    const world = createWorld(calling("look"), { supervisor: rulesSupervisor() });
    const result = await world.executor.run(makeAgent([look], { maxSteps: 40, repeats: 30 }), { input: "x", id: "r" });
    expect(result.status).toBe("killed");
    expect(result.error?.message).toContain("steps in a row have brought nothing new. (3. time)");
    const decided = await eventsOf(world, "supervisor.decided");
    expect(decided.map((event) => event.type === "supervisor.decided" && event.action)).toEqual(["nudge", "nudge", "kill"]);
  });

  it("S25 gives room once to a run that gets on, and none to one that does not", async () => {
    const on = createWorld(calling("work"), { supervisor: rulesSupervisor() });
    expect(await on.executor.run(makeAgent([work], { maxSteps: 4 }), "x")).toMatchObject({
      limits: { maxSteps: 9 },
      status: "out_of_steps",
    });
    const off = createWorld(calling("look"), { supervisor: rulesSupervisor() });
    expect(await off.executor.run(makeAgent([look], { maxSteps: 4 }), "x")).toMatchObject({ limits: { maxSteps: 4 } });
  });
});
