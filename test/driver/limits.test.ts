import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import { agent, blobs, journal, tool, types, world } from "../support/driver-world.ts";

describe("limits", () => {
  const looping = (call: { step: number; toolChoice: string }) =>
    call.toolChoice === "none" ? { text: "so far" } : { calls: [{ name: "lookup", input: { step: call.step } }] };
  const lookup = tool("lookup", async (input) => JSON.stringify(input));

  it("S02 resolves defaults once and reports them", async () => {
    const { executor } = world([{ text: "x" }]);
    const result = await executor.run(agent([], { maxSteps: 0, timeMs: -1 }), "x");
    expect(result.limits).toMatchObject({ maxSteps: 12, timeMs: 60_000, toolErrors: 3, repeats: 3 });
  });

  it("S05 gives a run at its step limit one last answer without tools", async () => {
    const { executor, models } = world(looping);
    const result = await executor.run(agent([lookup], { maxSteps: 4 }), "x");
    expect(result).toMatchObject({ status: "out_of_steps", output: "so far", error: { code: "limit_steps" } });
    expect(models.calls).toHaveLength(4);
    expect(models.calls.map((call) => call.toolChoice)).toEqual(["auto", "auto", "auto", "none"]);
  });

  it("S17 S18 stops in time with a wrap-up inside the limit", async () => {
    const { executor, clock } = world((call) => (call.toolChoice === "none" ? { text: "partial" } : { hang: true }));
    const result = await clock.until(executor.run(agent([lookup], { timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", output: "partial" });
    expect(result.activeMs).toBeLessThanOrEqual(6_000);
    expect(clock.pending).toBe(0);
  });

  it("ends at the time limit when the wrap-up hangs too", async () => {
    const { executor, clock } = world(() => ({ hang: true }));
    const result = await clock.until(executor.run(agent([lookup], { timeMs: 6_000 }), "x"));
    expect(result).toMatchObject({ status: "timed_out", output: "", activeMs: 6_000 });
    expect(result.usage.unknownCalls).toBe(2);
  });

  it("stops at the token limit with room for the wrap-up", async () => {
    const { executor } = world((call) => ({ ...looping(call), usage: { inputTokens: 90, outputTokens: 10 } }));
    const result = await executor.run(agent([lookup], { tokens: 450, maxSteps: 50 }), "x");
    expect(result).toMatchObject({ status: "over_budget", output: "so far" });
    expect(result.usage.inputTokens + result.usage.outputTokens).toBeLessThanOrEqual(450);
  });

  it("S07 refuses a cost limit on a model without a price", async () => {
    const unpriced = createExecutorOn(
      { models: scriptedModel([]) },
      { store: createMemoryStore(), blobs: blobs(), clock: createFakeClock() },
    );
    const result = await unpriced.run(agent([], { costUsd: 1 }), "x");
    expect(result.error?.code).toBe("limit_unpriced");
  });

  it("S25 raises the step ceiling of a live run", async () => {
    const { executor, store } = world((call) =>
      call.step < 6 ? { calls: [{ name: "lookup", input: { n: call.step } }] } : { text: "end" },
    );
    let sent = false;
    const raise = tool("lookup", async (input, context) => {
      if (!sent) await executor.send(context.run, { kind: "extend", steps: 10 });
      sent = true;
      return JSON.stringify(input);
    });
    const result = await executor.run(agent([raise], { maxSteps: 4 }), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "completed", output: "end", limits: { maxSteps: 14 } });
    expect(types(await journal(store, "r"))).toContain("limits.extended");
  });

  it("S21 hints, blocks, then stops the same call with the same result", async () => {
    let runs = 0;
    const same = tool("same", async () => (runs++, "same"));
    const { executor, models } = world((call) =>
      call.toolChoice === "none" ? { text: "gave up" } : { calls: [{ name: "same" }] },
    );
    const result = await executor.run(agent([same], { maxSteps: 30 }), "x");
    expect(result).toMatchObject({ status: "looping", output: "gave up" });
    expect(runs).toBe(2);
    expect(JSON.stringify(models.calls[2]?.messages)).toContain("same call 2 times");
    expect(result.steps.map((step) => step.calls[0]?.outcome)).toEqual([
      "ok",
      "ok",
      "blocked",
      "blocked",
      "blocked",
      "blocked",
      undefined,
    ]);
  });

  it("S21 sees an A-B-A-B cycle", async () => {
    const names = ["a", "b"];
    const { executor } = world((call) =>
      call.toolChoice === "none" ? { text: "x" } : { calls: [{ name: names[call.step % 2] ?? "a" }] },
    );
    const result = await executor.run(agent([tool("a", async () => "1"), tool("b", async () => "2")], { maxSteps: 40 }), "x");
    expect(result.status).toBe("looping");
    expect(result.steps.flatMap((step) => step.calls).filter((call) => call.outcome === "ok")).toHaveLength(4);
  });

  it("S21 stops after consecutive tool errors", async () => {
    const failing = tool("failing", async () => {
      throw new Error("no such file");
    });
    const { executor, models } = world((call) =>
      call.toolChoice === "none" ? { text: "sorry" } : { calls: [{ name: "failing", input: { n: call.step } }] },
    );
    const result = await executor.run(agent([failing], { maxSteps: 30 }), "x");
    expect(result).toMatchObject({ status: "failed", error: { code: "tool_errors" }, output: "sorry", toolErrors: 3 });
    expect(JSON.stringify(models.calls[1]?.messages)).toContain("no such file");
  });

  it("S21 warns before it stops, also when a whole batch of calls fails at once", async () => {
    const failing = tool("failing", () => Promise.reject(new Error("no such file")));
    const calls = (n: number) => Array.from({ length: n }, (_, i) => ({ name: "failing", input: { i } }));
    const { executor, models } = world((call) =>
      call.toolChoice === "none" ? { text: "sorry" } : { calls: calls(call.step === 0 ? 5 : 1) },
    );
    const result = await executor.run(agent([failing], { maxSteps: 30 }), "x");
    expect(JSON.stringify(models.calls[1]?.messages)).toContain("5 tool calls in a row failed. Read the error");
    expect(models.calls[1]?.toolChoice).toBe("auto");
    expect(result).toMatchObject({ status: "failed", error: { code: "tool_errors" }, toolErrors: 6 });
  });
});
