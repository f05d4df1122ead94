import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const SCRIPT: Script = [
  {
    calls: [
      { name: "look", input: { n: 1 } },
      { name: "pay", input: { eur: 40 } },
    ],
  },
  {
    text: "Again.",
    calls: [
      { name: "look", input: { n: 2 } },
      { name: "pay", input: { eur: 50 } },
    ],
  },
  { text: "Paid." },
];

interface Original {
  readonly world: World;
  readonly ran: string[];
  readonly events: readonly RunEvent[];
}

async function original(script: Script = SCRIPT, agent?: Partial<Agent>): Promise<Original> {
  const ran: string[] = [];
  const tool = (name: string, more: Partial<Tool> = {}): Tool =>
    makeTool(name, async (input, context) => (ran.push(`${name} ${context.run}`), { name, input }), more);
  const made = { ...makeAgent([tool("look", { effect: "read" }), tool("pay")]), ...agent };
  const world = createWorld(script, { agents: [made] });
  await world.clock.until(world.executor.run(made, { input: "go", id: "o", idempotencyKey: "k", labels: { a: "b" } }));
  return { world, ran, events: await world.store.journal.read("o") };
}

/** A run that paid what a person had approved. `meanwhile` comes while it pays. */
async function approved(meanwhile?: (world: World) => Promise<void>): Promise<Pick<Original, "world" | "ran">> {
  const ran: string[] = [];
  const pay = makeTool(
    "pay",
    async (_input, { run }) => {
      await meanwhile?.(world);
      return ran.push(`pay ${run}`);
    },
    { approval: "always" },
  );
  const agent = makeAgent([pay]);
  const world: World = createWorld([{ calls: [{ name: "pay" }] }, { text: "Paid." }], { agents: [agent] });
  await world.clock.until(world.executor.run(agent, { input: "go", id: "o" }));
  await world.executor.send("o", { kind: "approve", approval: "o:0.0" }, { id: "a1" });
  expect(await world.clock.until((await world.executor.resume("o")).result)).toMatchObject({ status: "completed" });
  return { world, ran };
}

const seqOf = (events: readonly RunEvent[], type: string, nth = 0): number =>
  events.filter((event) => event.type === type)[nth]?.seq ?? -1;
const typesOf = (events: readonly RunEvent[]): readonly string[] => events.map(({ type }) => type);

