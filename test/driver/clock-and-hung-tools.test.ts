import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { RunResult } from "../../src/run/types.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const DAY_MS = 86_400_000;

/** A clock whose wall time somebody sets; what has passed, passes as before. */
function settable(): FakeClock & { set(byMs: number): void } {
  const clock = createFakeClock();
  let offset = 0;
  const set = (byMs: number): void => {
    offset += byMs;
  };
  return { ...clock, now: () => clock.now() + offset, set };
}

describe.each([DAY_MS, -DAY_MS])("a wall clock that is set by %i ms", (jump) => {
  it("neither ends a run nor gives it time", async () => {
    const clock = settable();
    const set = makeTool("set", async () => (clock.set(jump), clock.advance(1_000), "set"));
    const agent = makeAgent([set], { timeMs: 60_000 });
    const from = { clock, store: createMemoryStore({ now: () => clock.now() }), blobs: createWorld([]).blobs };
    const { executor } = createWorld(({ step }) => (step < 3 ? { calls: [{ name: "set", input: { step } }] } : { text: "end" }), {
      from,
    });
    expect(await clock.until(executor.run(agent, "go"))).toMatchObject({ status: "completed", activeMs: 3_000 });
    const hanging = createWorld(({ step }) => (step === 0 ? { calls: [{ name: "set" }] } : { hang: true }), { from });
    const before = clock.monotonic();
    const result = await clock.until(hanging.executor.run(makeAgent([set], { timeMs: 60_000, modelAttempts: 1 }), "go"));
    expect(result).toMatchObject({ status: "timed_out", activeMs: 60_000 });
    expect(clock.monotonic() - before).toBe(60_000);
  });

  it("costs a run that another process takes over no more than its own time", async () => {
    const clock = settable();
    const store = createMemoryStore({ now: () => clock.now() });
    const { blobs } = createWorld([]);
    const agent = makeAgent([], { timeMs: 60_000 });
    const first = createWorld(() => ({ hang: true }), { from: { clock, store, blobs } });
    await first.executor.start(agent, { input: "go", id: "r" });
    await first.executor.shutdown();
    clock.set(jump);
    const next = createWorld([{ text: "end" }], { agents: [agent], from: { clock, store, blobs } });
    expect(await clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed", activeMs: 0 });
  });
});

describe("a tool that does not come back", () => {
  const hung: Readonly<Record<string, Tool["execute"]>> = {
    "sleeps for ever": () => new Promise(() => {}),
    "ignores its signal and keeps 10,000 timers": async () => {
      for (let i = 0; i < 10_000; i++) setTimeout(() => {}, 3_600_000).unref();
      return new Promise(() => {});
    },
    "computes without a pause, then sleeps for ever": () => {
      for (const until = performance.now() + 300; performance.now() < until;);
      return new Promise(() => {});
    },
  };

  it.each(Object.entries(hung))(
    "and %s is left at its deadline and its grace time, and its outcome is unknown",
    async (_how, execute) => {
      const tool = makeTool("hung", execute, { timeoutMs: 100 });
      const models = scriptedModel([{ calls: [{ name: "hung" }] }, { text: "told" }]);
      await using executor = createExecutor({ models });
      const result = await executor.run(makeAgent([tool], { graceMs: 50 }), "go");
      expect(result).toMatchObject({ status: "completed", output: "told", steps: [{ calls: [{ outcome: "unknown" }] }, {}] });
    },
  );

  it.each(Object.entries(hung))("and %s keeps nobody from killing the run", async (_how, execute) => {
    const began = Promise.withResolvers<void>();
    const tool = makeTool("hung", (input, context) => (began.resolve(), execute(input, context)));
    const models = scriptedModel([{ calls: [{ name: "hung" }] }]);
    await using executor = createExecutor({ models });
    const handle = await executor.start(makeAgent([tool]), "go");
    await began.promise;
    await handle.kill("enough");
    expect(await handle.result).toMatchObject({ status: "killed", steps: [{ calls: [{ outcome: "unknown" }] }] });
  });
});

describe("an answer beside a call that never comes", () => {
  const never = (): Promise<never> => new Promise(() => {});

  async function played(tool: Tool): Promise<RunResult> {
    const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "end" }]);
    return world.clock.until(world.executor.run(makeAgent([tool], { toolTimeoutMs: 5_000 }), "go"));
  }

  it("about the arguments: the call is not made, and the model is told", async () => {
    const made: string[] = [];
    const result = await played(makeTool("pay", async () => made.push("paid"), { validate: never }));
    expect(result).toMatchObject({ status: "completed", output: "end", toolErrors: 1 });
    expect(JSON.stringify(result.steps[0]?.calls[0])).toContain(
      "Not run: the arguments of pay could not be checked: it did not answer within 5000 ms",
    );
    expect(made).toEqual([]);
  });

  it("about arguments that another process has to check again: the call is not made either", async () => {
    const made: string[] = [];
    let checks = 0;
    const validate: Tool["validate"] = (value) => (checks++ === 0 ? { ok: true, value } : never());
    const pay = makeTool("pay", async () => made.push("paid"), { validate, approval: "always" });
    const agent = makeAgent([pay], { toolTimeoutMs: 5_000 });
    const script = ({ step }: { readonly step: number }) => (step === 0 ? { calls: [{ name: "pay" }] } : { text: "end" });
    const first = createWorld(script, { agents: [agent] });
    expect(await first.clock.until(first.executor.run(agent, { input: "go", id: "r" }))).toMatchObject({ status: "waiting" });
    await first.executor.shutdown();
    const next = createWorld(script, { agents: [agent], from: { ...first, store: first.store.peer("memory/2") } });
    await next.executor.send("r", { kind: "approve", approval: "r:0.0" });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    const output = "The arguments of pay could not be checked: it did not answer within 5000 ms";
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "error", output }] }, {}] });
    expect(made).toEqual([]);
  });

  it("about arguments that a person gave: they are refused, and the run waits as before", async () => {
    const pay = makeTool("pay", async () => "paid", { approval: "always" });
    const first = makeAgent([pay], { toolTimeoutMs: 5_000 });
    const world = createWorld([{ calls: [{ name: "pay" }] }], { agents: [makeAgent([{ ...pay, validate: never }])] });
    await world.clock.until(world.executor.run(first, { input: "go", id: "r" }));
    await world.executor.send("r", { kind: "approve", approval: "r:0.0", input: { eur: 1 } });
    expect(await world.clock.until((await world.executor.resume("r")).result)).toMatchObject({ status: "waiting" });
    const refused = (await world.store.journal.read("r")).find(({ type }) => type === "answer.refused");
    expect(refused).toMatchObject({ message: expect.stringContaining("it did not answer within 5000 ms") });
  });

  it("about what the model is told: the call was made, and its result is not known", async () => {
    const made: string[] = [];
    const result = await played(makeTool("pay", async () => made.push("paid"), { toOutput: never }));
    expect(result).toMatchObject({ status: "completed", output: "end" });
    expect(JSON.stringify(result.steps[0]?.calls[0])).toContain(
      "pay ran, but its result could not be recorded: it did not answer within 5000 ms",
    );
    expect(made).toEqual(["paid"]);
  });

  it("about the final answer: it counts as one of the wrong shape", async () => {
    const output = { jsonSchema: { type: "object" }, validate: never };
    const world = createWorld([{ text: "{}" }, { text: "{}" }]);
    const agent = { ...makeAgent([], { toolTimeoutMs: 5_000 }), output };
    const result = await world.clock.until(world.executor.run(agent, "go"));
    expect(result).toMatchObject({ status: "failed", error: { code: "output_invalid" } });
    expect(result.error?.message).toContain("it could not be checked: it did not answer within 5000 ms");
  });
});
