import { describe, expect, it } from "vitest";
import type { ModelCall, ModelCallOptions, ModelCandidate } from "../../src/ports/models.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import { agent, blobs, journal, tool, types, world } from "../support/driver-world.ts";

describe("steering and stopping", () => {
  it("S12 takes a message before the next step, once and in order", async () => {
    const { executor, models } = world([{ calls: [{ name: "t" }] }, { text: "ok" }]);
    const steering = tool("t", async (_input, context) => {
      await executor.send(context.run, { kind: "steer", content: "first" }, { id: "a" });
      await executor.send(context.run, { kind: "steer", content: "first" }, { id: "a" });
      await executor.send(context.run, { kind: "steer", content: "second" });
      return "x";
    });
    await executor.run(agent([steering]), "x");
    const texts = models.calls[1]?.messages.slice(-2).map((message) => JSON.stringify(message.content));
    expect(texts).toEqual(['[{"type":"text","text":"first"}]', '[{"type":"text","text":"second"}]']);
  });

  it("S12 gives up a model call under way for a message that says now, and counts it", async () => {
    const aborted: unknown[] = [];
    const w = world(async (call) => {
      if (call.attempt > 1) return { text: "on it" };
      void w.executor.send(call.run, { kind: "steer", content: "Stop, other file", when: "now" });
      return { hang: true };
    });
    const [candidate] = await w.models.resolve("fast");
    const observed = {
      ...candidate,
      call: (c: ModelCall, o: ModelCallOptions) => {
        o.signal.addEventListener("abort", () => aborted.push(c.attempt));
        return candidate?.call(c, o);
      },
    };
    const executor = createExecutorOn(
      { models: { resolve: async () => [observed as ModelCandidate] } },
      { store: w.store, blobs: blobs(), clock: w.clock },
    );
    const result = await executor.run(agent([], { modelAttempts: 1 }), "x");
    expect(result).toMatchObject({ status: "completed", output: "on it", usage: { unknownCalls: 1 } });
    expect(aborted).toEqual([1]);
    expect(JSON.stringify(w.models.calls[1]?.messages)).toContain("Stop, other file");
    expect(types(await journal(w.store, result.run)).filter((type) => type === "model.failed")).toEqual([]);
  });

  it("S12 never gives up a tool call for a message that says now", async () => {
    let reason: unknown = "none";
    const { executor, models } = world([{ calls: [{ name: "t" }] }, { text: "ok" }]);
    const steering = tool("t", async (_input, context) => {
      await executor.send(context.run, { kind: "steer", content: "hurry", when: "now" });
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      if (context.signal.aborted) reason = context.signal.reason;
      return "x";
    });
    await executor.run(agent([steering]), "x");
    expect(reason).toBe("none");
    expect(JSON.stringify(models.calls[1]?.messages.at(-1))).toContain("hurry");
  });

  it("refuses a message of no text, and goes on without a word for one of no parts", async () => {
    let problem: unknown;
    const { executor, models } = world([{ calls: [{ name: "t" }] }, { text: "ok" }, { text: "more" }]);
    const steering = tool("t", async (_input, context) => {
      problem = await executor.send(context.run, { kind: "steer", content: "" }).catch((error: unknown) => error);
      await executor.send(context.run, { kind: "steer", content: [], afterStep: 2 });
      return "x";
    });
    const { run, output } = await executor.run(agent([steering]), "x");
    expect(problem).toMatchObject({ code: "request_invalid", run, message: `the message for ${run} is empty` });
    expect(models.calls[1]?.messages.at(-1)?.role).toBe("tool");
    expect(output).toBe("more");
  });

  it("continues instead of ending when a message arrives at the final answer", async () => {
    const w = world(async (call) => {
      if (call.step === 0) await w.executor.send(call.run, { kind: "steer", content: "and Rome?" });
      return { text: `answer ${call.step}` };
    });
    const result = await w.executor.run(agent([]), "Paris?");
    expect(result).toMatchObject({ status: "completed", output: "answer 1" });
  });

  it("S18 cancels in order: the tool's signal is aborted and the call accounted for", async () => {
    const w = world([{ calls: [{ name: "slow" }] }, { text: "never" }]);
    let reason: unknown;
    const slow = tool("slow", (_input, context) => {
      void w.executor.send(context.run, { kind: "cancel", reason: "not needed" });
      return new Promise((_, reject) => {
        context.signal.addEventListener("abort", () => {
          reason = context.signal.reason;
          reject(new Error("stopped"));
        });
      });
    });
    const result = await w.executor.run(agent([slow]), "x");
    expect(result).toMatchObject({
      status: "cancelled",
      error: { message: "not needed" },
      steps: [{ calls: [{ outcome: "unknown" }] }],
    });
    expect(reason).toMatchObject({ message: "the run was cancelled" });
  });

  it("ends a cancelled run within the grace time even if a tool ignores its signal", async () => {
    const w = world([{ calls: [{ name: "deaf" }] }]);
    const deaf = tool("deaf", (_input, context) => {
      void w.executor.send(context.run, { kind: "cancel" });
      return new Promise(() => {});
    });
    const result = await w.clock.until(w.executor.run(agent([deaf]), "x"));
    expect(result).toMatchObject({ status: "cancelled", activeMs: 2_000 });
  });

  it("kills without waiting for anyone", async () => {
    const w = world([{ calls: [{ name: "deaf" }] }]);
    const deaf = tool("deaf", (_input, context) => {
      void w.executor.send(context.run, { kind: "kill", reason: "runaway" });
      return new Promise(() => {});
    });
    const result = await w.executor.run(agent([deaf]), "x");
    expect(result).toMatchObject({ status: "killed", activeMs: 0, steps: [{ calls: [{ outcome: "unknown" }] }] });
  });

  it("S18 never relabels a genuine error by a cancellation that came later", async () => {
    const { executor } = world([{ error: Object.assign(new Error("bad request"), { retryable: false }) }]);
    const handle = await executor.start(agent([]), { input: "x", id: "r" });
    const result = await handle.result;
    expect(await handle.cancel()).toBe("run_finished");
    expect(result).toMatchObject({ status: "failed", error: { message: expect.stringContaining("bad request") } });
  });

  it("S17 cancels through the caller's signal", async () => {
    const controller = new AbortController();
    const { executor } = world(() => ({ hang: true }));
    const handle = await executor.start(agent([]), "x", { signal: controller.signal });
    controller.abort(new Error("user left"));
    expect(await handle.result).toMatchObject({ status: "cancelled", error: { message: "user left" } });
  });
});
