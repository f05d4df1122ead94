import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../adapters/store/memory.ts";
import { defineTool } from "../adapters/tools/define-tool.ts";
import { createTools } from "../adapters/tools/registry.ts";
import { UnknownOutcomeError } from "../kernel/unknown-outcome.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Store } from "../ports/store.ts";
import type { Tool } from "../ports/tools.ts";
import { createFakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { type Script, type ScriptedModel, scriptedModel } from "../testing/scripted-model.ts";
import { createExecutorOn } from "./executor.ts";
import type { Executor, ExecutorConfig } from "./types.ts";

const blobs = (): Blobs => {
  const held = new Map<string, Uint8Array>();
  return {
    put: async (bytes) => {
      const hash = `h${held.size}`;
      held.set(hash, bytes);
      return hash;
    },
    get: async (hash) => held.get(hash) ?? new Uint8Array(),
    collect: async () => 0,
  };
};

interface World {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly models: ScriptedModel;
  readonly executor: Executor;
}

function world(script: Script, config: Partial<ExecutorConfig> = {}, given: { store?: Store; clock?: FakeClock } = {}): World {
  const clock = given.clock ?? createFakeClock();
  const store = given.store ?? createMemoryStore({ now: clock.now });
  const models = scriptedModel(script, { price: { input: 1, output: 1, asOf: "2026-01-01" } });
  const executor = createExecutorOn({ models, ...config }, { store, blobs: blobs(), clock });
  return { clock, store, models, executor };
}

const anyObject = { type: "object" };

function tool(name: string, execute: Tool["execute"], more: Partial<Tool> = {}): Tool {
  return { ...defineTool({ name, description: name, input: anyObject, execute: async (i, c) => execute(i, c) }), ...more };
}

const agent = (tools: readonly Tool[], limits: object = {}) => ({ name: "tester", instructions: "test", tools, limits });

async function journal(store: Store, run: string): Promise<readonly RunEvent[]> {
  return store.journal.read(run);
}

const types = (events: readonly RunEvent[]) => events.map((event) => event.type);

describe("a run", () => {
  it("S38 answers without tools in one step", async () => {
    const { executor, store } = world([{ text: "hello" }]);
    const result = await executor.run(agent([]), { input: "hi", id: "r" });
    expect(result).toMatchObject({ status: "completed", output: "hello", seq: 4 });
    expect(types(await journal(store, "r"))).toEqual(["run.started", "model.started", "model.answered", "run.settling", "run.finished"]);
  });

  it("S38 calls a tool and gives its result to the next step", async () => {
    const lookup = tool("lookup", async () => "42");
    const { executor, models, store } = world([{ calls: [{ name: "lookup", input: { q: 1 } }] }, { text: "it is 42" }]);
    const result = await executor.run(agent([lookup]), { input: "hi", id: "r" });
    expect(result).toMatchObject({ status: "completed", output: "it is 42", toolCalls: 1 });
    expect(models.calls[1]?.messages.at(-1)).toEqual({
      role: "tool",
      content: [{ type: "tool-result", toolCallId: "call_0_0", toolName: "lookup", output: { type: "text", value: "42" } }],
    });
    expect(types(await journal(store, "r"))).toContain("tool.started");
  });

  it("commits a step with one call in two transactions", async () => {
    const store = createMemoryStore();
    let appends = 0;
    const counted: Store = { ...store, journal: { ...store.journal, append: (r) => (appends++, store.journal.append(r)) } };
    const steps = Array.from({ length: 5 }, (_, i) => ({ calls: [{ name: "lookup", input: { i } }] }));
    const { executor } = world([...steps, { text: "done" }], {}, { store: counted });
    await executor.run(agent([tool("lookup", async (input) => JSON.stringify(input))]), "go");
    expect(appends).toBe(2 * 5 + 1);
  });

  it("starts no call again when others come back while a commit is under way", async () => {
    const slow = createMemoryStore();
    const later = async <T>(value: Promise<T>): Promise<T> => {
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
      return value;
    };
    const store: Store = { ...slow, journal: { ...slow.journal, append: (r) => later(slow.journal.append(r)) } };
    const ran: string[] = [];
    const staggered = tool("staggered", async (input, context) => {
      ran.push(context.call);
      for (let i = 0; i < (input as { n: number }).n; i++) await new Promise((resolve) => setImmediate(resolve));
      return "x";
    });
    const calls = Array.from({ length: 8 }, (_, n) => ({ name: "staggered", input: { n } }));
    const { executor } = world([{ calls }, { calls }, { text: "done" }], {}, { store });
    expect(await executor.run(agent([staggered], { repeats: 9 }), "go")).toMatchObject({ status: "completed", toolCalls: 16 });
    expect(ran.length).toBe(new Set(ran).size);
    expect(ran).toHaveLength(16);
  });

  it("S20 runs parallel calls together and shows their results in call order", async () => {
    const order: string[] = [];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = tool("slow", async () => {
      await gate;
      order.push("slow");
      return "s";
    });
    const fast = tool("fast", async () => {
      order.push("fast");
      release();
      return "f";
    });
    const { executor, models } = world([{ calls: [{ name: "slow" }, { name: "fast" }] }, { text: "ok" }]);
    const result = await executor.run(agent([slow, fast]), "go");
    expect(order).toEqual(["fast", "slow"]);
    const message = models.calls[1]?.messages.at(-1);
    expect(message?.role === "tool" && message.content.map((part) => part.toolName)).toEqual(["slow", "fast"]);
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["ok", "ok"]);
  });

  it("S04 turns what a port throws into a failed result", async () => {
    const { executor } = world([]);
    const broken = createExecutorOn(
      { models: { resolve: () => Promise.reject(new Error("no network")) } },
      { store: createMemoryStore(), blobs: blobs(), clock: createFakeClock() },
    );
    expect(await broken.run(agent([]), "x")).toMatchObject({ status: "failed", error: { code: "port_failed", message: "no network" } });
    expect(await executor.run(agent([]), "x")).toMatchObject({ status: "failed" });
  });

  it("S06 makes no model call when the budget refuses", async () => {
    const budget = { reserve: async () => ({ admitted: false as const, reason: "empty" }), settle: async () => {} };
    const { executor, models } = world([{ text: "x" }], { budget });
    expect(await executor.run(agent([]), "x")).toMatchObject({ status: "failed", error: { code: "budget_refused" } });
    expect(models.calls).toHaveLength(0);
  });

  it("S34 sends no empty text part when there are only images", async () => {
    const { executor, models } = world([{ text: "a cat" }]);
    await executor.run(agent([]), { images: [{ mediaType: "image/png", bytes: new Uint8Array([1]) }] });
    expect(models.calls[0]?.messages).toEqual([
      { role: "user", content: [{ type: "file", mediaType: "image/png", data: { type: "blob", hash: "h0", bytes: 1 } }] },
    ]);
  });

  it("S33 puts the platform header before the agent's instructions", async () => {
    const { executor, models } = world([{ text: "x" }], { systemHeader: "Be brief." });
    await executor.run(agent([]), "x");
    expect(models.calls[0]?.instructions).toBe("Be brief.\n\ntest");
  });

  it("S15 adds extra tools and refuses a duplicate name", async () => {
    const extra = tool("lookup", async () => "1");
    const { executor } = world([{ calls: [{ name: "lookup" }] }, { text: "x" }]);
    expect(await executor.run(agent([]), { input: "x", extraTools: [extra] })).toMatchObject({ status: "completed", toolCalls: 1 });
    const twice = await executor.run(agent([extra]), { input: "x", extraTools: [extra] });
    expect(twice).toMatchObject({ status: "failed", error: { code: "tool_duplicate" } });
  });

  it("S13 names the nearest tool for an unknown name", async () => {
    const { executor } = world([], { tools: createTools([tool("lookup", async () => "")]) });
    const result = await executor.run({ name: "a", instructions: "", tools: ["lokup"] }, "x");
    expect(result.error?.code).toBe("tool_unknown");
    expect(result.error?.message).toContain("lookup");
  });

  it("S36 drives a thousand runs at once", async () => {
    const { executor } = world((call) => (call.step === 0 ? { calls: [{ name: "lookup" }] } : { text: call.run }));
    const lookup = tool("lookup", async () => "x");
    const results = await Promise.all(Array.from({ length: 1000 }, (_, i) => executor.run(agent([lookup]), { input: "x", id: `r${i}` })));
    expect(results.every((result, i) => result.output === `r${i}` && result.status === "completed")).toBe(true);
  });
});

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
    const unpriced = createExecutorOn({ models: scriptedModel([]) }, { store: createMemoryStore(), blobs: blobs(), clock: createFakeClock() });
    const result = await unpriced.run(agent([], { costUsd: 1 }), "x");
    expect(result.error?.code).toBe("limit_unpriced");
  });

  it("S25 raises the step ceiling of a live run", async () => {
    const { executor, store } = world((call) => (call.step < 6 ? { calls: [{ name: "lookup", input: { n: call.step } }] } : { text: "end" }));
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
    const same = tool("same", async () => `${(runs++, "same")}`);
    const { executor, models } = world((call) => (call.toolChoice === "none" ? { text: "gave up" } : { calls: [{ name: "same" }] }));
    const result = await executor.run(agent([same], { maxSteps: 30 }), "x");
    expect(result).toMatchObject({ status: "looping", output: "gave up" });
    expect(runs).toBe(2);
    expect(JSON.stringify(models.calls[2]?.messages)).toContain("same call 2 times");
    expect(result.steps.map((step) => step.calls[0]?.outcome)).toEqual(["ok", "ok", "blocked", "blocked", "blocked", "blocked", undefined]);
  });

  it("S21 sees an A-B-A-B cycle", async () => {
    const names = ["a", "b"];
    const { executor } = world((call) => (call.toolChoice === "none" ? { text: "x" } : { calls: [{ name: names[call.step % 2] ?? "a" }] }));
    const result = await executor.run(agent([tool("a", async () => "1"), tool("b", async () => "2")], { maxSteps: 40 }), "x");
    expect(result.status).toBe("looping");
    expect(result.steps.flatMap((step) => step.calls).filter((call) => call.outcome === "ok")).toHaveLength(4);
  });

  it("S21 stops after consecutive tool errors", async () => {
    const failing = tool("failing", async () => {
      throw new Error("no such file");
    });
    const { executor, models } = world((call) => (call.toolChoice === "none" ? { text: "sorry" } : { calls: [{ name: "failing", input: { n: call.step } }] }));
    const result = await executor.run(agent([failing], { maxSteps: 30 }), "x");
    expect(result).toMatchObject({ status: "failed", error: { code: "tool_errors" }, output: "sorry", toolErrors: 3 });
    expect(JSON.stringify(models.calls[1]?.messages)).toContain("no such file");
  });
});

