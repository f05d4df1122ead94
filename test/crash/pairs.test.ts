/** Crash during recovery: a run is stopped at each of its writes, and the process that takes it over at each of its own. */
import { describe, expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { crashReport, type Scenario } from "../support/crash-points.ts";
import { satisfy } from "../support/golden-waiting.ts";
import { makeTool } from "../support/world.ts";

const CHILD = childRunId("r", "0.0");

const log = (effects: string[], name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(name, async (_input, { idempotencyKey }) => (effects.push(idempotencyKey), `${name} done`), more);
const call = (name: string, n = 0) => ({ name, input: { n } });

const box: DeliveryAdapter = { kind: "box", deliver: async () => ({ outcome: "delivered" }) };

const scenarios: Readonly<Record<string, Scenario>> = {
  "parallel calls of every kind": {
    script: [{ calls: [call("o", 1), call("i", 2), call("o", 3), call("r", 4)] }, { text: "end" }],
    tools: (effects) => [log(effects, "o"), log(effects, "i", { effect: "idempotent" }), log(effects, "r", { effect: "read" })],
  },
  "an approval": {
    script: [{ calls: [call("send")] }, { text: "end" }],
    tools: (effects) => [log(effects, "send", { approval: "always" })],
    whenWaiting: satisfy,
  },
  "a child": {
    script: ({ run, step }) => {
      if (run === "r") return step === 0 ? { calls: [{ name: "agent__helper", input: { prompt: "x" } }] } : { text: "end" };
      return run === CHILD && step === 0 ? { calls: [call("a")] } : { text: "child's end" };
    },
    tools: (effects) => [log(effects, "a")],
    agentWith: (tools) => ({ tools: [], delegates: [{ name: "helper", instructions: "Help.", tools }] }),
  },
  "two phases": {
    script: [{ calls: [call("a")] }, { text: "one" }, { text: "two" }],
    tools: (effects) => [log(effects, "a")],
    agent: {
      phases: [
        { name: "One", instructions: "{{Input}}" },
        { name: "Two", instructions: "{{One}}" },
      ],
    },
  },
  "a delivery": {
    script: [{ calls: [call("a")] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
    request: { delivery: { kind: "box" } },
    config: () => ({ delivery: { adapters: [box] } }),
  },
  "a compaction": {
    script: ({ step }) =>
      step < 2 ? { calls: [call("a", step)], usage: { inputTokens: 100 + 700 * step, outputTokens: 5 } } : { text: "end" },
    tools: (effects) => [
      makeTool("a", async (_, { idempotencyKey }) => (effects.push(idempotencyKey), "a page of text ".repeat(60))),
    ],
    config: () => ({ contextTokens: 1_000, compactor: { compact: async () => ({ summary: "pages", keep: 0 }) } }),
  },
  "a budget": {
    script: [{ calls: [call("a")] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
    config: () => ({ budgets: [{ per: "tree", window: "run", limit: { usd: 1 } }] }),
    afterwards: async ({ executor }) => expect((await executor.budgets())[0]?.reserved.calls).toBe(0),
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a second stop at each write of the recovery", async () => {
    const report = await crashReport({ ...scenario, pairs: true });
    // Each first stop leaves at least the claim and the end to be written.
    expect(report.pairs).toBeGreaterThan(4 * report.points);
  }, 60_000);
});
