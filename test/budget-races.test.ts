/** Many runs race for the last cents: what they use never passes the limit, whoever drives them. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMemoryBlobs } from "../src/adapters/blobs/memory.ts";
import { createMemoryStore } from "../src/adapters/store/memory.ts";
import { createExecutor } from "../src/create-executor.ts";
import type { Budget } from "../src/ports/budget.ts";
import type { ModelCall } from "../src/ports/models.ts";
import { createExecutorOn } from "../src/run/executor.ts";
import type { Executor } from "../src/run/types.ts";
import { createFakeClock } from "../src/testing/fake-clock.ts";
import { type ScriptedAnswer, scriptedModel } from "../src/testing/scripted-model.ts";
import { newFolder, openForTest } from "./support/sqlite-store.ts";
import { createWorld, makeAgent, makeTool } from "./support/world.ts";

const price = { input: 1, output: 1, asOf: "2026-01-01" };
const look = makeTool("look", async (_input, { call }) => call, { effect: "read" });
const agent = makeAgent([look], { maxSteps: 50, timeMs: 600_000 });
/** Each call uses 1,000 tokens for $0.001. */
const looking = ({ step, toolChoice }: ModelCall): ScriptedAnswer => ({
  usage: { inputTokens: 1_000, outputTokens: 0 },
  ...(toolChoice === "none" ? { text: "so far" } : { calls: [{ name: "look", input: { step } }] }),
});

describe("budgets", () => {
  it("S06 hold over two processes on one SQLite file", async () => {
    const file = join(await newFolder(), "runs.db");
    const budgets: readonly Budget[] = [{ per: "tenant", window: "month", limit: { usd: 0.05 } }];
    const executors = [1, 2].map((n): [Executor, ReturnType<typeof scriptedModel>] => {
      const models = scriptedModel(looking, { price });
      return [createExecutor({ models, budgets, store: openForTest({ file, self: `host/${n}` }) }), models];
    });
    const runs = executors.flatMap(([executor]) =>
      Array.from({ length: 8 }, () => executor.run(agent, { input: "x", tenant: "acme" })),
    );
    const results = await Promise.all(runs);
    expect(results.every(({ status }) => status === "over_budget")).toBe(true);
    const [first, second] = await Promise.all(executors.map(([executor]) => executor.budgets()));
    expect(first).toEqual(second);
    const calls = executors.reduce((sum, [, models]) => sum + models.calls.length, 0);
    expect(first).toMatchObject([{ used: { calls, tokens: calls * 1_000 }, reserved: { usd: 0, calls: 0 } }]);
    expect(first?.[0]?.used.usd).toBeLessThanOrEqual(0.05);
    expect(calls).toBeGreaterThan(40);
  });

  it.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    "S06 hold over a tree of parallel children that race for the last cents (%i)",
    async (n) => {
      const limit = 0.002 + 0.002 * n;
      const worker = { ...makeAgent([look], { maxSteps: 50 }), name: "worker" };
      const script = (call: ModelCall): ScriptedAnswer => {
        const isParent = call.run === "r";
        const usage = { inputTokens: 1_000, outputTokens: 0 };
        if (!isParent) return looking(call);
        const delegated = Array.from({ length: 6 }, (_, i) => ({ name: "agent__worker", input: { prompt: `part ${i}` } }));
        return call.step === 0 && call.toolChoice !== "none" ? { calls: delegated, usage } : { text: "end", usage };
      };
      const world = createWorld(script, { budgets: [{ per: "tree", window: "run", limit: { usd: limit } }] });
      const parent = { ...makeAgent([]), delegates: [worker], limits: { timeMs: 600_000, fanOut: 6 } };
      const result = await world.clock.until(world.executor.run(parent, { input: "x", id: "r" }));
      expect(["completed", "over_budget"]).toContain(result.status);
      const [tree, ...others] = await world.executor.budgets();
      expect(others).toEqual([]);
      // The price of this world: a dollar for a million tokens of input.
      expect(tree?.used.usd).toBeCloseTo(world.models.calls.length * 0.001, 9);
      expect(tree?.used.usd ?? 0).toBeLessThanOrEqual(limit);
      expect(tree?.reserved).toEqual({ usd: 0, tokens: 0, seconds: 0, calls: 0 });
    },
  );

  it("S06 are overrun by no more than the calls under way turn out dearer than expected", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const clock = createFakeClock(seed);
      const most = 400;
      // Between 100 and 400 tokens, and between 0 and 50 ms, as the seed has it.
      const script = async (call: ModelCall): Promise<ScriptedAnswer> => {
        const usage = { inputTokens: 100 + Math.floor(clock.random() * (most - 100)), outputTokens: 0 };
        await new Promise<void>((resolve) => clock.after(Math.floor(clock.random() * 50), () => resolve()));
        return { ...looking(call), usage };
      };
      const limit = 5_000;
      const models = scriptedModel(script, { price });
      const store = createMemoryStore({ now: () => clock.now() });
      const budgets: readonly Budget[] = [{ per: "all", window: "month", limit: { tokens: limit } }];
      const executor = createExecutorOn({ models, budgets }, { store, blobs: createMemoryBlobs(), clock });
      const runs = Array.from({ length: 4 }, () => executor.run(agent, "x"));
      const results = await clock.until(Promise.all(runs));
      expect(results.every(({ status }) => status === "over_budget")).toBe(true);
      const [standing] = await executor.budgets();
      expect(standing?.used.calls).toBe(models.calls.length);
      expect(standing?.used.tokens ?? 0).toBeLessThan(limit + runs.length * most);
      expect(standing?.reserved.tokens).toBe(0);
    }
  });
});
