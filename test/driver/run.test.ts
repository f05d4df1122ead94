import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { createTools } from "../../src/adapters/tools/registry.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import type { Store } from "../../src/ports/store.ts";
import { agent, blobs, journal, tool, types, world } from "../support/driver-world.ts";

describe("a run", () => {
  it("S38 answers without tools in one step", async () => {
    const { executor, store } = world([{ text: "hello" }]);
    const result = await executor.run(agent([]), { input: "hi", id: "r" });
    expect(result).toMatchObject({ status: "completed", output: "hello", seq: 4 });
    expect(types(await journal(store, "r"))).toEqual([
      "run.started",
      "model.started",
      "model.answered",
      "run.settling",
      "run.finished",
    ]);
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
    expect(await broken.run(agent([]), "x")).toMatchObject({
      status: "failed",
      error: { code: "port_failed", message: "no network" },
    });
    expect(await executor.run(agent([]), "x")).toMatchObject({ status: "failed" });
  });

  it("S06 makes no model call when the budget refuses", async () => {
    const { executor, models } = world([{ text: "x" }], { admit: () => ({ admitted: false, reason: "empty" }) });
    expect(await executor.run(agent([]), "x")).toMatchObject({ status: "over_budget", error: { code: "budget_refused" } });
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
    expect(await executor.run(agent([]), { input: "x", extraTools: [extra] })).toMatchObject({
      status: "completed",
      toolCalls: 1,
    });
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
    const results = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => executor.run(agent([lookup]), { input: "x", id: `r${i}` })),
    );
    expect(results.every((result, i) => result.output === `r${i}` && result.status === "completed")).toBe(true);
  });
});
