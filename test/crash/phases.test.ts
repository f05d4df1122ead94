/** S46: the boundary between phases is one commit; stopped before and after each write, no phase is run twice. */
import { describe, expect, it } from "vitest";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

const log = (effects: string[], name: string): Tool =>
  makeTool(name, async (input, context) => {
    effects.push(context.idempotencyKey);
    return `${name} ${JSON.stringify(input)}`;
  });
const call = (name: string, n: number) => ({ name, input: { n } });
const capped = (call: ModelCall): ScriptedAnswer =>
  call.toolChoice === "none" || call.instructions.startsWith("Tell")
    ? { text: `so far ${call.step}` }
    : { calls: [{ name: "a", input: { n: call.step } }] };

const scenarios: Readonly<Record<string, Scenario>> = {
  "three phases with calls": {
    script: [
      { calls: [call("a", 1), call("a", 2)] },
      { text: "one" },
      { text: "two" },
      { calls: [call("a", 3)] },
      { text: "three" },
    ],
    tools: (effects) => [log(effects, "a")],
    agent: {
      phases: [
        { name: "One", instructions: "{{Input}}" },
        { name: "Two", instructions: "{{One}}" },
        { name: "Three", instructions: "{{One}} {{Two}}", input: "Now {{Two}}" },
      ],
    },
  },
  "a phase at its own bound": {
    script: capped,
    tools: (effects) => [log(effects, "a")],
    agent: {
      phases: [
        { name: "Find", instructions: "Find.", maxSteps: 3 },
        { name: "Tell", instructions: "Tell {{Find}}." },
      ],
    },
  },
  "a message between two phases": {
    script: [{ calls: [call("s", 1)] }, { text: "one" }, { text: "two" }],
    tools: (effects) => [
      makeTool(
        "s",
        async (_input, context) => {
          effects.push(context.idempotencyKey);
          await context.attach([{ type: "text", text: "by the way" }]);
          return "attached";
        },
        { effect: "idempotent" },
      ),
    ],
    agent: {
      phases: [
        { name: "One", instructions: "1" },
        { name: "Two", instructions: "{{One}}" },
      ],
    },
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("S27 S46 survives a stop before and after each of its writes", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