describe("tools", () => {
  it("answers unknown tools and unfit arguments as data", async () => {
    const strict = defineTool({
      name: "strict",
      description: "s",
      input: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
      execute: async () => "ran",
    });
    const { executor, models } = world([{ calls: [{ name: "strct" }, { name: "strict", input: { n: "x" } }] }, { text: "ok" }]);
    const result = await executor.run(agent([strict]), "x");
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["invalid", "invalid"]);
    const shown = JSON.stringify(models.calls[1]?.messages);
    expect(shown).toContain("Did you mean strict?");
    expect(shown).toContain("must be number");
  });

  it("never runs calls of an answer that was cut", async () => {
    let ran = 0;
    const lookup = tool("lookup", async () => `${ran++}`);
    const { executor } = world([{ calls: [{ name: "lookup" }], finish: "length" }, { text: "ok" }]);
    const result = await executor.run(agent([lookup]), "x");
    expect(ran).toBe(0);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "invalid" }] }, {}] });
  });

  it("makes a result that is not JSON a clear tool error", async () => {
    const big = tool("big", async () => ({ items: [{ id: 1n }] }));
    const map = tool("map", async () => new Map());
    const { executor, models } = world([{ calls: [{ name: "big" }, { name: "map" }] }, { text: "ok" }]);
    await executor.run(agent([big, map]), "x");
    const shown = JSON.stringify(models.calls[1]?.messages);
    expect(shown).toContain("result.items[0].id is a bigint");
    expect(shown).toContain("result is a Map");
  });

  it("spills a large result and gives the model the head and a reference", async () => {
    const large = tool("large", async () => "x".repeat(300_000));
    const { executor, models } = world([{ calls: [{ name: "large" }] }, { text: "ok" }]);
    await executor.run(agent([large]), { input: "x", id: "r" });
    const shown = JSON.stringify(models.calls[1]?.messages.at(-1));
    expect(shown.length).toBeLessThan(20_000);
    expect(shown).toContain("300000 bytes and is stored as sha256:h0");
  });

  it("abandons a tool that ignores its signal, and does not call a once tool's outcome an error", async () => {
    const { executor, clock } = world([{ calls: [{ name: "deaf" }, { name: "deafRead" }] }, { text: "ok" }]);
    const deaf = tool("deaf", () => new Promise(() => {}), { timeoutMs: 1_000 });
    const deafRead = tool("deafRead", () => new Promise(() => {}), { timeoutMs: 1_000, effect: "read" });
    const result = await clock.until(executor.run(agent([deaf, deafRead]), "x"));
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["unknown", "error"]);
    expect(result.activeMs).toBe(3_000);
  });

  it("asks reconcile about a call whose tool cannot tell", async () => {
    const asked: string[] = [];
    const pay = tool("pay", () => Promise.reject(new UnknownOutcomeError("lost")), {
      reconcile: async (_input, context) => (asked.push(context.idempotencyKey), { outcome: "done", result: "paid" }),
    });
    const { executor } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }]);
    const result = await executor.run(agent([pay]), { input: "x", id: "r" });
    expect(asked).toEqual(["r:0.0"]);
    expect(result.steps[0]?.calls[0]).toMatchObject({ outcome: "ok", output: "paid" });
  });

  it("waits for a person when the policy is ask, and goes on with the answer", async () => {
    const pay = tool("pay", () => Promise.reject(new UnknownOutcomeError("lost")), { onUnknown: "ask" });
    const { executor, store } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }], { agents: [agent([pay])] });
    const result = await executor.run(agent([pay]), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "waiting", waitingFor: { kind: "resolution", calls: ["0.0"] } });
    expect((await store.runs.get("r"))?.status).toBe("waiting");
    await executor.send("r", { kind: "resolve", call: "0.0", outcome: "done", output: "receipt 7" });
    const handle = await executor.resume("r");
    expect(await handle.result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "receipt 7" }] }, {}] });
  });

  it("S10 tells a tool where its run stands", async () => {
    const views: unknown[] = [];
    const self = tool("self", async (_input, context) => (views.push(context.status()), ""));
    const { executor } = world([{ calls: [{ name: "self" }] }, { text: "ok" }]);
    await executor.run(agent([self]), { input: "x", id: "r" });
    expect(views).toMatchObject([{ run: "r", step: 1, status: "running", toolCalls: 1, limits: { maxSteps: 12 } }]);
  });
});

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
    expect(result).toMatchObject({ status: "cancelled", error: { message: "not needed" }, steps: [{ calls: [{ outcome: "unknown" }] }] });
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

