/** Bugs that other engines had with who may write, what a conflict does, and what a restart does to what was there. */
import { describe, expect, it } from "vitest";
import { batch, newRun } from "../../src/testing/store-conformance-data.ts";
import { BACKENDS, heldBack, startProcess, turns, untilStatus } from "../support/backends.ts";
import { makeAgent, makeTool } from "../support/world.ts";

const agent = makeAgent([]);

describe.each(BACKENDS)("in %s", (_name, open) => {
  it("langgraph#8810 a late writer after a cancel is refused: it neither overwrites nor follows the end", async () => {
    const backend = await open();
    const tools = [makeTool("pay", async () => "paid")];
    const held = heldBack(({ events }) => events.some(({ type }) => type === "tool.ended"));
    const old = startProcess(backend, [{ calls: [{ name: "pay" }] }], { through: held.through });
    const handle = await old.executor.start(makeAgent(tools), { input: "go", id: "r" });
    await held.reached;
    backend.crash();
    const next = startProcess(backend, [], { agents: [makeAgent(tools)] });
    await next.executor.send("r", { kind: "cancel", reason: "enough" });
    expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "cancelled" });
    const ended = await next.store.journal.read("r");
    held.letThrough();
    expect(await held.outcome).toEqual({ ok: false, reason: "fenced" });
    expect(await handle.result).toMatchObject({ status: "interrupted", error: { code: "run_owned" } });
    expect(await next.store.journal.read("r")).toEqual(ended);
    expect(ended.map(({ seq }) => seq)).toEqual(ended.map((_, i) => i));
    expect(ended.at(-1)?.type).toBe("run.finished");
  });

  it("vercel/workflow#2737, PR#2295 the same events inserted twice are refused the second time", async () => {
    const store = (await open()).open();
    await store.runs.create(newRun("r"));
    const request = batch("r");
    expect(await Promise.all([store.journal.append(request), store.journal.append(request)])).toEqual([
      { ok: true },
      { ok: false, reason: "fenced" },
    ]);
    expect(await store.journal.append(request)).toEqual({ ok: false, reason: "fenced" });
    expect((await store.journal.read("r")).map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it("langgraph#7361 to resume goes on from the end, whatever was forked from earlier; an ended run can only be forked", async () => {
    const backend = await open();
    const ran: string[] = [];
    const pay = makeTool("pay", async (_input, { run }) => (ran.push(run), "paid"), { approval: "always" });
    const agents = [makeAgent([pay])];
    const world = startProcess(backend, [{ calls: [{ name: "pay" }] }, { text: "end" }], { agents, wakes: false });
    await world.clock.until(world.executor.run(makeAgent([pay]), { input: "go", id: "r" }));
    const before = await world.store.journal.read("r");
    const fork = await world.executor.fork("r", { at: 1, id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ status: "waiting" });
    expect(await world.store.journal.read("r")).toEqual(before);
    await world.executor.send("r", { kind: "approve", approval: "r:0.0" });
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ status: "completed" });
    expect((await world.store.journal.read("r")).slice(0, before.length)).toEqual(before);
    expect(world.models.calls.map(({ run, step }) => `${run} ${step}`)).toEqual(["r 0", "f 0", "r 1"]);
    expect(ran).toEqual(["r"]);
    await expect(world.executor.resume("r")).rejects.toMatchObject({ code: "run_finished" });
  });

  it("langgraphjs#1812 two forks at once from one point are two runs, and neither drops the other", async () => {
    const backend = await open();
    const world = startProcess(backend, ({ run }) => ({ text: `from ${run}` }), { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
    const forks = await Promise.all([
      world.executor.fork("r", { at: 1, id: "one" }),
      world.executor.fork("r", { at: 1, id: "two" }),
    ]);
    const results = await world.clock.until(Promise.all(forks.map(({ result }) => result)));
    expect(results).toMatchObject([{ output: "from one" }, { output: "from two" }]);
    // The same fork is the one that is there; another under its id is no fork of anything.
    expect(await (await world.executor.fork("r", { at: 1, id: "one" })).result).toMatchObject({ output: "from one" });
    for (const other of [{ at: 0 }, { at: 1, edit: { input: "stay" } }])
      await expect(world.executor.fork("r", { ...other, id: "one" })).rejects.toMatchObject({ code: "request_invalid" });
    expect((await world.store.journal.read("one")).at(-1)?.type).toBe("run.finished");
    expect((await world.store.runs.list()).map(({ run }) => run).toSorted()).toEqual(["one", "r", "two"]);
  });

  it("dbos-transact-ts#1205, #725 an id used again with other input is the first run, as it was", async () => {
    const backend = await open();
    const first = startProcess(backend, () => ({ hang: true }), { agents: [agent] });
    await first.executor.start(agent, { input: "first", id: "r" });
    while (first.models.calls.length === 0) await turns(1);
    backend.crash();
    const next = startProcess(backend, [{ text: "answered" }], { agents: [agent] });
    const [a, b] = await next.clock.until(
      Promise.all([
        next.executor.run(agent, { input: "second", id: "r" }),
        next.executor.run(agent, { input: "third", id: "r", labels: { x: "y" } }),
      ]),
    );
    expect([a.output, b.output]).toEqual(["answered", "answered"]);
    expect(next.models.calls.map(({ messages }) => messages.length)).toEqual([1]);
    expect(JSON.stringify(next.models.calls[0]?.messages)).toContain("first");
    expect((await next.store.journal.read("r")).filter(({ type }) => type === "run.started")).toHaveLength(1);
  });

  it("dbos-transact-ts#706 a queued run that was cancelled is not brought back by a restart", async () => {
    const backend = await open();
    const lanes = { x: { concurrency: 1 } };
    const first = startProcess(backend, () => ({ hang: true }), { agents: [agent], lanes });
    await first.executor.start(agent, { input: "go", id: "busy", lane: "x" });
    await first.executor.start(agent, { input: "go", id: "queued", lane: "x" });
    await first.executor.send("queued", { kind: "cancel" });
    await untilStatus(first.store, "queued", "cancelled");
    backend.crash();
    const next = startProcess(backend, [{ text: "done" }], { agents: [agent], lanes });
    await next.executor.recover();
    await untilStatus(next.store, "busy", "completed");
    await turns();
    expect(next.models.calls.map(({ run }) => run)).toEqual(["busy"]);
    expect((await next.store.runs.get("queued"))?.status).toBe("cancelled");
  });

  it("vercel/eve#535, inngest#2531 a run whose owner is gone is nobody's: it is cancelled, and goes on, without it", async () => {
    const backend = await open();
    const first = startProcess(backend, () => ({ hang: true }), { agents: [agent] });
    for (const id of ["a", "b"]) await first.executor.start(agent, { input: "go", id });
    while (first.models.calls.length < 2) await turns(1);
    backend.crash();
    const next = startProcess(backend, [{ text: "done" }], { agents: [agent] });
    expect((await next.store.runs.list({ status: ["interrupted"] })).map(({ run }) => run).toSorted()).toEqual(["a", "b"]);
    await next.executor.send("b", { kind: "cancel" });
    await untilStatus(next.store, "b", "cancelled");
    const { resumed, skipped } = await next.executor.recover();
    expect(skipped).toEqual([]);
    expect(await next.clock.until(Promise.all(resumed.map(({ result }) => result)))).toMatchObject([
      { run: "a", status: "completed" },
    ]);
  });
});
