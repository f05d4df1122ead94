/** A ledger outside the store, and starts that fail between the two: what was reserved for a run that was not made is given back. */
import { describe, expect, it } from "vitest";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import type { Ledger } from "../../src/ports/budget.ts";
import { type Fault, faultyStore } from "../../src/testing/faulty-store.ts";
import { ExecutusError } from "../../src/kernel/errors.ts";
import { createWorld, makeAgent, type World } from "../support/world.ts";

const agent = makeAgent([]);
const request = { input: "x", id: "r" };

interface Setup {
  readonly world: World;
  readonly warnings: readonly string[];
  /** Calls that are used, and reserved. */
  readonly calls: () => Promise<readonly unknown[]>;
}

function setUp(faults: readonly Fault[], ledger: Ledger = createMemoryLedger()): Setup {
  const warnings: string[] = [];
  const world = createWorld([{ text: "done" }], {
    budgets: [{ per: "all", window: "day", limit: { calls: 1 } }],
    ledger,
    observers: [{ warning: (_run, message) => void warnings.push(message) }],
    through: (store) => faultyStore(store, faults),
  });
  const calls = async (): Promise<readonly unknown[]> =>
    (await ledger.standings()).map(({ used, reserved }) => [used.calls, reserved.calls]);
  return { world, warnings, calls };
}

/** Until what is tried again has been. */
const later = ({ clock }: World): Promise<void> => clock.until(new Promise<void>((resolve) => clock.after(1_500, resolve)));

describe("what a start has reserved in a ledger of one's own", () => {
  it.each([
    ["whose disk is full", undefined],
    ["that fails for good", new Error("no such table")],
  ])("S06 is given back when the start fails in a store %s", async (_how, error) => {
    const { world, calls, warnings } = setUp([{ method: "runs.create", at: 0, ...(error === undefined ? {} : { error }) }]);
    await expect(world.executor.start(agent, request)).rejects.toThrow(error?.message ?? "store");
    expect(await calls()).toEqual([[0, 0]]);
    // The only call that the budget has is there for the next try, under the same id.
    expect(await world.clock.until(world.executor.run(agent, request))).toMatchObject({ status: "completed" });
    expect(await calls()).toEqual([[1, 0]]);
    expect(warnings).toEqual([]);
  });

  it("S06 stays with a run that was made all the same", async () => {
    const { world, calls } = setUp([{ method: "runs.create", at: 0, when: "after" }]);
    expect(await world.clock.until(world.executor.run(agent, request))).toMatchObject({ status: "over_budget" });
    // Nobody knows whether the call of the start was made.
    expect(await calls()).toEqual([[1, 0]]);
  });

  it("S06 is given back later when the store cannot say whether the run is there", async () => {
    const { world, calls, warnings } = setUp([
      { method: "runs.create", at: 0 },
      { method: "runs.get", at: [1, 2] },
    ]);
    await expect(world.executor.start(agent, request)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await calls()).toEqual([[0, 1]]);
    expect(warnings).toEqual([expect.stringContaining("what it had reserved of budgets may still be reserved")]);
    await later(world);
    expect(await calls()).toEqual([[0, 0]]);
  });

  it("S06 stays with a run of which the store says later that it was made", async () => {
    const { world, calls } = setUp([
      { method: "runs.create", at: 0, when: "after" },
      { method: "runs.get", at: [1, 2] },
    ]);
    await expect(world.executor.start(agent, request)).rejects.toMatchObject({ code: "store_unavailable" });
    await later(world);
    expect(await calls()).toEqual([[0, 1]]);
    expect((await world.store.runs.get("r"))?.status).toBe("interrupted");
  });

  it("S06 is given back later when the ledger cannot be reached then", async () => {
    const ledger = createMemoryLedger();
    let told = 0;
    const apply: Ledger["apply"] = async (run, change) => {
      if (told++ === 1) throw new ExecutusError("store_unavailable", "the ledger is away", { run, retryable: true });
      return ledger.apply(run, change);
    };
    const { world, calls, warnings } = setUp([{ method: "runs.create", at: 0 }], { ...ledger, apply });
    await expect(world.executor.start(agent, request)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(warnings).toEqual([expect.stringContaining("the ledger is away")]);
    await later(world);
    expect(await calls()).toEqual([[0, 0]]);
  });

  it("S06 is given back when it was reserved and reported as refused", async () => {
    const ledger = createMemoryLedger();
    let told = 0;
    const apply: Ledger["apply"] = async (run, change) => {
      const refusal = await ledger.apply(run, change);
      if (told++ === 0) throw new Error("the line went dead");
      return refusal;
    };
    const { world, calls } = setUp([], { ...ledger, apply });
    await expect(world.executor.start(agent, request)).rejects.toThrow("the line went dead");
    expect(await calls()).toEqual([[0, 0]]);
  });

  it("S06 is given back when there is a run of the same idempotency key", async () => {
    const { world, calls } = setUp([]);
    const keyed = { input: "x", idempotencyKey: "k" };
    const first = await world.clock.until(world.executor.run(agent, keyed));
    expect(first.status).toBe("completed");
    const other = createWorld([{ text: "done" }], {
      from: world,
      budgets: [{ per: "all", window: "day", limit: { calls: 2 } }],
      ledger: createMemoryLedger(),
    });
    expect((await other.clock.until(other.executor.run(agent, keyed))).run).toBe(first.run);
    expect((await other.executor.budgets()).map(({ used, reserved }) => [used.calls, reserved.calls])).toEqual([[0, 0]]);
    expect(await calls()).toEqual([[1, 0]]);
  });
});