describe("models", () => {
  const overloaded = (extra: object = {}) => Object.assign(new Error("overloaded"), { retryable: true, statusCode: 529, ...extra });

  it("retries with backoff and honours retry-after", async () => {
    const { executor, clock } = world((call) => (call.attempt < 3 ? { error: overloaded({ retryAfterMs: 7_000 }) } : { text: "ok" }));
    const result = await clock.until(executor.run(agent([]), "x"));
    expect(result).toMatchObject({ status: "completed", activeMs: 14_000 });
    expect(result.usage.unknownCalls).toBe(2);
  });

  it("falls back to the next candidate of the tier", async () => {
    const clock = createFakeClock();
    const bad = scriptedModel(() => ({ error: overloaded() }), { id: "a/bad" });
    const good = scriptedModel([{ text: "ok" }], { id: "b/good" });
    const models = { resolve: async () => [...(await bad.resolve("")), ...(await good.resolve(""))] };
    const executor = createExecutorOn({ models }, { store: createMemoryStore(), blobs: blobs(), clock });
    const result = await clock.until(executor.run(agent([]), "x"));
    expect(result).toMatchObject({ status: "completed", steps: [{ model: "b/good" }] });
    expect(bad.calls).toHaveLength(3);
  });

  it("times out a model that never answers, then fails with the reason", async () => {
    const { executor, clock } = world(() => ({ hang: true }));
    const result = await clock.until(executor.run(agent([], { firstTokenMs: 1_000, timeMs: 60_000 }), "x"));
    expect(result.status).toBe("failed");
    expect(result.error).toMatchObject({ code: "model_timeout", message: expect.stringContaining("1000 ms") });
  });

  it("gives calls with ids that the provider repeats ids of their own", async () => {
    const { executor, models } = world([{ calls: [{ name: "t", id: "c1" }, { name: "t", id: "c1", input: { n: 2 } }] }, { calls: [{ name: "t", id: "c1", input: { n: 3 } }] }, { text: "ok" }]);
    await executor.run(agent([tool("t", async (input) => JSON.stringify(input))]), "x");
    const ids = models.calls[2]?.messages.flatMap((m) => (m.role === "tool" ? m.content.map((p) => p.toolCallId) : []));
    expect(new Set(ids).size).toBe(3);
    expect(ids?.[0]).toBe("c1");
  });
});

