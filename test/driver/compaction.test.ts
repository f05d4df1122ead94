/** Conversations that grow too long: when they are shortened, what stays, and that it always ends. */
import { describe, expect, it } from "vitest";
import { createModelCompactor } from "../../src/adapters/compactor/model.ts";
import { toArray } from "../../src/kernel/list.ts";
import { ModelCallError } from "../../src/kernel/model-error.ts";
import type { Compaction, CompactionRequest, Compactor } from "../../src/ports/compactor.ts";
import type { EventType, RunEvent } from "../../src/ports/events.ts";
import type { Message } from "../../src/ports/messages.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import { foldJournal } from "../../src/run/result.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const PAGE = "a page of text that says little ".repeat(60);
const look = makeTool("look", async () => PAGE, { effect: "read" });
const looking = (n: number, inputTokens = 100): ScriptedAnswer => ({
  calls: [{ name: "look", input: { n } }],
  usage: { inputTokens, outputTokens: 10 },
});
const spent = { model: "script/small", usage: { inputTokens: 50, outputTokens: 5 }, costUsd: 0.25 };

function compactor(more: Partial<Compaction> = {}): { readonly compactor: Compactor; readonly requests: CompactionRequest[] } {
  const requests: CompactionRequest[] = [];
  const compact = async (request: CompactionRequest): Promise<Compaction> => {
    requests.push(request);
    return { summary: "what happened", keep: 2, ...more };
  };
  return { compactor: { compact }, requests };
}

const tooLong = new ModelCallError("model_context_overflow", "script/model: prompt is too long");

async function ofType<T extends EventType>(world: World, type: T): Promise<readonly Extract<RunEvent, { type: T }>[]> {
  const events = await world.store.journal.read("r");
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}

async function messages(world: World): Promise<readonly Message[]> {
  const state = foldJournal(await world.store.journal.read("r"))?.state;
  return state === undefined ? [] : toArray(state.messages);
}

/** Every result has its call before it, and every call its result behind it. */
function expectPairs(conversation: readonly Message[]): void {
  const ids = (role: string, at: Message | undefined): readonly string[] =>
    at?.role === role ? at.content.flatMap((part) => ("toolCallId" in part ? [part.toolCallId] : [])) : [];
  const parted = conversation.filter((message, i) => {
    const [called, answered] = [ids("assistant", message), ids("tool", message)];
    const isAnswered = called.length === 0 || called.join() === ids("tool", conversation[i + 1]).join();
    return !isAnswered || (answered.length > 0 && answered.join() !== ids("assistant", conversation[i - 1]).join());
  });
  expect(parted).toEqual([]);
}