describe("fork", () => {
  it("begins as the original did, reads anew, and gives effects the results that they had", async () => {
    const { world, ran, events } = await original();
    expect(ran).toEqual(["look o", "pay o", "look o", "pay o"]);
    const at = seqOf(events, "tool.ended", 1);
    const handle = await world.executor.fork("o", { at, id: "f" });
    expect(await world.clock.until(handle.result)).toMatchObject({ run: "f", status: "completed", output: "Paid." });
    expect(ran.slice(4)).toEqual(["look f"]);
    const copy = await world.store.journal.read("f");
    expect(typesOf(copy).slice(0, at + 1)).toEqual(typesOf(events).slice(0, at + 1));
    expect(copy[at + 1]).toMatchObject({ type: "run.forked", from: { run: "o", seq: at }, edits: [] });
    expect(copy.filter((event) => event.type === "tool.ended" && event.stub !== undefined)).toMatchObject([
      { call: "1.1", stub: "1.1", outcome: "ok", output: { value: { name: "pay", input: { eur: 50 } } } },
    ]);
    expect(await world.store.journal.read("o")).toEqual(events);
    expect(copy[0]).toMatchObject({ run: "f", request: { labels: { a: "b" } } });
    expect(copy[0]).not.toHaveProperty("request.idempotencyKey");
    expect((await world.executor.result("f")).toolCalls).toBe((await world.executor.result("o")).toolCalls);
  });

  it("asks for what the original did not do, and runs it once it is approved", async () => {
    const { world, ran, events } = await original([{ calls: [{ name: "pay", input: { eur: 40 } }] }, { text: "Paid." }]);
    const other = createWorld([{ text: "" }, { calls: [{ name: "pay", input: { eur: 99 } }] }, { text: "More." }], {
      agents: [
        makeAgent([
          makeTool("look", async () => "", { effect: "read" }),
          makeTool("pay", async () => (ran.push("pay f"), "paid")),
        ]),
      ],
      from: world,
    });
    const handle = await other.executor.fork("o", { at: seqOf(events, "tool.ended"), id: "f" });
    const waiting = await other.clock.until(handle.result);
    expect(waiting).toMatchObject({ status: "waiting", waitingFor: { kind: "approval", calls: ["1.0"] } });
    expect(ran).toEqual(["pay o"]);
    await other.executor.send("f", { kind: "approve", approval: "f:1.0" });
    expect(await other.clock.until((await other.executor.resume("f")).result)).toMatchObject({
      status: "completed",
      output: "More.",
    });
    expect(ran).toEqual(["pay o", "pay f"]);
  });

  it("uses each result of the original once: the same call a second time is a new one, and is asked for", async () => {
    const pay = { name: "pay", input: { eur: 40 } };
    const { world, ran } = await original([{ calls: [pay] }, { text: "Paid." }]);
    const twice: Script = [{ calls: [pay] }, { calls: [pay] }, { text: "Paid twice." }];
    const payAgain = makeTool("pay", async () => (ran.push("pay f"), "paid"));
    const agents = [makeAgent([makeTool("look", async () => "", { effect: "read" }), payAgain])];
    const other = createWorld(twice, { agents, from: world });
    const handle = await other.executor.fork("o", { at: 0, id: "f" });
    expect(await other.clock.until(handle.result)).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "approval", calls: ["1.0"] },
    });
    expect(ran).toEqual(["pay o"]);
  });

  it("tells nobody of its end: what was to be delivered was the original's", async () => {
    const delivered: string[] = [];
    const adapter = {
      kind: "post",
      deliver: async ({ run }: { readonly run: string }) => (delivered.push(run), { outcome: "delivered" as const }),
    };
    const agent = makeAgent([]);
    const world = createWorld([{ text: "Done." }], { agents: [agent], delivery: { adapters: [adapter] } });
    await world.clock.until(world.executor.run(agent, { input: "go", id: "o", delivery: { kind: "post" } }));
    expect(await world.clock.until((await world.executor.fork("o", { at: 0, id: "f" })).result)).toMatchObject({
      status: "completed",
    });
    await world.clock.until(world.executor.deliver());
    expect(delivered).toEqual(["o"]);
  });

  it("wants again what was wanted and not answered up to there", async () => {
    const { world, ran, events } = await original();
    for (const [i, at] of [
      seqOf(events, "model.started", 1),
      seqOf(events, "model.answered"),
      seqOf(events, "tool.started"),
    ].entries()) {
      const handle = await world.executor.fork("o", { at, id: `f${i}` });
      expect(await world.clock.until(handle.result), `at ${at}`).toMatchObject({ status: "completed", output: "Paid." });
    }
    expect(ran.filter((line) => line.startsWith("pay")).length).toBe(2);
    expect((await world.executor.result("f0")).usage.unknownCalls).toBe(0);
  });

  it("goes on from where the limits stood", async () => {
    let world: World;
    const slow = makeTool("look", async () => (world.clock.advance(7_000), ""), { effect: "read" });
    const agent = makeAgent([slow], { maxSteps: 3 });
    const script: Script = (model) =>
      model.toolChoice === "none" ? { text: "end" } : { calls: [{ name: "look", input: { n: model.step } }] };
    world = createWorld(script, { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "go", id: "o" }));
    const events = await world.store.journal.read("o");
    const handle = await world.executor.fork("o", { at: seqOf(events, "tool.ended", 1), id: "f" });
    const result = await world.clock.until(handle.result);
    expect(result).toMatchObject({ status: "out_of_steps", usage: (await world.executor.result("o")).usage });
    expect(result.activeMs).toBeGreaterThanOrEqual(14_000);
  });

  it("takes edits of prompt, messages, results and model, and says so in the journal", async () => {
    const { world, events } = await original();
    const at = seqOf(events, "tool.ended", 3);
    const edit = {
      instructions: "Be another.",
      input: "stop",
      model: "own/other",
      messages: [{ seq: seqOf(events, "model.answered", 1), text: "Hm." }],
      results: [{ call: "0.1", output: "no money", outcome: "error" as const }],
    };
    const handle = await world.executor.fork("o", { at, edit, id: "f" });
    await world.clock.until(handle.result);
    const { instructions, messages } = world.models.calls.at(-1) ?? { instructions: "", messages: [] };
    expect(instructions).toBe("Be another.");
    expect(messages[0]).toEqual({ role: "user", content: [{ type: "text", text: "stop" }] });
    expect(messages[2]).toMatchObject({ content: [{}, { output: { type: "error-text", value: "no money" } }] });
    expect(messages[3]).toMatchObject({ content: [{ type: "text", text: "Hm." }, { toolName: "look" }, { toolName: "pay" }] });
    const forked = (await world.store.journal.read("f")).find(({ type }) => type === "run.forked");
    expect(forked).toMatchObject({
      edits: [
        "other instructions",
        "another first message",
        `another text in event ${edit.messages[0]?.seq}`,
        "another result of call 0.1",
        "model own/other",
      ],
    });
  });

  it("can be forked again, twice from one place", async () => {
    const { world, events } = await original();
    const at = seqOf(events, "tool.ended", 1);
    const [one, two] = await Promise.all([world.executor.fork("o", { at }), world.executor.fork("o", { at })]);
    expect(one.run).not.toBe(two.run);
    await world.clock.until(Promise.all([one.result, two.result]));
    const again = await world.executor.fork(one.run, { at: at + 1, id: "again" });
    expect(await world.clock.until(again.result)).toMatchObject({ status: "completed" });
  });

  // Seed 69 of the simulation, before approvals of the original were no longer approvals of its forks.
  it("does not take an approval of the original for one of its own: what was made there is not made again", async () => {
    const { world, ran } = await approved();
    const events = await world.store.journal.read("o");
    const fork = await world.executor.fork("o", { at: seqOf(events, "approval.answered"), id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed" });
    expect(ran).toEqual(["pay o"]);
    const copy = await world.store.journal.read("f");
    expect(copy.filter(({ type }) => type === "tool.ended")).toMatchObject([{ outcome: "ok", stub: "0.0" }]);
  });

  it("does not make a call again that a person approves in it, if the original made it", async () => {
    const { world, ran } = await approved();
    const events = await world.store.journal.read("o");
    const fork = await world.executor.fork("o", { at: seqOf(events, "approval.requested"), id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ waitingFor: { kind: "approval" } });
    await world.executor.send("f", { kind: "approve", approval: "o:0.0" });
    expect(await world.clock.until((await world.executor.resume("f")).result)).toMatchObject({ status: "completed" });
    expect(ran).toEqual(["pay o"]);
  });

  it("asks anew about what was approved in the original and had not begun there", async () => {
    const { world, ran } = await approved(async ({ executor, store }) => {
      const events = await store.journal.read("o");
      await executor.fork("o", { at: seqOf(events, "approval.answered"), id: "f" });
    });
    expect(ran).toEqual(["pay o"]);
    expect((await world.executor.result("f")).waitingFor).toMatchObject({ kind: "approval", waits: [{ id: "f:0.0" }] });
  });

  it("gives two calls of one step that are alike no result twice: the second is asked for", async () => {
    const pay = { name: "pay", input: { eur: 40 } };
    const { world, ran } = await original([{ calls: [pay] }, { text: "Paid." }]);
    const agents = [
      makeAgent([makeTool("look", async () => "", { effect: "read" }), makeTool("pay", async () => ran.push("f"))]),
    ];
    const other = createWorld([{ calls: [pay, pay, pay] }, { text: "Paid thrice." }], { agents, from: world });
    const handle = await other.executor.fork("o", { at: 0, id: "f" });
    expect(await other.clock.until(handle.result)).toMatchObject({ waitingFor: { kind: "approval", calls: ["0.1", "0.2"] } });
    expect(ran).toEqual(["pay o"]);
  });

  it("of a fork knows what the fork was told and had not come to", async () => {
    const { world, ran } = await original();
    const stuck = createWorld(() => ({ hang: true }), { from: { ...world, store: world.store.peer("memory/2") } });
    await stuck.executor.fork("o", { at: 0, id: "one" });
    const two = await world.executor.fork("one", { at: 0, id: "two" });
    expect(await world.clock.until(two.result)).toMatchObject({ status: "completed" });
    const ended = (await world.store.journal.read("two")).filter(
      (event) => event.type === "tool.ended" && event.stub !== undefined,
    );
    expect(ended).toMatchObject([{ call: "0.1" }, { call: "1.1" }]);
    expect(ran.filter((call) => call.startsWith("pay"))).toEqual(["pay o", "pay o"]);
  });

  // Seed 45 of the simulation.
  it("stands in no lane: it begins at once, also where the original was still queued", async () => {
    const agent = makeAgent([]);
    const world = createWorld(({ run }) => (run === "o" ? { hang: true } : { text: "Done." }), {
      agents: [agent],
      lanes: { one: { concurrency: 1 } },
    });
    await world.executor.start(agent, { input: "go", id: "o", lane: "one" });
    while ((await world.store.runs.get("o"))?.status !== "running") await new Promise((resolve) => setImmediate(resolve));
    const fork = await world.executor.fork("o", { at: 0, id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed" });
    expect((await world.store.journal.read("f"))[0]).not.toHaveProperty("request.lane");
  });

  it.each<[string, object, string]>([
    ["a place behind the end", { at: 99 }, "o cannot be forked at 99"],
    ["a place that is none", { at: 0.5 }, "o cannot be forked at 0.5"],
    ["a misspelt field", { at: 3, edit: { instruction: "x" } }, "`instruction` is not a field of an edit"],
    ["a message that is not there", { at: 3, edit: { messages: [{ seq: 1, text: "x" }] } }, "event 1 is no message in that part"],
    [
      "a result that is not there",
      { at: 3, edit: { results: [{ call: "9.0", output: 1 }] } },
      "call 9.0 has no result in that part",
    ],
    ["an id that is taken", { at: 3, id: "o" }, "there is another run o already"],
  ])("refuses %s", async (_what, options, message) => {
    const { world } = await original();
    const refused = world.executor.fork("o", options as never);
    await expect(refused).rejects.toMatchObject({ code: "request_invalid", message: expect.stringContaining(message) });
  });

  it("is made once under its id, however often it is asked for", async () => {
    const { world, ran } = await original();
    const options = { at: 3, id: "f", edit: { instructions: "Pay late." } };
    const first = await world.executor.fork("o", options);
    const meanwhile = await world.executor.fork("o", options);
    expect(await world.clock.until(first.result)).toEqual(await world.clock.until(meanwhile.result));
    const events = await world.store.journal.read("f");
    const again = await world.executor.fork("o", options);
    expect(await again.result).toMatchObject({ run: "f", status: "completed", seq: events.length - 1 });
    expect(await world.store.journal.read("f")).toEqual(events);
    expect(ran.filter((call) => call === "pay f")).toEqual([]);
    for (const other of [
      { ...options, at: 4 },
      { ...options, edit: { instructions: "Pay." } },
      { at: 3, id: "f" },
    ]) {
      await expect(world.executor.fork("o", other)).rejects.toMatchObject({
        message: "there is another run f already",
        hint: "Give the fork another id, or see what that run is: executus show f",
      });
    }
  });

  it("is the one that is there under its id also after its original went on", async () => {
    const agent = makeAgent([makeTool("pay", async () => "paid", { approval: "always" })]);
    const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "Paid." }], { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "go", id: "o" }));
    const first = await world.executor.fork("o", { at: 2, id: "f" });
    expect(await world.clock.until(first.result)).toMatchObject({ status: "waiting" });
    await world.executor.send("o", { kind: "approve", approval: "o:0.0" });
    expect(await world.clock.until((await world.executor.resume("o")).result)).toMatchObject({ status: "completed" });
    expect(await (await world.executor.fork("o", { at: 2, id: "f" })).result).toMatchObject({ run: "f", status: "waiting" });
  });

  it("refuses a run that is not there", async () => {
    const { world } = await original();
    await expect(world.executor.fork("nobody", { at: 0 })).rejects.toMatchObject({ code: "run_unknown" });
  });
});
