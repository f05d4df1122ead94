/** Nothing is charged twice and nothing is forgotten, wherever a process dies. */
import { describe, expect, it } from "vitest";
import { createMemoryLedger } from "../../src/adapters/store/memory-ledger.ts";
import type { Budget, BudgetAmounts } from "../../src/ports/budget.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeAgent, makeTool, type World } from "../support/world.ts";

const budgets: readonly Budget[] = [
  { per: "tree", window: "run", limit: { usd: 1, calls: 40 } },
  { per: "all", window: "day", limit: { tokens: 100_000 } },
];

/** What the scripted model uses, unless the script says otherwise. */
const TOKENS_PER_CALL = 15;
/** Of a model call beside the conversation. */
const BESIDE = { inputTokens: 200, outputTokens: 20 };
const NOTHING: BudgetAmounts = { usd: 0, tokens: 0, seconds: 0, calls: 0 };

const count = (events: readonly RunEvent[], type: RunEvent["type"]): number =>
  events.filter((event) => event.type === type).length;

/** Every model call is on every account once: as it was, or, if nobody heard its end, as it was estimated. */
async function isBalanced({ executor, store }: World): Promise<void> {
  const runs = await store.runs.list({ limit: Infinity });
  const journals = await Promise.all(runs.map(({ run }) => store.journal.read(run)));
  const events = journals.flat();
  const started = count(events, "model.started");
  const heard = count(events, "model.answered");
  const refused = count(events, "model.failed");
  const lost = started - heard - refused;
  const seconds = journals.reduce((sum, journal) => sum + (journal.at(-1)?.activeMs ?? 0) / 1000, 0);
  const standings = await executor.budgets();
  expect(standings.map(({ per }) => per)).toEqual(["all", "tree"]);
  for (const { used, reserved } of standings) {
    expect(reserved).toEqual(NOTHING);
    expect(used.calls).toBe(started);
    expect(used.seconds).toBeCloseTo(seconds, 3);
    if (lost === 0) expect(used.tokens).toBe(heard * TOKENS_PER_CALL);
    else expect(used.tokens).toBeGreaterThanOrEqual((heard + lost) * TOKENS_PER_CALL);
    // An estimate of a first call is its prompt and a thousand tokens of answer.
    expect(used.tokens).toBeLessThan(heard * TOKENS_PER_CALL + lost * 1_200 + 1);
  }
}

const slow: Scenario["tools"] = (effects, scene) => [
  makeTool("a", async (_input, context) => {
    effects.push(context.idempotencyKey);
    await new Promise((resolve) => scene().clock.after(700, () => resolve(undefined)));
    return "done";
  }),
];
const call = (name: string, n: number) => ({ name, input: { n } });
const worker = (tools: readonly Tool[]) => ({ ...makeAgent(tools), name: "worker" });

const scenarios: Readonly<Record<string, Scenario>> = {
  "one call per step": {
    script: [{ calls: [call("a", 1)] }, { calls: [call("a", 2)] }, { text: "end" }],
    tools: slow,
    config: () => ({ budgets }),
    afterwards: isBalanced,
  },
  "a model that fails first": {
    script: ({ step, attempt }) =>
      step === 1 && attempt === 1
        ? { error: Object.assign(new Error("busy"), { retryable: true }) }
        : step < 2
          ? { calls: [call("a", step)] }
          : { text: "end" },
    tools: slow,
    limits: { modelAttempts: 10 },
    config: () => ({ budgets }),
    afterwards: isBalanced,
  },
  "a parent and two children on one account": {
    script: ({ run, step }) => {
      if (run !== "r") return step < 1 ? { calls: [call("a", step)] } : { text: "child's end" };
      return step < 1
        ? { calls: [1, 2].map((n) => ({ name: "agent__worker", input: { prompt: `part ${n}` } })) }
        : { text: "end" };
    },
    tools: slow,
    agentWith: (tools) => ({ delegates: [worker(tools)] }),
    config: () => ({ budgets }),
    afterwards: isBalanced,
  },
  "a budget that is used up": {
    status: "over_budget",
    mayGetLessFar: true,
    script: ({ step, toolChoice }) => (toolChoice === "none" ? { text: "so far" } : { calls: [call("a", step)] }),
    tools: slow,
    config: () => ({ budgets: [{ per: "all", window: "day", limit: { calls: 40, seconds: 3 } }] }),
    afterwards: async ({ executor }) => {
      const [standing] = await executor.budgets();
      expect(standing?.reserved).toEqual(NOTHING);
      expect(standing?.used.seconds).toBeLessThanOrEqual(3.7);
    },
  },
  "a summary and a supervisor that asks a model": {
    script: ({ step }) => ({
      usage: { inputTokens: step === 1 ? 1_500 : 10, outputTokens: 5 },
      ...(step < 4 ? { calls: [call("a", 1)] } : { text: "end" }),
    }),
    tools: slow,
    agent: { supervision: { afterSteps: 2 } },
    limits: { repeats: 20 },
    config: () => ({
      budgets,
      contextTokens: 2_000,
      compactor: {
        compact: async () => ({ summary: "short", keep: 0, spent: { model: "script/small", usage: BESIDE, costUsd: 0.001 } }),
      },
      supervisor: {
        name: "own",
        expectedTokens: 400,
        decide: async () => ({ action: "leave", reason: "fine", usage: BESIDE, costUsd: 0.001 }),
      },
    }),
    afterwards: async ({ executor, store }) => {
      const events = await store.journal.read("r");
      const beside = count(events, "context.compacted") + count(events, "supervisor.decided");
      expect(beside).toBeGreaterThan(1);
      const lost = count(events, "attempt.started");
      for (const { used, reserved } of await executor.budgets()) {
        expect(reserved).toEqual(NOTHING);
        expect(used.calls).toBeGreaterThanOrEqual(count(events, "model.started") + beside);
        // One call at most was under way when a process died.
        expect(used.calls).toBeLessThanOrEqual(count(events, "model.started") + beside + lost);
      }
    },
  },
  "a ledger of its own": {
    script: [{ calls: [call("a", 1)] }, { calls: [call("a", 2)] }, { text: "end" }],
    tools: slow,
    config: () => ({ budgets, ledger: createMemoryLedger() }),
    afterwards: async (world) => {
      const [all] = await world.executor.budgets();
      expect(all?.reserved).toEqual(NOTHING);
      const started = count(await world.store.journal.read("r"), "model.started");
      expect(all?.used.calls).toBeGreaterThanOrEqual(started);
      // Told first, so a call that was never begun may have been reserved: then it is charged, once.
      expect(all?.used.calls).toBeLessThanOrEqual(started + 1);
    },
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("S06 S31 is charged once, whenever it is stopped", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
