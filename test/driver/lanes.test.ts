/** Runs that wait for their turn, with fake time and a model that a test holds up. */
import { describe, expect, it } from "vitest";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import type { RunHandle, RunRequest } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

async function turns(n = 40): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Every run makes one call, which is held up until the test lets it go. */
function gated() {
  const began: string[] = [];
  const open = new Map<string, () => void>();
  const hold = makeTool(
    "hold",
    async (_input, { run }) => {
      began.push(run);
      await new Promise<void>((resolve) => open.set(run, resolve));
      return "held";
    },
    { effect: "read" },
  );
  const agent = makeAgent([hold]);
  return { agent, began, finish: async (run: string) => (open.get(run)?.(), turns()) };
}

const script: Script = ({ step, tools }) => (step === 0 ? { calls: [{ name: tools[0]?.name ?? "" }] } : { text: "Done." });

function setUp(lanes: WorldOptions["lanes"], more: WorldOptions = {}) {
  const gate = gated();
  const world = createWorld(script, { agents: [gate.agent], ...(lanes === undefined ? {} : { lanes }), ...more });
  const start = (id: string, request: Partial<RunRequest> = {}): Promise<RunHandle> =>
    world.executor.start(gate.agent, { input: "go", id, ...request });
  const statuses = async (): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries((await world.store.runs.list()).toReversed().map(({ run, status }) => [run, status]));
  return { ...gate, world, start, statuses };
}

const one = { x: { concurrency: 1 } };

