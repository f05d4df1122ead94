import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../adapters/store/memory.ts";
import { defineTool } from "../adapters/tools/define-tool.ts";
import type { Store } from "../ports/store.ts";
import { createFakeClock } from "./fake-clock.ts";
import { type Fault, faultyStore } from "./faulty-store.ts";
import { storeViolations } from "./invariants.ts";
import { createWorld } from "./world.ts";

const at = 0;
const begin = (store: Store, run: string) => store.runs.create({ run, agent: "a", at, events: [] });
const outcomes = async (...calls: readonly Promise<unknown>[]): Promise<string> =>
  (await Promise.allSettled(calls)).map(({ status }) => (status === "fulfilled" ? "." : "x")).join("");

describe("a faulty store", () => {
  it("refuses a fault that would never happen", () => {
    const plan = (method: string) => () => faultyStore(createMemoryStore(), [{ method }]);
    expect(plan("journal.apend")).toThrow(
      expect.objectContaining({ code: "request_invalid", hint: "Did you mean journal.append?" }),
    );
    expect(plan("jurnal.*")).toThrow("a fault is of jurnal.*, which is no method of a store");
    for (const method of ["*", "*.list", "outbox.*", "budgets.apply"]) expect(plan(method)).not.toThrow();
  });

  it("fails the calls it is told to, before or after they are made", async () => {
    const memory = createMemoryStore();
    const store = faultyStore(memory, [
      { method: "runs.create", at: [1, 3] },
      { method: "runs.create", at: 2, when: "after" },
    ]);
    const made = [];
    for (const run of ["a", "b", "c", "d", "e"]) made.push(await outcomes(begin(store, run)));
    expect(made.join("")).toBe(".xxx.");
    expect((await memory.runs.list()).map(({ run }) => run).toSorted()).toEqual(["a", "c", "e"]);
    expect(store.injected).toEqual(["before runs.create", "after runs.create", "before runs.create"]);
    await expect(begin(faultyStore(memory, [{}]), "f")).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
  });

  it("fails what fits a pattern and its arguments, with an error of its own", async () => {
    const memory = createMemoryStore();
    await begin(memory, "a");
    const store = faultyStore(memory, [
      { method: ["owners.*", "*.list"], error: new Error("mine") },
      { method: "runs.get", only: (run: string) => run === "b", at: 0 },
    ]);
    await expect(store.owners.claim("a")).rejects.toThrow("mine");
    await expect(store.runs.list()).rejects.toThrow("mine");
    await expect(store.outbox.list()).rejects.toThrow("mine");
    expect(await outcomes(store.runs.get("a"), store.runs.get("b"), store.runs.get("b"))).toBe(".x.");
    expect(store.owners.self).toBe("memory/1");
  });

  it("fails writes with a probability, the same ones for the same seed, and never reads", async () => {
    const fates = async (seed: number): Promise<string> => {
      const memory = createMemoryStore();
      const store = faultyStore(memory, [{ probability: 0.3 }], { seed });
      let text = "";
      for (let i = 0; i < 60; i++) {
        text += await outcomes(begin(store, `r${i}`));
        await store.runs.list();
      }
      return text;
    };
    const first = await fates(1);
    expect(await fates(1)).toBe(first);
    expect(await fates(2)).not.toBe(first);
    expect(first.match(/x/g)?.length).toBeGreaterThan(8);
    expect(first.match(/x/g)?.length).toBeLessThan(30);
  });

  it("is late, by the clock it is given, and leaves calls unanswered", async () => {
    const clock = createFakeClock();
    const memory = createMemoryStore();
    const store = faultyStore(
      memory,
      [
        { method: "runs.create", delayMs: 500 },
        { method: "inbox.send", hang: true },
      ],
      {
        clock,
      },
    );
    const made = begin(store, "a");
    await new Promise((resolve) => setImmediate(resolve));
    expect(await memory.runs.get("a")).toBeUndefined();
    await clock.until(made);
    expect(clock.monotonic()).toBe(500);
    const unanswered = Promise.race([
      store.inbox.send("a", { id: "x", kind: "cancel" }),
      new Promise((resolve) => clock.after(9, () => resolve("none"))),
    ]);
    expect(await clock.until(unanswered)).toBe("none");
    expect(await memory.inbox.pending("a")).toEqual([]);
  });

  it("does something of the test's own at that moment, and goes on", async () => {
    const memory = createMemoryStore();
    await begin(memory, "a");
    const seen: string[] = [];
    const store = faultyStore(memory, [
      { method: "inbox.send", act: (run: string) => void seen.push(`before ${run}`) },
      {
        method: "inbox.send",
        when: "after",
        act: async (run: string) => void seen.push(`${(await memory.inbox.pending(run)).length}`),
      },
    ]);
    expect(await store.inbox.send("a", { id: "x", kind: "cancel" })).toBe("accepted");
    expect(seen).toEqual(["before a", "1"]);
  });
});

describe("a run on a faulty store", () => {
  const pay = (paid: string[]) =>
    defineTool({
      name: "pay",
      description: "Pays.",
      input: { type: "object" },
      execute: (_, { idempotencyKey }) => void paid.push(idempotencyKey),
    });
  const play = async (faults: readonly Fault[], seed = 1) => {
    const paid: string[] = [];
    const world = createWorld([{ calls: [{ name: "pay" }] }, { calls: [{ name: "pay" }] }, { text: "done" }], {
      through: (store) => faultyStore(store, faults, { seed }),
    });
    const tool = pay(paid);
    // Loads the validator: what takes real time looks like idleness to a fake clock.
    await tool.validate({});
    const agent = { name: "a", instructions: "Pay.", tools: [tool] };
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
    return { result, paid, violations: await storeViolations(world.store) };
  };

  it.each([1, 2, 3, 4, 5])("goes on by itself, and does nothing twice (seed %i)", async (seed) => {
    const { result, paid, violations } = await play([{ method: "journal.append", probability: 0.5 }], seed);
    expect(result).toMatchObject({ status: "completed", output: "done" });
    expect(paid).toEqual(["r:0.0", "r:1.0"]);
    expect(violations).toEqual([]);
  });

  it.each([0, 1, 2, 3])("goes on when append %i was made and nobody heard of it", async (n) => {
    const { result, paid, violations } = await play([{ method: "journal.append", at: n, when: "after" }]);
    expect(result).toMatchObject({ status: "completed", output: "done" });
    expect(paid).toEqual(["r:0.0", "r:1.0"]);
    expect(violations).toEqual([]);
  });
});