describe("by the ratio of the window", () => {
  it("S22 shortens once 0.7 of the window is full, and says how long the conversation was and is", async () => {
    const { compactor: port, requests } = compactor({ spent });
    const script = [looking(1, 200), looking(2, 400), looking(3, 1_000), { text: "end" }];
    const world = createWorld(script, { compactor: port, contextTokens: 2_000 });
    const result = await world.clock.until(world.executor.run(makeAgent([look]), { input: "go", id: "r" }));
    expect(result.status).toBe("completed");
    const [requested, ...more] = await ofType(world, "compaction.requested");
    expect(more).toEqual([]);
    // What the provider said of the last call, its answer, and what came since.
    expect(requested).toMatchObject({
      reason: "ratio",
      tokens: 1_000 + 10 + Math.ceil((PAGE.length + 6) / 4) + 4,
      window: 2_000,
    });
    expect(requests).toMatchObject([{ model: "script/model", window: 2_000, attempt: 1, step: 3 }]);
    const [compacted] = await ofType(world, "context.compacted");
    expect(compacted).toMatchObject({ messagesBefore: 7, messagesAfter: 4, tokensBefore: requested?.tokens, reason: "ratio" });
    expect(compacted?.tokensAfter).toBeLessThan(requested?.tokens ?? 0);
    expect(world.models.calls.at(-1)?.messages.map(({ role }) => role)).toEqual(["user", "user", "assistant", "tool"]);
    expect(result.usage.inputTokens).toBe(200 + 400 + 1_000 + 10 + 50);
    expect(result.costUsd).toBeGreaterThan(0.25);
  });

  it("S22 is off when the window is not known, when there is no compactor, and when the agent says never", async () => {
    const script = [looking(1, 9_000), looking(2, 9_000), { text: "end" }];
    const { compactor: port } = compactor();
    const never = { compactionRatio: Infinity };
    for (const [options, limits] of [
      [{ compactor: port }, {}],
      [{ contextTokens: 1_000 }, {}],
      [{ compactor: false as const, contextTokens: 1_000 }, {}],
      [{ compactor: port, contextTokens: 1_000 }, never],
    ] as const) {
      const world = createWorld(script, options);
      await world.clock.until(world.executor.run(makeAgent([look], limits), { input: "go", id: "r" }));
      expect(await ofType(world, "compaction.requested")).toEqual([]);
    }
  });

  it("S22 refuses a summary that does not shrink the conversation, and does not ask again until it has grown", async () => {
    const { compactor: port, requests } = compactor({ summary: PAGE.repeat(9), spent });
    const script = [looking(1, 1_000), looking(2, 1_010), looking(3, 1_020), looking(4, 1_700), { text: "end" }];
    const world = createWorld(script, { compactor: port, contextTokens: 2_000 });
    const result = await world.clock.until(world.executor.run(makeAgent([look]), { input: "go", id: "r" }));
    expect(result.status).toBe("completed");
    expect((await ofType(world, "compaction.failed")).map(({ error }) => error.message)[0]).toMatch(/did not shrink/);
    expect(requests.map(({ step }) => step)).toEqual([1, 4]);
    expect(result.usage.inputTokens).toBe(1_000 + 1_010 + 1_020 + 1_700 + 10 + 2 * 50);
  });

  it("goes on when the compactor throws, hangs or answers nonsense", async () => {
    for (const [compact, reason] of [
      [() => Promise.reject(new Error("no idea")), /no idea/],
      [() => new Promise<never>(() => {}), /timed out/],
      [async () => ({ summary: " ", keep: 0 }), /empty/],
      [async () => ({ summary: "x", keep: -1 }), /keep -1/],
    ] as const) {
      const world = createWorld([looking(1, 1_900), { text: "end" }], { compactor: { compact }, contextTokens: 2_000 });
      const agent = makeAgent([look], { modelCallMs: 1_000 });
      const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
      expect(result).toMatchObject({ status: "completed", output: "end" });
      expect((await ofType(world, "compaction.failed"))[0]?.error.message).toMatch(reason);
    }
  });
});

describe("what stays", () => {
  it("S40 is the run's first turn, pinned messages and the last steps, and no call is parted from its result", async () => {
    const skill = makeTool("skill", async () => "the skill's text", { effect: "read", pins: () => true });
    const script = [
      { calls: [{ name: "skill" }, { name: "look", input: { n: 1 } }] },
      looking(2),
      looking(3),
      looking(4, 5_000),
      looking(5, 5_100),
      { text: "end" },
    ];
    for (const keep of [0, 1, 2, 3, 4, 5, 99]) {
      const { compactor: port } = compactor({ keep });
      const world = createWorld(script, { compactor: port, contextTokens: 6_000 });
      const history: readonly Message[] = [{ role: "user", content: [{ type: "text", text: `earlier ${PAGE}` }] }];
      await world.clock.until(world.executor.run(makeAgent([look, skill]), { input: "the task", history, id: "r" }));
      const told = world.models.calls.find(({ step }) => step === 4)?.messages ?? [];
      expectPairs(told);
      const text = JSON.stringify(told);
      expect(text).toContain("the task");
      expect(text).toContain("the skill's text");
      if (keep === 99) continue;
      expect(text).toContain("what happened");
      expect(text).not.toContain("earlier");
    }
  });

  it("S40 is kept again by the next compaction, images and pinned messages too", async () => {
    const { compactor: port } = compactor();
    const script = [looking(1), looking(2, 1_500), looking(3, 1_600), looking(4, 1_700), { text: "end" }];
    const world = createWorld(script, { compactor: port, contextTokens: 2_000 });
    const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const handle = await world.executor.start(makeAgent([look]), {
      input: "what is this?",
      images: [{ mediaType: "image/png", bytes }],
      id: "r",
    });
    await world.executor.send("r", { kind: "steer", content: "never forget this", pinned: true }, { id: "s" });
    await world.clock.until(handle.result);
    expect((await ofType(world, "context.compacted")).length).toBeGreaterThan(1);
    const left = await messages(world);
    expectPairs(left);
    expect(left[0]).toMatchObject({ content: [{ text: "what is this?" }, { type: "file", mediaType: "image/png" }] });
    expect(left[1]).toMatchObject({ pinned: true, content: [{ text: "never forget this" }] });
    expect(left.filter((message) => JSON.stringify(message).includes("what happened"))).toHaveLength(1);
  });
});