describe("lanes", () => {
  it("S36 accepts a run at once and lets so many of a lane be driven, in the order they came", async () => {
    const { world, start, began, finish, statuses } = setUp({ x: { concurrency: 2 } });
    const handles = [];
    for (const id of ["a", "b", "c", "d"]) handles.push(await start(id, { lane: "x" }));
    await turns();
    expect(began).toEqual(["a", "b"]);
    expect(await statuses()).toEqual({ a: "running", b: "running", c: "queued", d: "queued" });
    expect((await world.store.journal.read("c")).map(({ type }) => type)).toEqual(["run.started"]);
    expect((await world.store.runs.get("c"))?.waitingFor).toEqual({ kind: "lane", lane: "x" });
    await finish("b");
    expect(began).toEqual(["a", "b", "c"]);
    for (const run of ["a", "c", "d"]) await finish(run);
    const results = await Promise.all(handles.map(({ result }) => result));
    expect(results.map(({ status, output }) => [status, output])).toEqual(
      Array.from({ length: 4 }, () => ["completed", "Done."]),
    );
  });

  it("S36 does not count the wait in the queue as running time", async () => {
    const { world, start, began, finish } = setUp(one);
    await start("a", { lane: "x" });
    const handle = await start("b", { lane: "x", limits: { timeMs: 60_000 } });
    await turns();
    world.clock.advance(25_000);
    await finish("a");
    world.clock.advance(50_000);
    expect(began).toEqual(["a", "b"]);
    const [, dequeued] = await world.store.journal.read("b");
    expect(dequeued).toMatchObject({ type: "run.dequeued", process: "memory/1", waitedMs: 25_000, activeMs: 0 });
    await finish("b");
    expect((await handle.result).activeMs).toBeLessThan(60_000);
  });

  it("S36 lets a run without a lane begin at once, with the events it always had", async () => {
    const { world, start, began, finish } = setUp(one);
    await start("a", { lane: "x" });
    await start("plain");
    await turns();
    expect(began.toSorted()).toEqual(["a", "plain"]);
    await finish("plain");
    const types = (await world.store.journal.read("plain")).map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(["run.started", "model.started"]);
    await finish("a");
  });

  it("S36 lets higher priority go first, and is first in first out within a priority", async () => {
    const { start, began, finish } = setUp(one);
    await start("a", { lane: "x" });
    await start("low", { lane: "x" });
    await start("high-1", { lane: "x", priority: 5 });
    await start("high-2", { lane: "x", priority: 5 });
    await turns();
    for (const run of ["a", "high-1", "high-2", "low"]) await finish(run);
    expect(began).toEqual(["a", "high-1", "high-2", "low"]);
  });

  it("S36 is fair between the lanes that share a bound: one busy caller does not keep the others waiting", async () => {
    const { start, began, finish } = setUp({ "caller:*": { concurrency: 2, total: 2 } });
    for (let i = 0; i < 6; i++) await start(`busy-${i}`, { lane: "caller:busy" });
    await start("quiet-0", { lane: "caller:quiet" });
    await turns();
    expect(began).toEqual(["busy-0", "busy-1"]);
    await finish("busy-0");
    expect(began).toEqual(["busy-0", "busy-1", "quiet-0"]);
    for (const run of ["busy-1", "quiet-0", "busy-2", "busy-3", "busy-4", "busy-5"]) await finish(run);
    expect(began).toHaveLength(7);
  });

  it("S36 lets higher priority go first between lanes that share a bound, too", async () => {
    const { start, began, finish } = setUp({ "caller:*": { concurrency: 2, total: 1 } });
    await start("first", { lane: "caller:a" });
    await start("low", { lane: "caller:b" });
    await start("high", { lane: "caller:c", priority: 5 });
    await turns();
    for (const run of ["first", "high", "low"]) await finish(run);
    expect(began).toEqual(["first", "high", "low"]);
  });

  it("S36 takes the lane from the request by a function", async () => {
    const { start, began, finish, world } = setUp(({ caller }) =>
      caller === undefined ? undefined : { key: `c-${caller}`, concurrency: 1 },
    );
    await start("a", { caller: "ana" });
    await start("b", { caller: "ana" });
    await start("c", { caller: "bo" });
    await start("d");
    await turns();
    expect(began.toSorted()).toEqual(["a", "c", "d"]);
    expect((await world.store.runs.get("b"))?.waitingFor).toEqual({ kind: "lane", lane: "c-ana" });
    for (const run of ["a", "b", "c", "d"]) await finish(run);
  });

  it.each([
    [{ lane: "y" }, one, "Did you mean x?"],
    [{ lane: "y" }, undefined, "Give the executor rules"],
    [{ lane: "x" }, { x: { concurrency: 0 } }, "whole numbers"],
    [{ lane: "a b" }, { "*": { concurrency: 1 } }, "characters"],
  ] as const)("S36 refuses %j with the rules %j before the run begins", async (request, lanes, hint) => {
    const { start, world } = setUp(lanes);
    await expect(start("a", request)).rejects.toMatchObject({ code: "request_invalid", hint: expect.stringContaining(hint) });
    expect(await world.store.runs.list()).toEqual([]);
  });

  it("S36 ends a queued run that is cancelled without ever driving it", async () => {
    const { world, start, began, finish } = setUp(one);
    await start("a", { lane: "x" });
    const handle = await start("b", { lane: "x" });
    await turns();
    await handle.cancel("not needed");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "cancelled", steps: [], activeMs: 0 });
    const types = (await world.store.journal.read("b")).map(({ type }) => type);
    expect(types).toEqual(["run.started", "attempt.started", "cancel.requested", "run.settling", "run.finished"]);
    await finish("a");
    expect(began).toEqual(["a"]);
    expect(await world.store.lanes.heads({ limit: 10 })).toEqual([]);
  });

  it("S36 keeps what a queued run is told until its turn", async () => {
    const { world, start, finish, statuses } = setUp(one);
    await start("a", { lane: "x" });
    const handle = await start("b", { lane: "x" });
    await handle.steer("Be brief.");
    await turns();
    expect((await statuses())["b"]).toBe("queued");
    await finish("a");
    await finish("b");
    await handle.result;
    const messages = world.models.calls.findLast(({ run }) => run === "b")?.messages ?? [];
    expect(JSON.stringify(messages)).toContain("Be brief.");
  });

  it("S36 gives the same queued run to whoever starts it again", async () => {
    const { start, finish, began } = setUp(one);
    await start("a", { lane: "x" });
    await start("b", { lane: "x" });
    const again = await start("b", { lane: "x" });
    await turns();
    await finish("a");
    await finish("b");
    expect(await again.result).toMatchObject({ run: "b", status: "completed" });
    expect(began).toEqual(["a", "b"]);
  });

  it("S36 leaves queued runs in the store at a shutdown; the next process begins them in their turn", async () => {
    const { world, start, agent, began } = setUp(one);
    await start("a", { lane: "x" });
    const handle = await start("b", { lane: "x" });
    await turns();
    await world.clock.until(world.executor.shutdown());
    expect(await handle.result).toMatchObject({ run: "b", status: "queued" });
    const next = createWorld(script, { agents: [agent], lanes: one, from: { ...world, store: world.store.peer("memory/2") } });
    await next.executor.recover();
    await turns();
    expect(began).toEqual(["a", "a"]);
    expect((await next.store.runs.get("b"))?.status).toBe("queued");
    await next.executor.send("a", { kind: "kill" });
    await turns();
    expect(began).toEqual(["a", "a", "b"]);
    await next.clock.until(next.executor.shutdown());
  });

  it("S36 lets a run that waits for a person give up its place, and go on when there is one", async () => {
    const pay = makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer")), { onUnknown: "ask" });
    const payer = { ...makeAgent([pay]), name: "payer" };
    const { world, start, began, finish } = setUp(one, { agents: [payer] });
    const asking = await world.executor.start(payer, { input: "go", id: "a", lane: "x" });
    await start("b", { lane: "x" });
    expect((await asking.result).status).toBe("waiting");
    await turns();
    expect(began).toEqual(["b"]);
    await world.executor.send("a", { kind: "resolve", call: "0.0", outcome: "done", output: "paid" });
    await turns();
    expect((await world.store.runs.get("a"))?.status).toBe("waiting");
    await finish("b");
    world.clock.advance(1_000);
    await turns();
    expect(await world.executor.result("a")).toMatchObject({ status: "completed" });
  });

  it("S36 multiplies nothing in a storm of restarts: the queue keeps its size, and each run begins once", async () => {
    const { world, start, agent } = setUp(one);
    for (let i = 0; i < 5; i++) await start(`r${i}`, { lane: "x", limits: { recoveries: 1_000 } });
    await turns();
    await world.clock.until(world.executor.shutdown());
    let last: World = world;
    for (let i = 0; i < 100; i++) {
      last = createWorld(() => ({ hang: true }), {
        agents: [agent],
        lanes: one,
        from: { ...last, store: last.store.peer(`memory/${i + 2}`) },
      });
      await last.executor.recover();
      await turns(3);
      last.store.die();
    }
    const rows = await last.store.runs.list();
    expect(rows).toHaveLength(5);
    expect(rows.filter(({ status }) => status === "queued")).toHaveLength(4);
    expect((await last.store.lanes.heads({ limit: 10 })).map(({ run }) => run)).toEqual(["r1"]);
  });

  it("S36 passes over a run that cannot begin here, and says why", async () => {
    const { world, start, agent, began } = setUp(one);
    const stranger = { ...makeAgent([makeTool("saw", async () => "sawn")]), name: "stranger" };
    await start("a", { lane: "x" });
    await world.executor.start(stranger, { input: "go", id: "strange", lane: "x" });
    await start("b", { lane: "x" });
    await turns();
    await world.clock.until(world.executor.shutdown());
    const warnings: string[] = [];
    const observers = [{ warning: (run: string, message: string) => warnings.push(`${run}: ${message}`) }];
    const next = createWorld(script, {
      agents: [agent],
      lanes: one,
      observers,
      from: { ...world, store: world.store.peer("memory/2") },
    });
    await next.executor.send("a", { kind: "kill" });
    await next.executor.recover();
    await turns();
    expect(began).toEqual(["a", "b"]);
    expect((await next.store.runs.get("strange"))?.status).toBe("queued");
    expect(warnings.join()).toContain(
      "strange: its turn has come, but it cannot begin here: run strange needs tools that have no code here: saw",
    );
    await next.clock.until(next.executor.shutdown());
  });

  it("S36 holds the limit over two processes, and each run is driven once", async () => {
    const { world, start, agent, began, finish } = setUp({ x: { concurrency: 2 } });
    const next = createWorld(script, {
      agents: [agent],
      lanes: { x: { concurrency: 2 } },
      from: { ...world, store: world.store.peer("memory/2") },
    });
    const ids = ["a", "b", "c", "d", "e", "f"];
    const handles = [];
    for (const [i, id] of ids.entries()) {
      handles.push(
        i % 2 === 0 ? await start(id, { lane: "x" }) : await next.executor.start(agent, { input: "go", id, lane: "x" }),
      );
    }
    for (const id of ids) {
      await turns();
      world.clock.advance(1_000);
      await turns();
      const rows = await world.store.runs.list({ status: ["running"] });
      expect(rows.length).toBeLessThanOrEqual(2);
      await finish(id);
    }
    const results = await world.clock.until(Promise.all(handles.map(({ result }) => result)));
    expect(results.map(({ status }) => status)).toEqual(ids.map(() => "completed"));
    expect(began.toSorted()).toEqual(ids);
  });
});
