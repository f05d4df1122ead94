import { describe, expect, it } from "vitest";
import type { Tool } from "../../src/ports/tools.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const DONE = { kind: "resolve", call: "0.0", outcome: "done" } as const;

/** A payment that cannot tell whether it happened: its run waits for a person. */
const pay = (): Tool =>
  makeTool(
    "pay",
    () => {
      throw Object.assign(new Error("no answer"), { code: "unknown_outcome" });
    },
    { onUnknown: "ask" },
  );

const SCRIPT = [{ calls: [{ name: "pay" }] }, { text: "paid" }];

async function parked(config: Parameters<typeof createWorld>[1] = {}): Promise<World> {
  const agent = makeAgent([pay()]);
  const world = createWorld(SCRIPT, { agents: [agent], ...config });
  const result = await world.executor.run(agent, { input: "go", id: "r" });
  expect(result.status).toBe("waiting");
  return world;
}

async function turns(n = 30): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

const statusOf = async ({ store }: World): Promise<string | undefined> => (await store.runs.get("r"))?.status;

describe("waking", () => {
  it("goes on with a waiting run that nobody drives once it is told something", async () => {
    const world = await parked();
    expect(await world.executor.send("r", DONE)).toBe("accepted");
    expect(await (await world.executor.resume("r")).result).toMatchObject({ status: "completed", output: "paid" });
    expect((await world.store.journal.read("r")).filter(({ type }) => type === "attempt.started")).toHaveLength(1);
  });

  it("goes on without being asked to, and takes the run over once however often it is told", async () => {
    const world = await parked();
    await Promise.all([
      world.executor.send("r", { kind: "steer", content: "hurry" }),
      world.executor.send("r", DONE),
      world.executor.send("r", DONE),
    ]);
    await turns();
    expect(await statusOf(world)).toBe("completed");
    expect((await world.store.journal.read("r")).filter(({ type }) => type === "attempt.started")).toHaveLength(1);
  });

  it("leaves a waiting run alone in a process that only tells runs things", async () => {
    const world = await parked({ wakes: false });
    await world.executor.send("r", DONE);
    await turns();
    expect(await statusOf(world)).toBe("waiting");
    const report = await createWorld(SCRIPT, { agents: [makeAgent([pay()])], from: world }).executor.recover();
    expect(await report.resumed[0]?.result).toMatchObject({ status: "completed" });
  });

  it("hears in a worker what another process told a waiting run", async () => {
    const world = await parked({ wakes: false });
    const from = { ...world, store: world.store.peer("memory/2") };
    const worker = createWorld(SCRIPT, { agents: [makeAgent([pay()])], from, sweepMs: 3_600_000 });
    await world.executor.send("r", DONE);
    await turns();
    expect(await statusOf(worker)).toBe("completed");
    await worker.executor.shutdown();
  });

  it("goes on with a run whose time comes while it is being let go", async () => {
    const nap = makeTool("nap", async (_, context) => context.sleep(50), { effect: "read" });
    const world: World = createWorld([{ calls: [{ name: "nap" }] }, { text: "awake" }]);
    const lateClose = async (): Promise<void> => world.clock.advance(60);
    const box = { name: "box", open: async () => ({ tools: [], close: lateClose }) };
    const result = await world.executor.run({ ...makeAgent([nap]), sources: [box] }, { input: "go", id: "r" });
    expect(result.status).toBe("waiting");
    // Nothing has happened yet: its row says what it waited for, and the timer is set.
    expect(await world.store.runs.get("r")).toMatchObject({ status: "waiting", dueAt: world.clock.now() - 10 });
    world.clock.advance(0);
    await turns();
    expect(await statusOf(world)).toBe("completed");
  });

  it.each(["this process", "another one"])("does not lose what %s tells it while it is being let go", async (who) => {
    const agent = makeAgent([pay()]);
    const world: World = createWorld(SCRIPT, {
      agents: [agent],
      through: (store) => {
        const act = async (): Promise<void> => {
          if (who === "this process") await world.executor.send("r", DONE);
          else await store.inbox.send("r", { ...DONE, id: "from-elsewhere" });
          await turns(5);
        };
        return faultyStore(store, [{ method: "owners.release", act }]);
      },
    });
    await world.executor.run(agent, { input: "go", id: "r" });
    await turns();
    expect(await statusOf(world)).toBe("completed");
  });

  it("does not take over by itself what it has no code for, and says so", async () => {
    const world = await parked({ wakes: false });
    const warnings: string[] = [];
    const observers = [{ warning: (_run: string, message: string) => void warnings.push(message) }];
    const without = createWorld(SCRIPT, { from: world, observers });
    await without.executor.send("r", DONE);
    await turns();
    expect(await statusOf(world)).toBe("waiting");
    expect(warnings).toEqual([expect.stringContaining("no code here: pay")]);
    await without.executor.send("r", { kind: "cancel" });
    await turns();
    expect(await statusOf(world)).toBe("cancelled");
  });

  it("keeps one timer for all waiting runs, set for the one that is due next", async () => {
    const agent = makeAgent([pay()]);
    const world = createWorld(SCRIPT, { agents: [agent] });
    const now = world.clock.now();
    for (const [i, id] of ["a", "b", "c"].entries()) {
      await world.executor.run(agent, { input: "go", id });
      const claim = await world.store.owners.claim(id);
      const dueAt = now + (3 - i) * 86_400_000 * 40;
      await world.store.owners.release(id, claim.ok ? claim.epoch : 0, { status: "waiting", dueAt });
    }
    const worker = createWorld(SCRIPT, { agents: [agent], from: world });
    await worker.executor.recover();
    expect(world.clock.pending).toBe(1);
    const attempts = async (run: string): Promise<number> =>
      (await world.store.journal.read(run)).filter(({ type }) => type === "attempt.started").length;
    world.clock.advance(86_400_000 * 40);
    await turns();
    expect([await attempts("a"), await attempts("b"), await attempts("c")]).toEqual([0, 0, 1]);
    for (let i = 0; i < 2; i++) {
      world.clock.advance(86_400_000 * 40);
      await turns();
    }
    expect([await attempts("a"), await attempts("b"), await attempts("c")]).toEqual([1, 1, 1]);
    await worker.executor.shutdown();
    expect(world.clock.pending).toBe(0);
  });

  it("tries again later what was due and could not be taken over, though nobody asks for it", async () => {
    const nap = makeTool("nap", async (_input, context) => context.sleep(5_000));
    const agent = makeAgent([nap]);
    const world = createWorld([{ calls: [{ name: "nap" }] }, { text: "awake" }], {
      agents: [agent],
      through: (store) => faultyStore(store, [{ method: "owners.claim", at: 0 }]),
    });
    expect(await world.executor.run(agent, { input: "go", id: "r" })).toMatchObject({ status: "waiting" });
    world.clock.advance(5_000);
    await turns();
    expect(await statusOf(world)).toBe("waiting");
    world.clock.advance(10_000);
    await turns();
    expect(await statusOf(world)).toBe("completed");
  });

  it("goes on in the process that began it, though nobody told the executor about the agent", async () => {
    const world = createWorld(SCRIPT);
    await world.executor.run(makeAgent([pay()]), { input: "go", id: "r" });
    await world.executor.send("r", DONE);
    expect(await (await world.executor.resume("r")).result).toMatchObject({ status: "completed" });
  });

  it("starts nothing any more once it is shut down", async () => {
    const world = await parked();
    await world.executor.shutdown();
    await world.executor.send("r", DONE);
    await turns();
    expect(await statusOf(world)).toBe("waiting");
  });
});
