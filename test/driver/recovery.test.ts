import type { AppendRequest } from "../../src/ports/store.ts";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { agent, tool, world } from "../support/driver-world.ts";

describe("shutdown and recovery", () => {
  it("S28 S29 leaves runs resumable, and the next boot continues them", async () => {
    const store = createMemoryStore();
    let release = (): void => {};
    const started = new Promise<void>((resolve) => (release = resolve));
    const lookup = tool("lookup", async () => "x");
    const first = world(
      (call) => (call.step === 0 ? { calls: [{ name: "lookup" }] } : (release(), { hang: true })),
      {},
      { store },
    );
    const handle = await first.executor.start(agent([lookup]), { input: "x", id: "r" });
    await started;
    await first.executor.shutdown();
    expect(await handle.result).toMatchObject({ status: "interrupted" });
    const second = world([{ text: "never asked" }, { text: "resumed" }], { agents: [agent([lookup])] }, { store });
    const report = await second.executor.recover();
    expect(report.resumed).toHaveLength(1);
    expect(await report.resumed[0]?.result).toMatchObject({ status: "completed", output: "resumed", toolCalls: 1 });
    expect(second.models.calls).toHaveLength(1);
  });

  it("S29 is swept for periodically: a run whose process died goes on in one that was there all the time", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    const other = store.peer("memory/2");
    const second = world([{ text: "swept up" }], { agents: [agent([])], sweepMs: 30_000 }, { store: other, clock });
    const first = world(() => ({ hang: true }), {}, { store, clock });
    await first.executor.start(agent([]), { input: "x", id: "r" });
    store.die();
    await clock.until(new Promise<void>((resolve) => void clock.after(31_000, resolve)));
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(await second.executor.result("r")).toMatchObject({ status: "completed", output: "swept up" });
    await second.executor.shutdown();
  });

  it("S29 leaves a run waiting while its tools are not there, writes that once, and goes on when they are", async () => {
    const store = createMemoryStore();
    const lookup = tool("lookup", async () => "x");
    const first = world(() => ({ hang: true }), {}, { store });
    await first.executor.start(agent([lookup]), { input: "x", id: "r" });
    await first.executor.shutdown();
    const without = world([{ text: "x" }], {}, { store });
    const [waiting] = (await without.executor.recover()).resumed;
    expect(await waiting?.result).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "tools_missing", names: ["lookup"] },
    });
    expect((await (await without.executor.resume("r")).result).waitingFor?.kind).toBe("tools_missing");
    const { length } = await store.journal.read("r");
    const again = await without.executor.recover();
    expect(again.skipped).toMatchObject([{ run: "r", reason: expect.stringContaining("lookup") }]);
    expect(await store.journal.read("r")).toHaveLength(length);
    const withTools = world([{ text: "ok" }], { agents: [agent([lookup])] }, { store });
    const [handle] = (await withTools.executor.recover()).resumed;
    expect(await handle?.result).toMatchObject({ status: "completed", output: "ok" });
  });

  it("S26 never repeats a once call that was in flight when its process died", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: () => clock.now() });
    let runs = 0;
    const pay = tool("pay", () => (runs++, new Promise(() => {})));
    const first = world([{ calls: [{ name: "pay" }] }], {}, { store, clock });
    await first.executor.start(agent([pay]), { input: "x", id: "r" });
    while (runs === 0) await new Promise((resolve) => setImmediate(resolve));
    store.die();
    const next = store.peer("memory/2");
    const second = world([{ text: "" }, { text: "told" }], { agents: [agent([pay])] }, { store: next, clock });
    const result = await (await second.executor.resume("r")).result;
    expect(runs).toBe(1);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "unknown" }] }, {}] });
    expect(JSON.stringify(second.models.calls[0]?.messages.at(-1))).toContain("outcome of this call is unknown");
  });

  it("joins a start with the same id instead of starting a second run", async () => {
    const { executor, models } = world([{ text: "one" }]);
    const [a, b] = await Promise.all([
      executor.run(agent([]), { input: "x", id: "r" }),
      executor.run(agent([]), { input: "x", id: "r" }),
    ]);
    expect([a.output, b.output]).toEqual(["one", "one"]);
    expect(models.calls).toHaveLength(1);
  });

  it("poisons a run that only ever crashes", async () => {
    const clock = createFakeClock();
    let store = createMemoryStore({ now: () => clock.now() });
    const config = { agents: [agent([], { recoveries: 2 })] };
    const first = world(() => ({ hang: true }), config, { store, clock });
    await first.executor.start(agent([], { recoveries: 2 }), { input: "x", id: "r" });
    let status: string | undefined;
    for (let i = 0; i < 5 && status !== "poisoned"; i++) {
      store.die();
      store = store.peer(`memory/${i + 2}`);
      const next = world(() => ({ hang: true }), config, { store, clock });
      await next.executor.resume("r");
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      status = (await store.runs.get("r"))?.status;
    }
    expect(status).toBe("poisoned");
  });

  it("refuses to take a run over without its models, and leaves it to whoever has them", async () => {
    const store = createMemoryStore();
    const first = world(() => ({ hang: true }), {}, { store });
    await first.executor.start(agent([]), { input: "x", id: "r" });
    await first.executor.shutdown();
    const models = { resolve: () => Promise.reject(new Error("there is no key")) };
    const without = world([], { models }, { store });
    await expect(without.executor.resume("r")).rejects.toThrow("there is no key");
    expect((await without.executor.recover()).skipped).toEqual([{ run: "r", reason: "there is no key" }]);
    const report = await world([{ text: "ok" }], {}, { store }).executor.recover();
    expect(await report.resumed[0]?.result).toMatchObject({ status: "completed" });
  });

  it("shows a run that waits again after a takeover as waiting", async () => {
    const store = createMemoryStore();
    const lookup = tool("lookup", async () => "x");
    const first = world(() => ({ hang: true }), {}, { store });
    await first.executor.start(agent([lookup]), { input: "x", id: "r" });
    await first.executor.shutdown();
    await (
      await world([], {}, { store }).executor.resume("r")
    ).result;
    expect(await store.runs.get("r")).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "tools_missing", names: ["lookup"] },
    });
  });

  it("starts the calls whose intent was being committed when it was told to stop", async () => {
    const memory = createMemoryStore();
    let stopped: Promise<void> | undefined;
    const store = faultyStore(memory, [
      {
        method: "journal.append",
        only: ({ events }: AppendRequest) => events.some(({ type }) => type === "tool.started"),
        act: () => void (stopped = first.executor.shutdown()),
      },
    ]);
    let runs = 0;
    const pay = tool("pay", async () => `paid ${++runs}`);
    const script = [{ calls: [{ name: "pay" }] }, { text: "thanks" }];
    const first = world(script, {}, { store });
    const handle = await first.executor.start(agent([pay]), { input: "x", id: "r" });
    expect(await handle.result).toMatchObject({
      status: "interrupted",
      steps: [{ calls: [{ outcome: "ok", output: "paid 1" }] }],
    });
    await stopped;
    const second = world(script, { agents: [agent([pay])] }, { store: memory });
    expect(await (await second.executor.resume("r")).result).toMatchObject({ status: "completed", output: "thanks" });
    expect(runs).toBe(1);
  });
});
