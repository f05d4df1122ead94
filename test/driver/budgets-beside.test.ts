/** Model calls beside the conversation, summaries and a supervisor's opinion, have their room in budgets like any other. */
import { describe, expect, it } from "vitest";
import type { Budget, BudgetStanding } from "../../src/ports/budget.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { Supervisor } from "../../src/ports/supervision.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const PAGE = "a page of text that says little ".repeat(60);
const look = makeTool("look", async () => PAGE, { effect: "read" });
const turns = async (n = 30): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};
const day = (limit: Budget["limit"]): readonly Budget[] => [{ per: "tenant", window: "day", limit }];
const NOTHING = { usd: 0, tokens: 0, seconds: 0, calls: 0 };
const only = async ({ executor }: World): Promise<BudgetStanding | undefined> => (await executor.budgets())[0];

/** Uses 1,500 tokens of a window of 2,000 at once, so that a summary is wanted before the second step. */
const filling = ({ step, toolChoice }: ModelCall): ScriptedAnswer => ({
  usage: { inputTokens: step === 0 ? 1_500 : 100, outputTokens: 0 },
  ...(step === 0 && toolChoice !== "none" ? { calls: [{ name: "look", input: {} }] } : { text: "end" }),
});

function slowCompactor(): { readonly compactor: Compactor; readonly finish: () => void; readonly asked: () => number } {
  let finish = (): void => {};
  let asked = 0;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const compactor: Compactor = {
    compact: async () => {
      asked++;
      await finished;
      return {
        summary: "what happened",
        keep: 0,
        spent: { model: "script/small", usage: { inputTokens: 900, outputTokens: 100 }, costUsd: 0.001 },
      };
    },
  };
  return { compactor, finish: () => finish(), asked: () => asked };
}

describe("a summary", () => {
  it("S31 S22 is reserved before it is asked for and settled after it, at what it used", async () => {
    const { compactor, finish, asked } = slowCompactor();
    const world = createWorld(filling, { compactor, contextTokens: 2_000, budgets: day({ tokens: 100_000 }) });
    const handle = await world.executor.start(makeAgent([look]), { input: "go", id: "r", tenant: "acme" });
    while (asked() === 0) await turns(1);
    const { used, reserved } = (await only(world)) ?? {};
    expect(used).toMatchObject({ tokens: 1_500, calls: 1 });
    expect(reserved).toMatchObject({ calls: 1 });
    expect(reserved?.tokens).toBeGreaterThan(3_500);
    finish();
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "completed" });
    expect(await only(world)).toMatchObject({ used: { tokens: 2_600, calls: 3 }, reserved: NOTHING });
  });

  it("S06 S31 that budgets have no room for is not asked for: runs that race end with what they have", async () => {
    const { compactor, finish, asked } = slowCompactor();
    const world = createWorld(filling, { compactor, contextTokens: 2_000, budgets: day({ tokens: 30_000 }) });
    const runs = Array.from({ length: 8 }, (_, i) =>
      world.executor.run(makeAgent([look]), { input: "go", id: `r${i}`, tenant: "acme" }),
    );
    await turns(300);
    // Each has used 1,500 and reckons with about 4,000 for its summary, and keeps room for a last word.
    expect(asked()).toBeLessThan(5);
    expect(asked()).toBeGreaterThan(2);
    finish();
    const results = await world.clock.until(Promise.all(runs));
    expect(results.filter(({ status }) => status === "completed")).toHaveLength(asked());
    const standing = await only(world);
    expect(standing?.used.tokens).toBeLessThanOrEqual(30_000);
    expect(standing?.reserved).toEqual(NOTHING);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S31 whose process died counts as it was estimated, and the next attempt reserves for its own", async () => {
    const { compactor, asked } = slowCompactor();
    const agent = makeAgent([look]);
    const config = { contextTokens: 2_000, budgets: day({ tokens: 100_000 }), agents: [agent] };
    const world = createWorld(filling, { ...config, compactor });
    await world.executor.start(agent, { input: "go", id: "r", tenant: "acme" });
    while (asked() === 0) await turns(1);
    const lost = (await only(world))?.reserved.tokens ?? 0;
    expect(lost).toBeGreaterThan(3_500);
    world.store.die();
    const second = slowCompactor();
    const from = { ...world, store: world.store.peer("memory/2") };
    const next = createWorld(filling, { ...config, compactor: second.compactor, from });
    const handle = await next.executor.resume("r");
    while (second.asked() === 0) await turns(1);
    expect(await only(next)).toMatchObject({ used: { tokens: 1_500 + lost, calls: 2 }, reserved: { tokens: lost, calls: 1 } });
    second.finish();
    expect(await next.clock.until(handle.result)).toMatchObject({ status: "completed" });
    expect(await only(next)).toMatchObject({ used: { tokens: 2_600 + lost, calls: 4 }, reserved: NOTHING });
  });

  it("S31 that is stopped counts as it was estimated", async () => {
    const { compactor, asked } = slowCompactor();
    const world = createWorld(filling, { compactor, contextTokens: 2_000, budgets: day({ tokens: 100_000 }) });
    const handle = await world.executor.start(makeAgent([look]), { input: "go", id: "r", tenant: "acme" });
    while (asked() === 0) await turns(1);
    const tokens = (await only(world))?.reserved.tokens ?? 0;
    await handle.cancel("enough");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "cancelled" });
    expect(await only(world)).toMatchObject({ used: { tokens: 1_500 + tokens, calls: 2 }, reserved: NOTHING });
  });
});

