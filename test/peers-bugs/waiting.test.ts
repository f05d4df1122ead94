/** Bugs that other engines had with runs that wait: for an approval, an answer, a time, something outside. */
import { describe, expect, it } from "vitest";
import { createExecutor } from "../../src/create-executor.ts";
import { childRunId } from "../../src/kernel/children.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent, Command, RunResult } from "../../src/run/types.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { BACKENDS, heldBack, type Process, startProcess, turns, untilStatus } from "../support/backends.ts";
import { makeAgent, makeTool } from "../support/world.ts";

const GO = { input: "go", id: "r" };
const script = (name: string): Script => [{ calls: [{ name }, { name: "look" }] }, { text: "end" }];

interface Kind {
  readonly tool: (done: string[]) => Tool;
  readonly answer: Command;
  /** Times its body ran in the end. */
  readonly runs: number;
}

/** Everything that a call can wait for a word about. */
const KINDS: Readonly<Record<string, Kind>> = {
  approval: {
    tool: (done) => makeTool("act", async () => (done.push("act"), "acted"), { approval: "always" }),
    answer: { kind: "approve", approval: "r:0.0" },
    runs: 1,
  },
  question: {
    tool: (done) => makeTool("act", async (_input, context) => (done.push("act"), context.ask("Which?"))),
    answer: { kind: "answer", question: "r:0.0", answer: "this one" },
    runs: 1,
  },
  signal: {
    tool: (done) => makeTool("act", async (_input, context) => (done.push("act"), context.waitFor("paid"))),
    answer: { kind: "signal", name: "paid", payload: { eur: 5 } },
    runs: 1,
  },
  "unknown outcome": {
    tool: (done) =>
      makeTool("act", () => (done.push("act"), Promise.reject(new UnknownOutcomeError("lost"))), { onUnknown: "ask" }),
    answer: { kind: "resolve", call: "0.0", outcome: "done", output: "it had happened" },
    runs: 1,
  },
};

/** Every way in which a process that knows nothing of a run goes on with it. */
const WAYS: Readonly<Record<string, (world: Process, agent: Agent) => Promise<RunResult | undefined>>> = {
  resume: async ({ executor }) => (await executor.resume("r")).result,
  "start with its id": async ({ executor }, agent) => (await executor.start(agent, GO)).result,
  "run with its id": async ({ executor }, agent) => executor.run(agent, GO),
  recover: async ({ executor }) => (await executor.recover()).resumed[0]?.result,
};