describe("after the provider refused the conversation as too long", () => {
  const overflowing = (times: number) => (call: ModelCall) =>
    call.step < 2 ? looking(call.step) : call.attempt <= times ? { error: tooLong } : { text: "end" };

  it("S22 shortens it and tries the same step again, which is no failure of the model", async () => {
    const { compactor: port } = compactor();
    const world = createWorld(overflowing(1), { compactor: port });
    const agent = makeAgent([look], { modelAttempts: 1 });
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "completed", output: "end", toolCalls: 2 });
    expect(await ofType(world, "compaction.requested")).toMatchObject([{ reason: "overflow" }]);
    expect((await ofType(world, "model.started")).map(({ step, attempt }) => [step, attempt])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [2, 2],
    ]);
  });

  it("S22 does so a bounded number of times, keeping less each time, and then fails with the provider's reason", async () => {
    const { compactor: port, requests } = compactor();
    let size = 0;
    const shrinking: Compactor = {
      compact: async (request) => ({ ...(await port.compact(request)), summary: `s${"x".repeat(900 - 300 * size++)}`, keep: 0 }),
    };
    const world = createWorld(overflowing(99), { compactor: shrinking });
    const result = await world.clock.until(world.executor.run(makeAgent([look]), { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "failed", error: { code: "model_context_overflow" } });
    expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it("goes on to the next candidate when it cannot be shortened", async () => {
    const { compactor: port } = compactor({ summary: PAGE.repeat(20) });
    const models = createWorld([]).models;
    const [small] = await models.resolve("x");
    const call = async (): Promise<never> => Promise.reject(tooLong);
    const large = {
      id: "script/large",
      call: async () => ({ content: [{ type: "text" as const, text: "ok" }], finish: "stop" as const, usage: {} }),
    };
    const both = { resolve: async () => [{ id: small?.id ?? "", call }, large] };
    const world = createWorld([], { compactor: port, models: both });
    const result = await world.clock.until(world.executor.run(makeAgent([]), { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "completed", output: "ok" });
  });

  it("ends also when the refusal comes at the last step, and without a compactor", async () => {
    const { compactor: port } = compactor();
    const script = (call: ModelCall): ScriptedAnswer => (call.toolChoice === "none" ? { error: tooLong } : looking(call.step));
    const world = createWorld(script, { compactor: port });
    const result = await world.clock.until(world.executor.run(makeAgent([look], { maxSteps: 3 }), { input: "go", id: "r" }));
    expect(result.status).toBe("out_of_steps");
    const without = createWorld(overflowing(1));
    const failed = await without.clock.until(without.executor.run(makeAgent([look]), { input: "go", id: "r" }));
    expect(failed).toMatchObject({ status: "failed", error: { code: "model_context_overflow" } });
  });
});

describe("the model's own summary", () => {
  it("S40 is written by the run's model, counted and journaled, and the run goes on with it", async () => {
    const script = (call: ModelCall): ScriptedAnswer => {
      if (call.tools.length === 0) return { text: "Three pages, nothing yet.", usage: { inputTokens: 700, outputTokens: 9 } };
      return call.step < 3 ? looking(call.step, 600 * (call.step + 1)) : { text: "end" };
    };
    const plain = createWorld(script, { contextTokens: 2_000 });
    const world = createWorld(script, { contextTokens: 2_000, compactor: createModelCompactor({ models: plain.models }) });
    const result = await world.clock.until(world.executor.run(makeAgent([look]), { input: "go", id: "r" }));
    expect(result.status).toBe("completed");
    const [compacted] = await ofType(world, "context.compacted");
    expect(compacted).toMatchObject({
      summary: "[SUMMARY of the conversation up to here]\nThree pages, nothing yet.",
      spent: { model: "script/model", usage: { inputTokens: 700, outputTokens: 9 }, costUsd: 0.000718 },
    });
    const [asked] = plain.models.calls;
    expect(asked?.toolChoice).toBe("none");
    expect(JSON.stringify(asked?.messages)).toContain("RESULT of look");
    const answers = await ofType(world, "model.answered");
    const summaries = await ofType(world, "context.compacted");
    const counted = [...answers, ...summaries.flatMap((event) => event.spent ?? [])].map(({ usage }) => usage.inputTokens ?? 0);
    expect(result.usage.inputTokens).toBe(counted.reduce((sum, tokens) => sum + tokens, 0));
  });
});