describe("a supervisor that asks a model", () => {
  const stalling = ({ step }: ModelCall): ScriptedAnswer =>
    step < 3
      ? { calls: [{ name: "look", input: { step } }], usage: { inputTokens: 100, outputTokens: 0 } }
      : { text: "end", usage: { inputTokens: 100, outputTokens: 0 } };
  const same = makeTool("look", async () => "the same", { effect: "read" });
  const agent = { ...makeAgent([same]), supervision: { afterSteps: 2 } };

  it("S19 S31 is reserved before it is asked and settled after it", async () => {
    const seen: (BudgetStanding | undefined)[] = [];
    const supervisor: Supervisor = {
      name: "own",
      expectedTokens: 700,
      decide: async () => {
        seen.push(await only(world));
        return { action: "leave", reason: "fine", usage: { inputTokens: 300, outputTokens: 50 }, costUsd: 0.001 };
      },
    };
    const world: World = createWorld(stalling, { supervisor, budgets: day({ tokens: 10_000 }) });
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r", tenant: "acme" }));
    expect(result.status).toBe("completed");
    expect(seen[0]).toMatchObject({ reserved: { tokens: 700, calls: 1 } });
    expect(await only(world)).toMatchObject({
      used: { tokens: 400 + 350 * seen.length, calls: 4 + seen.length },
      reserved: NOTHING,
    });
  });

  it("S19 S31 is not asked when budgets have no room for it, and the run goes on", async () => {
    let asked = 0;
    const decide: Supervisor["decide"] = async () => (asked++, { action: "leave", reason: "fine" });
    const supervisor: Supervisor = { name: "own", expectedTokens: 5_000, decide };
    const world = createWorld(stalling, { supervisor, budgets: day({ tokens: 5_000 }) });
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r", tenant: "acme" }));
    expect(result).toMatchObject({ status: "completed", output: "end" });
    expect(asked).toBe(0);
    const decided = (await world.store.journal.read("r")).filter(({ type }) => type === "supervisor.decided");
    expect(decided[0]).toMatchObject({ by: "nobody", action: "leave", reason: expect.stringContaining("was not asked") });
    expect(await only(world)).toMatchObject({ used: { tokens: 400, calls: 4 }, reserved: NOTHING });
  });
});

describe("a token limit of the run", () => {
  it("S05 S22 keeps the room for the last word: no summary is begun that would take it", async () => {
    let asked = 0;
    const compactor: Compactor = {
      compact: async () => {
        asked++;
        const usage = { inputTokens: 2_500, outputTokens: 100 };
        return { summary: "short", keep: 0, spent: { model: "script/small", usage, costUsd: 0.001 } };
      },
    };
    const world = createWorld(filling, { compactor, contextTokens: 2_000 });
    const request = { input: "go", id: "r", limits: { tokens: 4_600 } };
    const result = await world.clock.until(world.executor.run(makeAgent([look]), request));
    // 1,500 are used; a summary of about 2,000 and a last word like the first answer do not both fit.
    expect(asked).toBe(0);
    expect(result).toMatchObject({ status: "over_budget", output: "end" });
    expect(result.usage.inputTokens + result.usage.outputTokens).toBeLessThanOrEqual(4_600);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S05 S22 is not overrun by the last word after a summary that took more than was expected", async () => {
    const overflow = Object.assign(new Error("prompt is too long"), { code: "model_context_overflow", retryable: false });
    const compactor: Compactor = {
      compact: async () => {
        const usage = { inputTokens: 9_000, outputTokens: 100 };
        return { summary: "short", keep: 0, spent: { model: "script/small", usage, costUsd: 0.001 } };
      },
    };
    let words = 0;
    const script = ({ step, toolChoice }: ModelCall): ScriptedAnswer => {
      if (toolChoice === "none" && words++ === 0) return { error: overflow };
      if (toolChoice === "none") return { text: "last", usage: { inputTokens: 100, outputTokens: 0 } };
      return { calls: [{ name: "look", input: { step } }], usage: { inputTokens: 100, outputTokens: 0 } };
    };
    const world = createWorld(script, { compactor, contextTokens: 100_000 });
    const request = { input: "go", id: "r", limits: { tokens: 9_000, maxSteps: 3 } };
    const result = await world.clock.until(world.executor.run(makeAgent([look]), request));
    expect(result.status).toBe("out_of_steps");
    expect(words).toBe(1);
    expect(await storeViolations(world.store)).toEqual([]);
  });
});