describe.each(BACKENDS)("in %s", (_name, open) => {
  describe.each(Object.entries(KINDS))("mastra#18031, #20213, #20600, #19699 a run that waits: %s", (_kind, kind) => {
    it.each(Object.entries(WAYS))("is answered in one cold process and continued in the next by %s", async (_way, goOn) => {
      const backend = await open();
      const done: string[] = [];
      const looked: string[] = [];
      const agent = makeAgent([kind.tool(done), makeTool("look", async () => (looked.push("look"), "seen"))]);
      const options = { agents: [agent], wakes: false };
      const first = startProcess(backend, script("act"), options);
      expect(await first.clock.until(first.executor.run(agent, GO))).toMatchObject({ status: "waiting" });
      backend.crash();
      const teller = startProcess(backend, [], { wakes: false });
      expect(await teller.executor.send("r", kind.answer, { id: "said-once" })).toBe("accepted");
      backend.crash();
      const next = startProcess(backend, script("act"), options);
      expect(await next.executor.send("r", kind.answer, { id: "said-once" })).toBe("duplicate");
      expect(await next.clock.until(goOn(next, agent))).toMatchObject({ run: "r", status: "completed", output: "end" });
      expect([done.length, looked.length]).toEqual([kind.runs, 1]);
      expect((await next.store.runs.list()).map(({ run }) => run)).toEqual(["r"]);
      expect(next.models.calls.map(({ step }) => step)).toEqual([1]);
    });

    it("goes on by itself in the cold process that hears the answer", async () => {
      const backend = await open();
      const done: string[] = [];
      const agent = makeAgent([kind.tool(done), makeTool("look", async () => "seen")]);
      const first = startProcess(backend, script("act"), { agents: [agent] });
      await first.clock.until(first.executor.run(agent, GO));
      backend.crash();
      const next = startProcess(backend, script("act"), { agents: [agent] });
      await next.executor.send("r", kind.answer);
      await untilStatus(next.store, "r", "completed");
      expect(done).toHaveLength(kind.runs);
    });
  });

  it("langgraphjs#2516 an interrupt and a result of one step are both kept, whichever comes first", async () => {
    const backend = await open();
    const ran: string[] = [];
    const log = (name: string, more: Partial<Tool> = {}): Tool => makeTool(name, async () => (ran.push(name), name), more);
    const agent = makeAgent([log("send", { approval: "always" }), log("look"), log("ask", { approval: "always" })]);
    const calls = ["look", "send", "look", "ask"].map((name, n) => ({ name, input: { n } }));
    const first = startProcess(backend, [{ calls }, { text: "end" }], { agents: [agent] });
    expect(await first.clock.until(first.executor.run(agent, GO))).toMatchObject({
      status: "waiting",
      waitingFor: { waits: [{ id: "r:0.1" }, { id: "r:0.3" }] },
      steps: [{ calls: [{ outcome: "ok" }, {}, { outcome: "ok" }, {}] }],
    });
    backend.crash();
    const next = startProcess(backend, [{ calls }, { text: "end" }], { agents: [agent], wakes: false });
    expect(await next.executor.result("r")).toMatchObject({ waitingFor: { waits: [{ id: "r:0.1" }, { id: "r:0.3" }] } });
    await next.executor.send("r", { kind: "approve", approval: "r:0.3" });
    await next.executor.send("r", { kind: "deny", approval: "r:0.1" });
    expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({
      status: "completed",
      steps: [{ calls: [{ outcome: "ok" }, { outcome: "denied" }, { outcome: "ok" }, { outcome: "ok" }] }, {}],
    });
    expect(ran).toEqual(["look", "look", "ask"]);
  });

  it("langgraph#6362, vercel/eve#3103, mastra#22413 what a stream shows is in the store when it shows it", async () => {
    const backend = await open();
    const agent = makeAgent([
      makeTool("send", async () => "sent", { approval: "always" }),
      makeTool("look", async () => "seen"),
      makeTool("ask", async (_input, context) => context.ask("Which?")),
    ]);
    const calls = ["send", "look", "ask"].map((name) => ({ name }));
    const world = startProcess(backend, [{ calls }, { text: "end" }], { agents: [agent] });
    const other = backend.open();
    const shown: unknown[] = [];
    const missing: string[] = [];
    const handle = await world.executor.start(agent, GO);
    // A stream ends with a run that waits, and goes on from any place.
    const watch = async (): Promise<void> => {
      for await (const event of world.executor.events("r", { after: shown.length - 1 })) {
        shown.push(event);
        const [stored] = await other.journal.read("r", { after: event.seq - 1, limit: 1 });
        if (JSON.stringify(stored) !== JSON.stringify(event)) missing.push(event.type);
      }
    };
    const first = watch();
    expect(await handle.result).toMatchObject({ status: "waiting" });
    expect(await other.runs.get("r")).toMatchObject({ waitingFor: { waits: [{ id: "r:0.0" }, { id: "r:0.2" }] } });
    await first;
    expect(shown).toHaveLength(((await other.runs.get("r"))?.seq ?? 0) + 1);
    await world.executor.send("r", { kind: "answer", question: "r:0.2", answer: "that" });
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    await world.executor.resume("r");
    await watch();
    expect(missing).toEqual([]);
    expect(shown).toEqual(await other.journal.read("r"));
  });

  it("vercel/eve#3103 an approval that nobody has seen because its commit never came is asked for under the same id", async () => {
    const backend = await open();
    const agent = makeAgent([makeTool("send", async () => "sent", { approval: "always" })]);
    const held = heldBack(({ events }) => events.some(({ type }) => type === "approval.requested"));
    const seen: string[] = [];
    const observers = [
      { events: (_run: string, events: readonly { type: string }[]) => seen.push(...events.map((e) => e.type)) },
    ];
    const first = startProcess(backend, [{ calls: [{ name: "send" }] }], { observers, through: held.through });
    await first.executor.start(agent, GO);
    await held.reached;
    await turns();
    expect(seen).not.toContain("approval.requested");
    backend.crash();
    const next = startProcess(backend, [{ calls: [{ name: "send" }] }, { text: "end" }], { agents: [agent], wakes: false });
    // It was learnt from nothing but the journal's own way to name calls.
    await next.executor.send("r", { kind: "approve", approval: "r:0.0" }, { id: "too-early" });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "waiting", waitingFor: { waits: [{ id: "r:0.0" }] } });
    await next.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed" });
    held.letThrough();
    expect(await held.outcome).toEqual({ ok: false, reason: "fenced" });
  });

  it("openai-agents-js#996, #1750, #1243 approvals of children of one name, like their parent's, go to the child that asked", async () => {
    const backend = await open();
    const paid: string[] = [];
    const pay = makeTool("pay", async (_input, { run }) => (paid.push(run), "paid"), { approval: "always" });
    const agent: Agent = { ...makeAgent([]), name: "clerk", delegates: [{ name: "clerk", instructions: "Pay.", tools: [pay] }] };
    const ask = (n: number) => ({ name: "agent__clerk", input: { prompt: `bill ${n}` } });
    const both: Script = ({ run, step }) => {
      if (run === "r") return step === 0 ? { calls: [ask(1), ask(2)] } : { text: "end" };
      return step === 0 ? { calls: [{ name: "pay" }] } : { text: "done" };
    };
    const [one, two] = [childRunId("r", "0.0"), childRunId("r", "0.1")];
    const first = startProcess(backend, both, { agents: [agent] });
    expect(await first.clock.until(first.executor.run(agent, GO))).toMatchObject({ status: "waiting" });
    backend.crash();
    const next = startProcess(backend, both, { agents: [agent] });
    await next.executor.send(one, { kind: "approve", approval: `${two}:0.0` });
    await next.executor.send(two, { kind: "approve", approval: `${two}:0.0` });
    await untilStatus(next.store, two, "completed");
    await turns();
    expect(paid).toEqual([two]);
    await next.executor.send(one, { kind: "deny", approval: `${one}:0.0` });
    await untilStatus(next.store, "r", "completed");
    expect(paid).toEqual([two]);
    expect(await next.executor.result("r")).toMatchObject({ agent: "clerk", toolCalls: 2 });
  });

  it("openai-agents-js#1243 of two agents of one name each run keeps its own; an executor that is told of both refuses", async () => {
    const backend = await open();
    const done: string[] = [];
    const act = (name: string): Tool => makeTool(name, async () => (done.push(name), name), { approval: "always" });
    const [pays, mails] = [makeAgent([act("pay")]), makeAgent([act("mail")])];
    const world = startProcess(backend, ({ run, step }) =>
      step === 0 ? { calls: [{ name: run === "p" ? "pay" : "mail" }] } : { text: "end" },
    );
    await world.executor.start(pays, { input: "go", id: "p" });
    await untilStatus(world.store, "p", "waiting");
    await world.executor.start(mails, { input: "go", id: "m" });
    await untilStatus(world.store, "m", "waiting");
    for (const run of ["p", "m"]) {
      await world.executor.send(run, { kind: "approve", approval: `${run}:0.0` });
      await untilStatus(world.store, run, "completed");
    }
    expect(done).toEqual(["pay", "mail"]);
    const config = { models: world.models, agents: [pays, mails] };
    expect(() => createExecutor(config)).toThrow(
      expect.objectContaining({ code: "config_invalid", message: expect.stringContaining("two agents named tester") }),
    );
  });
});
