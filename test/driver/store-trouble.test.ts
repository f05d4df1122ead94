import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { ExecutusError } from "../../src/kernel/errors.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { agent, tool, world } from "../support/driver-world.ts";

describe("a store in trouble", () => {
  it("makes a run stand still while it cannot be written, and the run goes on by itself", async () => {
    const clock = createFakeClock();
    const memory = createMemoryStore({ now: () => clock.now() });
    const full = new ExecutusError("store_unavailable", "the disk is full", { retryable: true });
    const store = faultyStore(memory, [{ method: "journal.append", at: [0, 1, 2], error: full }]);
    const warnings: string[] = [];
    let runs = 0;
    // Checked at once: loading the validator is real waiting, which looks like idleness to a fake clock.
    const pay = tool("pay", async () => `paid ${++runs}`, { validate: (value) => ({ ok: true, value }) });
    const observers = [{ warning: (_run: string, message: string) => warnings.push(message) }];
    const w = world([{ calls: [{ name: "pay" }] }, { text: "done" }], { observers }, { store, clock });
    const result = await w.clock.until(w.executor.run(agent([pay]), "x"));
    expect(result).toMatchObject({ status: "completed", output: "done" });
    expect(runs).toBe(1);
    expect(warnings).toEqual(Array.from({ length: 3 }, () => "the disk is full; trying again in 1000 ms"));
  });

  it("can be told to stop while it stands still", async () => {
    const memory = createMemoryStore();
    const full = new ExecutusError("store_unavailable", "the disk is full", { retryable: true });
    const reached = Promise.withResolvers<void>();
    const store = faultyStore(memory, [{ method: "journal.append", act: reached.resolve, error: full }]);
    const w = world([{ text: "never kept" }], {}, { store });
    const handle = await w.executor.start(agent([]), { input: "x", id: "r" });
    await reached.promise;
    await w.executor.shutdown();
    expect(await handle.result).toMatchObject({ status: "interrupted", output: "" });
    const next = world([{ text: "kept" }], {}, { store: memory });
    expect(await (await next.executor.resume("r")).result).toMatchObject({ status: "completed", output: "kept" });
  });

  it("ends the attempt of a process whose run was taken over, and stops its tools", async () => {
    const clock = createFakeClock();
    const memory = createMemoryStore({ now: () => clock.now() });
    const script = [{ calls: [{ name: "slow" }] }, { text: "from the new owner" }];
    const started = Promise.withResolvers<void>();
    let release = (): void => {};
    let reason = "";
    const slow = tool("slow", (_input, context) => {
      started.resolve();
      context.signal.addEventListener("abort", () => (reason = (context.signal.reason as Error).message));
      return new Promise((resolve) => (release = () => resolve("late")));
    });
    const other = tool("other", async () => "x", { effect: "read" });
    const old = world(script, {}, { store: memory, clock });
    const handle = await old.executor.start(agent([slow, other]), { input: "x", id: "r" });
    await started.promise;
    memory.die();
    const next = world(script, { agents: [agent([slow, other])] }, { store: memory.peer("memory/2"), clock });
    expect(await (await next.executor.resume("r")).result).toMatchObject({
      status: "completed",
      output: "from the new owner",
      steps: [{ calls: [{ outcome: "unknown" }] }, {}],
    });
    release();
    expect(await handle.result).toMatchObject({ status: "interrupted", error: { code: "run_owned" } });
    expect(reason).toBe("another process took the run over");
    const journal = await memory.journal.read("r");
    expect(journal.map(({ seq }) => seq)).toEqual(journal.map((_, i) => i));
    expect(JSON.stringify(journal)).not.toContain("late");
  });

  it("fails the start of a run that cannot be written, before anything has happened", async () => {
    const memory = createMemoryStore();
    const full = new ExecutusError("store_unavailable", "the disk is full", { hint: "Make room.", retryable: true });
    const store = faultyStore(memory, [{ method: "runs.create", error: full }]);
    const w = world([{ text: "x" }], {}, { store });
    expect(await w.executor.run(agent([]), "x")).toMatchObject({
      status: "failed",
      error: { code: "store_unavailable", message: "the disk is full. Make room." },
    });
    expect(w.models.calls).toHaveLength(0);
  });
});

