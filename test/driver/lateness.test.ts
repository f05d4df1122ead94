import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { append, emptyList, toArray } from "../../src/kernel/list.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { ModelCallOptions, ModelCandidate, ModelDelta } from "../../src/ports/models.ts";
import type { DeltaOrigin } from "../../src/ports/observer.ts";
import type { AppendRequest } from "../../src/ports/store.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { agent, journal, tool, types, world } from "../support/driver-world.ts";

/** Checked at once: loading the validator is real waiting, which looks like idleness to a fake clock. */
const unchecked = { validate: (value: unknown) => ({ ok: true as const, value }) };

describe("what comes too late", () => {
  it("never enters the run: a read that comes back after it was cancelled is not recorded, and somebody is told", async () => {
    const warnings: string[] = [];
    const w = world([{ calls: [{ name: "slow" }, { name: "canceller" }] }], {
      observers: [{ warning: (_run: string, message: string) => warnings.push(message) }],
    });
    let release = (): void => {};
    const slow = tool("slow", () => new Promise((resolve) => (release = () => resolve("late"))), {
      effect: "read",
      ...unchecked,
    });
    const canceller = tool(
      "canceller",
      async (_input, context) => {
        await w.executor.send(context.run, { kind: "cancel" });
        // The run ends its reads without waiting for them; this call is waited for, and the read comes back meanwhile.
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        release();
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        return "sent";
      },
      unchecked,
    );
    const result = await w.executor.run(agent([slow, canceller]), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "cancelled", steps: [{ calls: [{ outcome: "cancelled" }, { outcome: "ok" }] }] });
    const events = await journal(w.store, "r");
    expect(events.filter((event) => event.type === "tool.ended" && event.call === "0.0")).toHaveLength(1);
    expect(warnings).toContain("tool:0.0#0 ended late; what it brought was not used");
  });

  it("is told of a tool that was abandoned and came back after all", async () => {
    const warnings: string[] = [];
    let release = (): void => {};
    const deaf = tool("deaf", () => new Promise((resolve) => (release = () => resolve("late"))), {
      timeoutMs: 100,
      ...unchecked,
    });
    const w = world([{ calls: [{ name: "deaf" }] }, { text: "ok" }], {
      observers: [{ warning: (_run: string, message: string) => warnings.push(message) }],
    });
    expect(await w.clock.until(w.executor.run(agent([deaf]), "x"))).toMatchObject({ status: "completed" });
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual(["deaf came back after it had been abandoned; its result was not used"]);
  });

  it("does not show what a model streams after it was abandoned", async () => {
    const shown: string[] = [];
    let stream: ModelCallOptions["onPart"] = () => {};
    const deaf: ModelCandidate = {
      id: "deaf/model",
      call: async (call, { onPart }) => {
        onPart({ type: "text.delta", text: `try ${call.attempt}` });
        if (call.attempt > 1) return { content: [{ type: "text", text: "Done." }], finish: "stop", usage: {} };
        stream = onPart;
        return new Promise(() => {});
      },
    };
    const w = world([], {
      models: { resolve: async () => [deaf] },
      observers: [
        {
          events: (_run: string, events: readonly RunEvent[]) => {
            for (const { type } of events)
              if (type === "model.failed" || type === "run.finished") stream({ type: "text.delta", text: type });
          },
          delta: ({ attempt }: DeltaOrigin, { text }: ModelDelta) => shown.push(`${attempt} ${text}`),
        },
      ],
    });
    expect(await w.clock.until(w.executor.run(agent([], { idleTokenMs: 1_000 }), "x"))).toMatchObject({ status: "completed" });
    expect(shown).toEqual(["1 try 1", "2 try 2"]);
  });

  it("does not take the result of an abandoned try for that of the next one", async () => {
    const releases: (() => void)[] = [];
    const deaf = tool("deaf", () => new Promise((resolve) => releases.push(() => resolve(`try ${releases.length}`))), {
      timeoutMs: 100,
      onUnknown: "rerun",
      ...unchecked,
    });
    const w = world([{ calls: [{ name: "deaf" }] }, { text: "ok" }], {});
    const running = w.executor.run(agent([deaf]), { input: "x", id: "r" });
    while (releases.length < 2) {
      await new Promise((resolve) => setImmediate(resolve));
      if (releases.length === 1) w.clock.advance(50);
    }
    releases[0]?.();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(types(await journal(w.store, "r"))).not.toContain("tool.ended");
    releases[1]?.();
    expect(await running).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok" }] }, {}] });
  });

  it("is not held against the model: a call that was stopped by the run's own limit is no failure", async () => {
    const w = world((call) => (call.toolChoice === "none" ? { text: "partial" } : { hang: true }), {});
    const result = await w.clock.until(
      w.executor.run(agent([tool("t", async () => "x", unchecked)], { timeMs: 6_000 }), { input: "x", id: "r" }),
    );
    expect(result.status).toBe("timed_out");
    expect(types(await journal(w.store, "r"))).not.toContain("model.failed");
  });
});

