import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import { agent, blobs, tool, world } from "../support/driver-world.ts";

describe("models", () => {
  const overloaded = (extra: object = {}) =>
    Object.assign(new Error("overloaded"), { retryable: true, statusCode: 529, ...extra });

  it("S07 retries with backoff and honours retry-after", async () => {
    const { executor, clock } = world((call) =>
      call.attempt < 3 ? { error: overloaded({ retryAfterMs: 7_000 }) } : { text: "ok" },
    );
    const result = await clock.until(executor.run(agent([]), "x"));
    expect(result).toMatchObject({ status: "completed", activeMs: 14_000 });
    // A request that was refused used nothing.
    expect(result.usage.unknownCalls).toBe(0);
  });

  it("S07 falls back to the next candidate of the tier", async () => {
    const clock = createFakeClock();
    const bad = scriptedModel(() => ({ error: overloaded() }), { id: "a/bad" });
    const good = scriptedModel([{ text: "ok" }], { id: "b/good" });
    const models = { resolve: async () => [...(await bad.resolve("")), ...(await good.resolve(""))] };
    const executor = createExecutorOn({ models }, { store: createMemoryStore(), blobs: blobs(), clock });
    const result = await clock.until(executor.run(agent([]), "x"));
    expect(result).toMatchObject({ status: "completed", steps: [{ model: "b/good" }] });
    expect(bad.calls).toHaveLength(3);
  });

  it("S07 passes a failing model over for other runs, tries it again after a while, and never refuses the last one", async () => {
    const clock = createFakeClock();
    let isDown = true;
    const first = scriptedModel(() => (isDown ? { error: overloaded() } : { text: "first" }), { id: "a/first" });
    const second = scriptedModel(() => ({ text: "second" }), { id: "b/second" });
    const models = { resolve: async () => [...(await first.resolve("")), ...(await second.resolve(""))] };
    const executor = createExecutorOn({ models }, { store: createMemoryStore(), blobs: blobs(), clock });
    const one = (): ReturnType<typeof executor.run> => clock.until(executor.run(agent([]), "x"));
    await one();
    await one();
    expect(first.calls).toHaveLength(5);
    const result = await one();
    expect(result).toMatchObject({ status: "completed", output: "second", activeMs: 0 });
    expect(first.calls).toHaveLength(5);
    const failures = [];
    for await (const event of executor.events(result.run)) if (event.type === "model.failed") failures.push(event);
    expect(failures).toMatchObject([{ model: "a/first", passedOver: true }]);
    isDown = false;
    await clock.until(new Promise<void>((resolve) => void clock.after(31_000, resolve)));
    expect((await one()).output).toBe("first");
    expect((await one()).output).toBe("first");
    const only = createExecutorOn({ models: first }, { store: createMemoryStore(), blobs: blobs(), clock });
    isDown = true;
    for (let i = 0; i < 3; i++) expect((await clock.until(only.run(agent([]), "x"))).error?.code).toBe("model_overloaded");
  });

  it("times out a model that never answers, then fails with the reason", async () => {
    const { executor, clock } = world(() => ({ hang: true }));
    const result = await clock.until(executor.run(agent([], { firstTokenMs: 1_000, timeMs: 60_000 }), "x"));
    expect(result.status).toBe("failed");
    expect(result.error).toMatchObject({ code: "model_timeout", message: expect.stringContaining("1000 ms") });
  });

  it("gives calls with ids that the provider repeats ids of their own", async () => {
    const { executor, models } = world([
      {
        calls: [
          { name: "t", id: "c1" },
          { name: "t", id: "c1", input: { n: 2 } },
        ],
      },
      { calls: [{ name: "t", id: "c1", input: { n: 3 } }] },
      { text: "ok" },
    ]);
    await executor.run(agent([tool("t", async (input) => JSON.stringify(input))]), "x");
    const ids = models.calls[2]?.messages.flatMap((m) => (m.role === "tool" ? m.content.map((p) => p.toolCallId) : []));
    expect(new Set(ids).size).toBe(3);
    expect(ids?.[0]).toBe("c1");
  });
});
