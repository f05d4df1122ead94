/**
 * A store behind a network may make what it reports as failed. A run that is taken or begun that way belongs to a living process that
 * does not know it: it must be driven, or be let go so that it can be.
 */
import { describe, expect, it } from "vitest";
import { storeViolations } from "../../src/testing/invariants.ts";
import { type Fault, faultyStore } from "../../src/testing/faulty-store.ts";
import type { Agent } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

const SWEEP_MS = 1_000;
const SCRIPT = [{ calls: [{ name: "pay" }] }, { text: "done" }];

function payWorld(faults: readonly Fault[], more: WorldOptions = {}) {
  const paid: string[] = [];
  const pay = makeTool("pay", async (_input, { idempotencyKey }) => paid.push(idempotencyKey));
  const agent = makeAgent([pay]);
  const world = createWorld(SCRIPT, {
    agents: [agent],
    sweepMs: SWEEP_MS,
    through: (store) => faultyStore(store, faults),
    ...more,
  });
  return { world, agent, paid };
}

/** Until the run has ended, whoever drives it; no longer than a few sweeps. */
async function ended({ clock, store }: World, run: string): Promise<unknown> {
  for (let sweeps = 0; sweeps < 6; sweeps++) {
    const row = await store.runs.get(run);
    if (row?.status === "completed") return row;
    await clock.until(new Promise<void>((resolve) => clock.after(SWEEP_MS, resolve)));
  }
  return store.runs.get(run);
}