describe("what arrives just before the end", () => {
  it("is not lost: a terminal commit is refused while unseen input waits", async () => {
    const memory = createMemoryStore();
    // Somebody else's message, after the owner has looked and before it commits the end.
    const store = faultyStore(memory, [
      {
        method: "journal.append",
        at: 0,
        only: ({ events }: AppendRequest) => events.some(({ type }) => type === "run.finished"),
        act: async () => {
          await memory.inbox.send("r", { id: "s", kind: "steer", content: [{ type: "text", text: "one more thing" }] });
        },
      },
    ]);
    const { executor, models } = world((call) => ({ text: `answer ${call.step}` }), {}, { store });
    expect(await executor.run(agent([]), { input: "x", id: "r" })).toMatchObject({ status: "completed", output: "answer 1" });
    expect(JSON.stringify(models.calls[1]?.messages.at(-1))).toContain("one more thing");
  });

  it("waits for its step: a message bound to a later step does not enter before it", async () => {
    const w = world(async (call) => {
      if (call.step === 0) await w.executor.send("r", { kind: "steer", content: "after two", afterStep: 2 });
      return call.step < 2 ? { calls: [{ name: "t", input: { n: call.step } }] } : { text: "end" };
    });
    await w.executor.run(agent([tool("t", async (input) => JSON.stringify(input))]), { input: "x", id: "r" });
    expect(w.models.calls.map(({ messages }) => JSON.stringify(messages).includes("after two"))).toEqual([false, false, true]);
  });
});

describe("what a takeover keeps", () => {
  it("does not give a resumed run its time again", async () => {
    const clock = createFakeClock();
    const memory = createMemoryStore({ now: () => clock.now() });
    const slow = agent([], { timeMs: 60_000 });
    const first = world(() => ({ hang: true }), {}, { store: memory, clock });
    await first.executor.start(slow, { input: "x", id: "r" });
    clock.advance(40_000);
    memory.die();
    const next = world(() => ({ hang: true }), { agents: [slow] }, { store: memory.peer("memory/2"), clock });
    const result = await clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "timed_out", activeMs: 60_000 });
    // 40 s had passed in the first process, 10 s are kept for the wrap-up.
    expect(clock.monotonic()).toBe(60_000);
  });

  it("joins a run that this process drives already instead of taking it from itself", async () => {
    const { executor, models } = world(() => ({ hang: true }));
    const handle = await executor.start(agent([]), { input: "x", id: "r" });
    expect(await executor.resume("r")).toBe(handle);
    while (models.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await executor.shutdown();
    expect(models.calls).toHaveLength(1);
  });

  it("does not run a call again when reconcile cannot tell", async () => {
    let runs = 0;
    const pay = tool("pay", () => (++runs > 1 ? Promise.resolve("twice") : Promise.reject(new UnknownOutcomeError("lost"))), {
      reconcile: async () => ({ outcome: "unknown" }),
    });
    const { executor } = world([{ calls: [{ name: "pay" }] }, { text: "told" }]);
    const result = await executor.run(agent([pay]), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "unknown" }] }, {}] });
    expect(runs).toBe(1);
  });
});

describe("a state", () => {
  it("is a value: two futures of one list do not see each other", () => {
    const past = append(append(emptyList<string>(), "a"), "b");
    const [one, two] = [append(past, "c"), append(past, "d")];
    expect([toArray(past), toArray(one), toArray(two)]).toEqual([
      ["a", "b"],
      ["a", "b", "c"],
      ["a", "b", "d"],
    ]);
  });
});
