/** Runs whose conversation is shortened, stopped before and after each of their writes. */
import { describe, expect, it } from "vitest";
import { createModelCompactor } from "../../src/adapters/compactor/model.ts";
import { ModelCallError } from "../../src/kernel/model-error.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

const PAGE = "a page of text ".repeat(60);
const page = (effects: string[]): readonly Tool[] => [
  makeTool("look", async (input, context) => {
    effects.push(context.idempotencyKey);
    return `${PAGE} ${JSON.stringify(input)}`;
  }),
];
const looking = (n: number, inputTokens: number) => ({
  calls: [{ name: "look", input: { n } }],
  usage: { inputTokens, outputTokens: 5 },
});
const compactor: Compactor = { compact: async ({ number }) => ({ summary: `summary ${number}`, keep: 2 }) };
const tooLong = new ModelCallError("model_context_overflow", "prompt is too long");

const scenarios: Readonly<Record<string, Scenario>> = {
  "S22 by the ratio, twice": {
    script: [looking(1, 100), looking(2, 700), looking(3, 750), looking(4, 800), { text: "end" }],
    tools: page,
    config: () => ({ contextTokens: 1_000, compactor }),
  },
  "S22 after a refusal of the provider": {
    script: (call: ModelCall) =>
      call.step < 3
        ? looking(call.step, 10)
        : call.messages.some((message) => JSON.stringify(message).includes("summary 1"))
          ? { text: "end" }
          : { error: tooLong },
    tools: page,
    config: () => ({ compactor }),
  },
  "S22 a summary that does not shrink": {
    script: [looking(1, 100), looking(2, 900), { text: "end" }],
    tools: page,
    config: () => ({ contextTokens: 1_000, compactor: { compact: async () => ({ summary: PAGE.repeat(20), keep: 0 }) } }),
  },
  "S40 with a summary by a model": {
    script: [looking(1, 100), looking(2, 300), looking(3, 900), { text: "end" }],
    tools: page,
    config: () => ({
      contextTokens: 1_000,
      compactor: createModelCompactor({ models: scriptedModel(() => ({ text: "Pages were read." })) }),
    }),
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