describe("a store that is in trouble between taking a run and driving it", () => {
  const full = new ExecutusError("store_unavailable", "the disk is full", { retryable: true });

  /** A run that another process left in the middle. */
  async function leftInTheMiddle() {
    const clock = createFakeClock();
    const memory = createMemoryStore({ now: () => clock.now() });
    const first = world([{ hang: true }], {}, { store: memory, clock });
    await first.executor.start(agent([]), { input: "x", id: "r" });
    memory.die();
    return { clock, store: memory.peer("memory/2") };
  }

  it.each(["append", "read"] as const)("keeps no run that was claimed when %s was refused", async (failing) => {
    const { clock, store } = await leftInTheMiddle();
    let claimed = false;
    const claim: Store["owners"]["claim"] = async (run, slot) => {
      const result = await store.owners.claim(run, slot);
      claimed = true;
      return result;
    };
    const broken = {
      ...store.journal,
      [failing]: (given: never) => (claimed ? Promise.reject(full) : store.journal[failing](given)),
    };
    const next = world([{ text: "x" }], {}, { store: { ...store, owners: { ...store.owners, claim }, journal: broken }, clock });
    await expect(next.executor.resume("r")).rejects.toThrow("the disk is full");
    expect(await store.runs.get("r")).toMatchObject({ status: "interrupted" });
    expect(await store.owners.orphans(10)).toEqual(["r"]);
    const other = world([{ text: "done" }], {}, { store: store.peer("memory/3"), clock });
    const handle = await other.executor.resume("r");
    expect(await clock.until(handle.result)).toMatchObject({ status: "completed", output: "done" });
  });

  // Of a page that the disk cannot read just now, SQLite says that it is damaged.
  const unread = new ExecutusError("store_damaged", "the database disk image is malformed");
  it.each([full, unread])("lets go of a run once it can, when that could not be written at first ($code)", async (trouble) => {
    const { clock, store } = await leftInTheMiddle();
    let failures = 2;
    const release: Store["owners"]["release"] = (...given) =>
      failures-- > 0 ? Promise.reject(trouble) : store.owners.release(...given);
    const asking = tool("asking", (_input, context) => Promise.resolve(context.ask("Really?")));
    const script = [{ calls: [{ name: "asking" }] }, { text: "done" }];
    const next = world(script, {}, { store: { ...store, owners: { ...store.owners, release } }, clock });
    const run = await next.executor.start(agent([asking]), { input: "x", id: "q" });
    expect(await clock.until(run.result)).toMatchObject({ status: "waiting" });
    expect(await store.runs.get("q")).toMatchObject({ owner: "memory/2" });
    await next.executor.send("q", { kind: "answer", question: "q:0.0", answer: "yes" });
    const again = await clock.until(next.executor.start(agent([asking]), { input: "x", id: "q" }));
    expect(await clock.until(again.result)).toMatchObject({ status: "completed", output: "done" });
  });
});

describe("a handle of a run that another process drives", () => {
  async function joined(failures: number, error: Error) {
    const clock = createFakeClock();
    const memory = createMemoryStore({ now: () => clock.now() });
    const answer = Promise.withResolvers<void>();
    const script = async () => (await answer.promise, { text: "done" });
    const owner = world(script, {}, { store: memory, clock });
    await owner.executor.start(agent([]), { input: "x", id: "r" });
    const peer = memory.peer("memory/2");
    const read: Store["journal"]["read"] = (...given) => (failures-- > 0 ? Promise.reject(error) : peer.journal.read(...given));
    const other = world(script, {}, { store: { ...peer, journal: { ...peer.journal, read } }, clock });
    const handle = await other.executor.start(agent([]), { input: "x", id: "r" });
    answer.resolve();
    return clock.until(handle.result);
  }

  it("gets its result when the store can be read again", async () => {
    const gone = new ExecutusError("store_unavailable", "the disk is gone", { retryable: true });
    expect(await joined(3, gone)).toMatchObject({ status: "completed", output: "done" });
  });

  it("never rejects: what cannot be read is an error of its result", async () => {
    const damaged = new ExecutusError("journal_damaged", "event 2 does not fit its checksum");
    expect(await joined(Infinity, damaged)).toMatchObject({
      run: "r",
      status: "interrupted",
      error: { code: "journal_damaged", message: "event 2 does not fit its checksum" },
    });
  });
});