describe("the start of a run that was made and reported as failed", () => {
  it("is found out at once: the run is driven, and its start says so", async () => {
    const { world, agent, paid } = payWorld([{ method: "runs.create", at: 0, when: "after" }]);
    const result = await world.clock.until(world.executor.run(agent, { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "completed", output: "done" });
    expect(paid).toEqual(["r:0.0"]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("is found out later when the store cannot say so yet: the run is let go, and goes on with a sweep", async () => {
    const { world, agent, paid } = payWorld([
      { method: "runs.create", at: 0, when: "after" },
      { method: "runs.get", at: [0, 1, 2] },
    ]);
    const started = world.executor.start(agent, { input: "x", id: "r" });
    await expect(started).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
    expect(await ended(world, "r")).toMatchObject({ status: "completed" });
    expect(paid).toEqual(["r:0.0"]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("is found by a second try with the same key, though nobody sweeps", async () => {
    const { world, agent, paid } = payWorld(
      [
        { method: "runs.create", at: 0, when: "after" },
        { method: "runs.get", at: [0, 1] },
      ],
      { sweepMs: 0 },
    );
    const request = { input: "x", idempotencyKey: "order-7" };
    await expect(world.executor.start(agent, request)).rejects.toThrow("the store cannot be written");
    const result = await world.clock.until(world.executor.run(agent, request));
    expect(result).toMatchObject({ status: "completed", output: "done" });
    expect(await world.store.runs.list()).toHaveLength(1);
    expect(paid).toHaveLength(1);
  });

  it("begins in its turn when it is queued in a lane", async () => {
    const lanes = { x: { concurrency: 1 } };
    const { world, agent } = payWorld([{ method: "runs.create", at: 0, when: "after" }], { lanes, sweepMs: 0 });
    const result = await world.clock.until(world.executor.run(agent, { input: "x", id: "r", lane: "x" }));
    expect(result).toMatchObject({ status: "completed", output: "done" });
  });

  it("is the start of a fork, too", async () => {
    const { world, agent } = payWorld([{ method: "runs.create", at: 1, when: "after" }]);
    await world.clock.until(world.executor.run(agent, { input: "x", id: "r" }));
    const fork = await world.executor.fork("r", { at: 0, id: "f" });
    expect(await world.clock.until(fork.result)).toMatchObject({ status: "completed", output: "done" });
  });

  it("is the start of a child, too", async () => {
    const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps." };
    const lead: Agent = { name: "lead", instructions: "Lead.", delegates: [helper] };
    const script = [{ calls: [{ name: "agent__helper", input: { prompt: "x" } }] }, { text: "done" }];
    const world = createWorld((call) => (call.run === "r" ? (script[call.step] ?? {}) : { text: "helped" }), {
      through: (store) => faultyStore(store, [{ method: "runs.create", at: 1, when: "after" }]),
    });
    const result = await world.clock.until(world.executor.run(lead, { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "helped" }] }, {}] });
  });

  it("is not taken for that of another run with the same id", async () => {
    const { world, agent, paid } = payWorld([{ method: "runs.create", at: 1 }]);
    const first = await world.executor.start(agent, { input: "x", id: "r" });
    world.clock.advance(1);
    await expect(world.executor.start(agent, { input: "x", id: "r" })).rejects.toThrow("the store cannot be written");
    expect(await world.clock.until(first.result)).toMatchObject({ status: "completed" });
    expect((await world.store.journal.read("r")).map(({ type }) => type)).not.toContain("attempt.started");
    expect(paid).toEqual(["r:0.0"]);
  });
});

describe("a claim that was made and reported as failed", () => {
  /** A run in the middle, left by a process that died. */
  async function left(faults: readonly Fault[], more: WorldOptions = {}) {
    const first = createWorld([{ hang: true }], {});
    await first.executor.start(makeAgent([makeTool("pay", async () => "")]), { input: "x", id: "r" });
    await first.clock.until(Promise.resolve());
    first.store.die();
    const from = { clock: first.clock, blobs: first.blobs, store: first.store.peer("memory/2") };
    return payWorld(faults, { from, ...more });
  }

  it("is found out at once: the run is let go, and whoever wants it gets it", async () => {
    const { world, paid } = await left([{ method: "owners.claim", at: 0, when: "after" }], { sweepMs: 0 });
    await expect(world.executor.resume("r")).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
    expect(await world.store.runs.get("r")).toMatchObject({ status: "interrupted" });
    const handle = await world.clock.until(world.executor.resume("r"));
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "completed", output: "done" });
    expect(paid).toEqual(["r:0.0"]);
  });

  it.each([
    ["cannot be asked", [{ method: "runs.get", at: [0, 1, 2] }]],
    ["fails again", [{ method: "owners.claim", at: [1, 2], when: "after" as const }]],
    ["cannot let go", [{ method: "owners.release", at: [0, 1] }]],
  ])("is let go within a sweep when the store %s at first", async (_what, faults) => {
    const { world, paid } = await left([{ method: "owners.claim", at: 0, when: "after" }, ...faults]);
    await expect(world.executor.resume("r")).rejects.toThrow("the store cannot be written");
    expect(await ended(world, "r")).toMatchObject({ status: "completed" });
    expect(paid).toEqual(["r:0.0"]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("leaves the run of another process alone, and that of another executor here", async () => {
    const { world } = await left([{ method: "owners.claim", at: 0 }], { sweepMs: 0 });
    const pay = makeTool("pay", async () => "");
    const other = createWorld([{ hang: true }], { from: world, agents: [makeAgent([pay])] });
    await other.executor.resume("r");
    await expect(world.executor.resume("r")).rejects.toThrow("the store cannot be written");
    await world.clock.until(new Promise<void>((resolve) => world.clock.after(5_000, resolve)));
    expect(await world.store.runs.get("r")).toMatchObject({ status: "running", owner: "memory/2" });
  });

  it("keeps no place in a lane, and does not lose its turn", async () => {
    const lanes = { x: { concurrency: 1 } };
    const { world, agent } = payWorld([{ method: "owners.claim", at: 0, when: "after" }], { lanes, sweepMs: 0 });
    const began = world.clock.now();
    const runs = ["a", "b"].map((id) => world.executor.run(agent, { input: "x", id, lane: "x" }));
    for (const run of runs) expect(await world.clock.until(run)).toMatchObject({ status: "completed" });
    expect(world.clock.now() - began).toBeLessThan(3 * SWEEP_MS);
  });

  it("does not keep a run from going on that waited and was told something, though nobody sweeps", async () => {
    const ask = makeTool("ask", (_input, context) => Promise.resolve(context.ask("Really?")));
    const agent = makeAgent([ask]);
    const world = createWorld([{ calls: [{ name: "ask" }] }, { text: "done" }], {
      agents: [agent],
      through: (store) => faultyStore(store, [{ method: "owners.claim", at: 0, when: "after" }]),
    });
    const handle = await world.executor.start(agent, { input: "x", id: "r" });
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "waiting" });
    await world.executor.send("r", { kind: "answer", question: "r:0.0", answer: "yes" });
    expect(await ended(world, "r")).toMatchObject({ status: "completed" });
  });
});
