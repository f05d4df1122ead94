/**
 * Every scenario is stopped before and after each of its writes, taken over by another process, and must end as if nothing had
 * happened: same transcript, no committed call run again, no `once` call run twice.
 */
import { describe, expect, it } from "vitest";
import type { Tool } from "../src/ports/tools.ts";
import { type Scenario, survivesEverywhere } from "./support/crash-points.ts";
import { makeTool } from "./support/world.ts";

const log = (effects: string[], name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(
    name,
    async (input, context) => {
      effects.push(context.idempotencyKey);
      return `${name} ${JSON.stringify(input)}`;
    },
    more,
  );

const call = (name: string, n: number) => ({ name, input: { n } });

const scenarios: Readonly<Record<string, Scenario>> = {
  "one call per step": {
    script: [{ calls: [call("a", 1)] }, { calls: [call("a", 2)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
  },
  "parallel once calls": {
    script: [{ calls: [call("a", 1), call("a", 2), call("a", 3)] }, { calls: [call("a", 4), call("a", 5)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
  },
  "read, idempotent and once calls together": {
    script: [{ calls: [call("r", 1), call("i", 2), call("o", 3)] }, { text: "end" }],
    tools: (effects) => [log(effects, "r", { effect: "read" }), log(effects, "i", { effect: "idempotent" }), log(effects, "o")],
  },
  "more calls than may run at once": {
    script: [{ calls: [call("a", 1), call("a", 2), call("a", 3), call("a", 4)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
    limits: { parallelCalls: 2 },
  },
  "a refused call beside a good one": {
    script: [{ calls: [call("nope", 1), call("a", 2)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
    mayCallUnknown: true,
  },
  "a model that fails first": {
    script: (m) =>
      m.step === 1 && m.attempt === 1
        ? { error: Object.assign(new Error("busy"), { retryable: true }) }
        : m.step < 2
          ? { calls: [call("a", m.step)] }
          : { text: "end" },
    tools: (effects) => [log(effects, "a")],
    limits: { modelAttempts: 10 },
  },
  "a steer from a tool": {
    script: [{ calls: [call("s", 1)] }, { text: "end" }],
    tools: (effects) => [
      makeTool(
        "s",
        async (_input, context) => {
          effects.push(context.idempotencyKey);
          await context.attach([{ type: "text", text: "by the way" }]);
          return "steered";
        },
        { effect: "idempotent" },
      ),
    ],
  },
  "the wrap-up at the step limit": {
    script: (m) => (m.toolChoice === "none" ? { text: "end" } : { calls: [call("a", m.step)] }),
    tools: (effects) => [log(effects, "a")],
    limits: { maxSteps: 3 },
    status: "out_of_steps",
  },
  "a loop that is stopped": {
    script: (m) => (m.toolChoice === "none" ? { text: "end" } : { calls: [call("a", 0)] }),
    tools: (effects) => [log(effects, "a")],
    limits: { repeats: 2, maxSteps: 20 },
    status: "looping",
  },
  "a call that fails": {
    script: [{ calls: [call("f", 1)] }, { text: "end" }],
    tools: (effects) => [
      makeTool("f", async (_input, context) => {
        effects.push(context.idempotencyKey);
        throw new Error("no");
      }),
    ],
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