describe("shutdown and recovery", () => {
  it("S28 S29 leaves runs resumable, and the next boot continues them", async () => {
    const store = createMemoryStore();
    let release = (): void => {};
    const started = new Promise<void>((resolve) => (release = resolve));
    const lookup = tool("lookup", async () => "x");
    const first = world((call) => (call.step === 0 ? { calls: [{ name: "lookup" }] } : (release(), { hang: true })), {}, { store });
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

  it("S26 never repeats a once call that was in flight when its process died", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: clock.now });
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

  it("leaves a run waiting when its tools are not there, and goes on when they are", async () => {
    const store = createMemoryStore();
    const lookup = tool("lookup", async () => "x");
    const first = world(() => ({ hang: true }), {}, { store });
    await first.executor.start(agent([lookup]), { input: "x", id: "r" });
    await first.executor.shutdown();
    const without = world([{ text: "x" }], {}, { store });
    expect(await (await without.executor.resume("r")).result).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "tools_missing", names: ["lookup"] },
    });
    const withTools = world([{ text: "ok" }], { agents: [agent([lookup])] }, { store });
    expect(await (await withTools.executor.resume("r")).result).toMatchObject({ status: "completed", output: "ok" });
  });

  it("joins a start with the same id instead of starting a second run", async () => {
    const { executor, models } = world([{ text: "one" }]);
    const [a, b] = await Promise.all([executor.run(agent([]), { input: "x", id: "r" }), executor.run(agent([]), { input: "x", id: "r" })]);
    expect([a.output, b.output]).toEqual(["one", "one"]);
    expect(models.calls).toHaveLength(1);
  });

  it("poisons a run that only ever crashes", async () => {
    const clock = createFakeClock();
    let store = createMemoryStore({ now: clock.now });
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
});
