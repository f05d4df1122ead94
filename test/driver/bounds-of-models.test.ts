/** Tries, money and time of model calls. */
import { describe, expect, it } from "vitest";
import { ModelCallError } from "../../src/kernel/model-error.ts";
import type { ModelCandidate } from "../../src/ports/models.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { agent, tool, world } from "../support/driver-world.ts";

const DAY_MS = 86_400_000;
const unchecked = { validate: (value: unknown) => ({ ok: true as const, value }) };
const busy = (retryAfterMs = 0): Error => new ModelCallError("model_overloaded", "busy", { retryAfterMs });

describe("a model call without an answer", () => {
  it("is not made again when it was refused for good", async () => {
    const { executor, models } = world(() => ({ error: Object.assign(new Error("bad request"), { retryable: false }) }));
    expect(await executor.run(agent([]), "x")).toMatchObject({ status: "failed", error: { code: "model_failed" } });
    expect(models.calls).toHaveLength(1);
  });

  it("that broke off in the middle counts as one whose cost nobody knows", async () => {
    let tries = 0;
    const torn: ModelCandidate = {
      id: "test/torn",
      call: async (_call, { onPart }) => {
        if (++tries > 1)
          return { content: [{ type: "text", text: "whole" }], finish: "stop", usage: { inputTokens: 1, outputTokens: 1 } };
        onPart({ type: "text.delta", text: "ha" });
        throw busy();
      },
    };
    const w = world([], { models: { resolve: () => Promise.resolve([torn]) } });
    const result = await w.clock.until(w.executor.run(agent([]), "x"));
    expect(result).toMatchObject({ status: "completed", output: "whole", usage: { unknownCalls: 1 } });
  });
});

describe("a budget", () => {
  it("counts what was reserved for a call that broke off, because nobody knows what it used", async () => {
    let tries = 0;
    const torn: ModelCandidate = {
      id: "test/torn",
      price: { input: 1, output: 1, asOf: "2026-01-01" },
      call: async (_call, { onPart }) => {
        if (++tries > 1)
          return { content: [{ type: "text", text: "whole" }], finish: "stop", usage: { inputTokens: 3, outputTokens: 4 } };
        onPart({ type: "text.delta", text: "ha" });
        throw busy();
      },
    };
    const budgets = [{ per: "all", window: "day", limit: { tokens: 1_000_000 } }] as const;
    const w = world([], { budgets, models: { resolve: () => Promise.resolve([torn]) } });
    await w.clock.until(w.executor.run(agent([]), "x"));
    const [standing] = await w.executor.budgets();
    expect(standing?.reserved.tokens).toBe(0);
    // An answer of typical length for the first try, besides the 7 tokens of the second.
    expect(standing?.used.tokens).toBeGreaterThan(1_000);
  });
});

describe("a bound", () => {
  it("of money ends a run whose model does not say what it used", async () => {
    const look = tool("look", async (input) => JSON.stringify(input), unchecked);
    const { executor, models } = world(({ step }) => ({ calls: [{ name: "look", input: { step } }], usage: {} }));
    const result = await executor.run(agent([look], { costUsd: 1 }), "x");
    expect(result).toMatchObject({ status: "over_budget", costUsd: "unknown" });
    expect(models.calls).toHaveLength(1);
  });

  it("of steps holds for the wrap-up that another bound asks for", async () => {
    const hanging = tool("hanging", () => new Promise(() => {}), { effect: "read", ...unchecked });
    const w = world(() => ({ text: "at once", calls: [{ name: "hanging" }] }));
    const result = await w.clock.until(w.executor.run(agent([hanging], { maxSteps: 1, timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", output: "at once" });
    expect(w.models.calls).toHaveLength(1);
  });
});

describe("the wall clock", () => {
  function jumping(): { readonly clock: FakeClock; readonly jump: (ms: number) => void } {
    const clock = createFakeClock();
    let offset = 0;
    const jumped: FakeClock = { ...clock, now: () => clock.now() + offset };
    return { clock: jumped, jump: (ms) => (offset += ms) };
  }

  it.each([DAY_MS, -DAY_MS])("that is set by %d ms neither ends a run nor gives it more time", async (ms) => {
    const { clock, jump } = jumping();
    const quick = tool("quick", async () => (jump(ms), "x"), unchecked);
    const w = world(({ step }) => (step === 0 ? { calls: [{ name: "quick" }] } : { hang: true }), {}, { clock });
    const result = await clock.until(w.executor.run(agent([quick], { timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", activeMs: 6_000 });
    expect(clock.monotonic()).toBe(6_000);
  });

  it.each([DAY_MS, -DAY_MS])("that is set by %d ms moves no pause before another try", async (ms) => {
    const { clock, jump } = jumping();
    clock.after(5_000, () => jump(ms));
    const script = (): object => (w.models.calls.length > 1 ? { text: "again" } : { error: busy(10_000) });
    const w = world(script, {}, { clock });
    expect(await clock.until(w.executor.run(agent([]), "x"))).toMatchObject({ status: "completed", output: "again" });
    expect(clock.monotonic()).toBe(10_000);
  });
});
