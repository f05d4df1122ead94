/** Budgets across runs: reserved before each call, settled after it. */
import { describe, expect, it } from "vitest";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import type { Budget, BudgetStanding } from "../../src/ports/budget.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { type ScriptedAnswer, scriptedModel } from "../../src/testing/scripted-model.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const tenantDay = (limit: Budget["limit"]): readonly Budget[] => [{ per: "tenant", window: "day", limit }];
const look = makeTool("look", async (_input, { call }) => call, { effect: "read" });
/** Looks and looks, and says so when it must not any more. Each call uses 100 tokens for $0.0001. */
const looking = ({ step, toolChoice }: ModelCall): ScriptedAnswer => ({
  usage: { inputTokens: 100, outputTokens: 0 },
  ...(toolChoice === "none" ? { text: "so far" } : { calls: [{ name: "look", input: { step } }] }),
});
const agent = makeAgent([look], { maxSteps: 50 });
const only = async ({ executor }: World): Promise<BudgetStanding | undefined> => (await executor.budgets())[0];

describe("budgets", () => {
  it("S06 makes no model call and leaves no journal when a budget has no room for the first call", async () => {
    const world = createWorld([{ text: "x" }], { budgets: tenantDay({ usd: 0.000_001 }) });
    const result = await world.executor.run(agent, { input: "x", id: "r", tenant: "acme" });
    expect(result).toMatchObject({ status: "over_budget", seq: -1, error: { code: "budget_refused" } });
    expect(result.error?.message).toContain("The budget of the tenant acme (per day) has no room");
    expect(world.models.calls).toHaveLength(0);
    expect(await world.store.journal.read("r")).toEqual([]);
    expect(await world.store.runs.get("r")).toBeUndefined();
    expect(await world.executor.budgets()).toEqual([]);
  });

  it("S06 gives the run that is there already, however full the budget is", async () => {
    const world = createWorld([{ text: "x" }], { budgets: tenantDay({ calls: 1 }) });
    const request = { input: "x", id: "r", tenant: "acme" };
    await world.executor.run(agent, request);
    expect(await world.executor.run(agent, request)).toMatchObject({ status: "completed" });
    expect(await world.executor.run(agent, { ...request, id: "other" })).toMatchObject({ status: "over_budget" });
    expect(world.models.calls).toHaveLength(1);
  });

  it("S06 asks the host's own gate before anything else, but not about a run it let in before", async () => {
    const asked: string[] = [];
    const admit = ({ run }: { run: string }) => {
      asked.push(run);
      return asked.length === 1 ? { admitted: true as const } : { admitted: false as const, reason: "closed on Sundays" };
    };
    const world = createWorld([{ text: "x" }], { admit });
    const request = { input: "x", id: "r", idempotencyKey: "order-17" };
    expect(await world.executor.run(agent, request)).toMatchObject({ status: "completed" });
    expect(await world.executor.run(agent, request)).toMatchObject({ status: "completed" });
    expect(await world.executor.run(agent, { input: "x", idempotencyKey: "order-17" })).toMatchObject({ run: "r" });
    const refused = await world.executor.run(agent, { input: "x", id: "s" });
    expect(refused.error).toEqual({ code: "budget_refused", message: "this run was refused: closed on Sundays" });
    expect(asked).toEqual(["r", "s"]);
  });

  it("S31 counts what a run used: calls, tokens, dollars and running time", async () => {
    const slow = makeTool("look", async (_input, { signal }) => {
      await new Promise((resolve) => (world.clock.after(2_000, () => resolve(undefined)), signal));
      return "seen";
    });
    const script = [{ calls: [{ name: "look" }], usage: { inputTokens: 100, outputTokens: 50 } }, { text: "end" }];
    const world: World = createWorld(script, { budgets: tenantDay({ usd: 1 }) });
    await world.clock.until(world.executor.run(makeAgent([slow]), { input: "x", tenant: "acme" }));
    expect(await only(world)).toEqual({
      key: "tenant day 2026-01-01 acme",
      per: "tenant",
      name: "acme",
      window: "day",
      since: Date.UTC(2026, 0, 1),
      limit: { usd: 1 },
      used: { usd: 0.00022, tokens: 165, seconds: 2, calls: 2 },
      reserved: { usd: 0, tokens: 0, seconds: 0, calls: 0 },
    });
  });

  it("S31 settles a cancelled run too: what was under way counts as it was estimated", async () => {
    const world = createWorld(() => ({ hang: true }), { budgets: tenantDay({ usd: 1 }) });
    const handle = await world.executor.start(agent, { input: "x", tenant: "acme" });
    const reserved = (await only(world))?.reserved;
    expect(reserved).toMatchObject({ calls: 1 });
    await handle.cancel("enough");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "cancelled" });
    expect(await only(world)).toMatchObject({ used: { ...reserved }, reserved: { usd: 0, tokens: 0, calls: 0 } });
  });

  it("S31 counts the time of a call that ran when the run was killed", async () => {
    const slow = makeTool("look", () => new Promise(() => {}), { timeoutMs: 60_000 });
    const world = createWorld([{ calls: [{ name: "look" }] }], { budgets: tenantDay({ usd: 1 }) });
    const handle = await world.executor.start(makeAgent([slow], { timeMs: 600_000 }), { input: "x", tenant: "acme" });
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
    world.clock.advance(5_000);
    await handle.kill("too slow");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "killed", activeMs: 5_000 });
    expect((await only(world))?.used).toMatchObject({ seconds: 5, calls: 1 });
  });

  it("S06 ends a run over budget with a last word while there is room for one", async () => {
    const world = createWorld(looking, { budgets: tenantDay({ calls: 4 }) });
    const result = await world.executor.run(agent, { input: "x", id: "r", tenant: "acme" });
    expect(result).toMatchObject({ status: "over_budget", output: "so far", error: { code: "budget_refused" } });
    expect(world.models.calls.map(({ toolChoice }) => toolChoice)).toEqual(["auto", "auto", "auto", "none"]);
    expect(await only(world)).toMatchObject({ used: { calls: 4 }, reserved: { calls: 0 } });
    const refused = (await world.store.journal.read("r")).find(({ type }) => type === "budget.refused");
    expect(refused).toMatchObject({ unit: "calls", limit: 4, used: 3, asked: 1, wrapUp: true });
  });

  it("ends at once when others took the rest of the budget meanwhile", async () => {
    const greedy = makeTool("look", async (_input, { run }) => {
      if (run === "r") await world.executor.run(agent, { input: "x", id: "other", tenant: "acme" });
      return "seen";
    });
    const script = (call: ModelCall) =>
      call.run === "r" ? looking(call) : { text: "end", usage: { inputTokens: 100, outputTokens: 0 } };
    const world: World = createWorld(script, { budgets: tenantDay({ calls: 2 }) });
    const result = await world.executor.run(makeAgent([greedy]), { input: "x", id: "r", tenant: "acme" });
    expect(result).toMatchObject({ status: "over_budget", output: "" });
    expect(world.models.calls).toHaveLength(2);
  });

  it.each(["tokens", "usd"] as const)(
    "never overruns %s by more than the calls in flight, with many runs at once",
    async (unit) => {
      const limit = unit === "tokens" ? 6_000 : 0.006;
      const world = createWorld(looking, { budgets: tenantDay({ [unit]: limit }) });
      const runs = Array.from({ length: 20 }, (_, i) => world.executor.run(agent, { input: "x", id: `r${i}`, tenant: "acme" }));
      const results = await Promise.all(runs);
      expect(results.every(({ status }) => status === "over_budget")).toBe(true);
      const found = await only(world);
      expect(found?.used[unit]).toBeLessThanOrEqual(limit);
      expect(found?.used[unit]).toBeGreaterThan(limit / 2);
      expect(found?.used.calls).toBe(world.models.calls.length);
      expect(found?.reserved).toMatchObject({ usd: 0, tokens: 0, calls: 0 });
    },
  );

  it("counts each tenant, caller, agent, tree and everybody apart, and the first line that fits", async () => {
    const budgets: readonly Budget[] = [
      { per: "tenant", match: "vip*", window: "day", limit: { calls: 9 } },
      { per: "tenant", window: "day", limit: { calls: 1 } },
      { per: "tree", window: "run", limit: { calls: 5 } },
      { per: "agent", match: "somebody else", window: "day", limit: { calls: 0 } },
      { per: "all", window: "month", limit: { calls: 100 } },
    ];
    const world = createWorld([{ text: "x" }], { budgets });
    for (const tenant of ["acme", "vip-1"]) await world.executor.run(agent, { input: "x", id: tenant, tenant, root: "top" });
    expect(await world.executor.run(agent, { input: "x", tenant: "acme" })).toMatchObject({ status: "over_budget" });
    expect(await world.executor.run(agent, { input: "x", tenant: "vip-1" })).toMatchObject({ status: "completed" });
    const counted = (await world.executor.budgets()).map(
      ({ per, name, window, used }) => `${per} ${name} ${window} ${used.calls}`,
    );
    expect(counted.filter((line) => !line.startsWith("tree run_"))).toEqual([
      "all  month 3",
      "tenant acme day 1",
      "tenant vip-1 day 2",
      "tree top run 2",
    ]);
  });

  it("begins anew with the next window", async () => {
    const world = createWorld([{ text: "x" }], { budgets: [{ per: "all", window: "hour", limit: { calls: 1 } }] });
    expect(await world.executor.run(agent, "x")).toMatchObject({ status: "completed" });
    expect(await world.executor.run(agent, "x")).toMatchObject({ status: "over_budget" });
    world.clock.advance(3_600_000);
    expect(await world.executor.run(agent, "x")).toMatchObject({ status: "completed" });
    expect(await world.executor.budgets({ at: world.clock.now() })).toHaveLength(1);
  });

  it("counts an estimate where the provider said nothing, and nothing where it refused the call", async () => {
    const busy = Object.assign(new Error("busy"), { retryable: true, retryAfterMs: 1 });
    const script = ({ attempt }: ModelCall): ScriptedAnswer => (attempt === 1 ? { error: busy } : { text: "x", usage: {} });
    const world = createWorld(script, { budgets: tenantDay({ tokens: 10_000 }) });
    await world.clock.until(world.executor.run(makeAgent([]), { input: "x".repeat(400), tenant: "acme" }));
    // 500 for the prompt, 1,000 for an answer of a usual length.
    expect((await only(world))?.used).toMatchObject({ calls: 2, tokens: expect.closeTo(1_110, -1) as number });
  });

  it("S07 refuses a budget in dollars on a model without a price", async () => {
    const models = { resolve: async () => [{ id: "own/free", call: () => Promise.reject(new Error("not to be called")) }] };
    const world = createWorld([], { models, budgets: tenantDay({ usd: 1 }) });
    expect((await world.executor.run(agent, "x")).error).toMatchObject({ code: "limit_unpriced" });
    const tokens = createWorld([], { models, budgets: tenantDay({ tokens: 9_000 }) });
    expect((await tokens.executor.run(agent, "x")).error?.code).not.toBe("limit_unpriced");
  });

  it("keeps the count in a ledger of one's own", async () => {
    const ledger = createMemoryLedger();
    const world = createWorld(looking, { budgets: tenantDay({ calls: 3 }), ledger });
    expect(await world.executor.run(agent, { input: "x", id: "r", tenant: "acme" })).toMatchObject({
      status: "over_budget",
      output: "so far",
    });
    expect(await world.executor.run(agent, { input: "x", id: "r", tenant: "acme" })).toMatchObject({
      status: "over_budget",
      output: "so far",
    });
    expect(await world.executor.run(agent, { input: "x", id: "s", tenant: "acme" })).toMatchObject({ seq: -1 });
    expect(await ledger.standings()).toMatchObject([{ used: { calls: 3 }, reserved: { calls: 0 } }]);
    expect(await world.store.budgets?.standings()).toEqual([]);
  });

  it("counts runs that are not kept on the same budget", async () => {
    const kept = createMemoryStore();
    const models = scriptedModel([{ text: "x" }], { price: { input: 1, output: 1, asOf: "2026-01-01" } });
    const executor = createExecutor({ models, store: kept, budgets: tenantDay({ calls: 2 }) });
    const request = { input: "x", tenant: "acme" };
    expect(await executor.run(agent, { ...request, durability: "none" })).toMatchObject({ status: "completed" });
    expect(await executor.run(agent, request)).toMatchObject({ status: "completed" });
    expect(await executor.run(agent, { ...request, durability: "none" })).toMatchObject({ status: "over_budget", seq: -1 });
    expect(await executor.run(agent, request)).toMatchObject({ status: "over_budget", seq: -1 });
    expect(await executor.budgets()).toMatchObject([{ used: { calls: 2 }, reserved: { calls: 0, usd: 0 } }]);
    expect(await kept.runs.list()).toHaveLength(1);
  });

  it("asks the store for nothing when there are no budgets", async () => {
    const requests: object[] = [];
    const world = createWorld([{ calls: [{ name: "look" }] }, { text: "end" }], {
      through: (store) => ({
        ...store,
        runs: { ...store.runs, create: (request) => (requests.push(request), store.runs.create(request)) },
        journal: { ...store.journal, append: (request) => (requests.push(request), store.journal.append(request)) },
      }),
    });
    await world.executor.run(agent, "x");
    expect(requests).toHaveLength(4);
    expect(requests.some((request) => "ledger" in request)).toBe(false);
  });

  it.each([
    [{ per: "team", window: "day", limit: { usd: 1 } }, '`per` is "team"'],
    [{ per: "all", window: "week", limit: { usd: 1 } }, '`window` is "week"'],
    [{ per: "all", window: "day", limit: {} }, "it has no limit"],
    [{ per: "all", window: "day", limit: { euro: 1 } }, "`limit.euro` is not a unit"],
    [{ per: "all", window: "day", limit: { usd: Number.NaN } }, "`limit.usd` is NaN"],
    [{ per: "tree", match: "x", window: "run", limit: { usd: 1 } }, "`match` says nothing"],
  ])("refuses budgets that cannot be meant: %j", (budget, problem) => {
    expect(() => createWorld([], { budgets: [budget as Budget] })).toThrow(`budgets[0]: ${problem}`);
  });
});
