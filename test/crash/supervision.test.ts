/** What was noticed stays noticed, what was decided stays decided, wherever a process dies. */
import { describe, expect, it } from "vitest";
import { modelSupervisor } from "../../src/adapters/supervision/model.ts";
import { rulesSupervisor } from "../../src/adapters/supervision/rules.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeTool, type World } from "../support/world.ts";

const reads = () => [makeTool("look", async () => "nothing here", { effect: "read" as const })];
const acts = (effects: string[]) => [
  makeTool("work", async (_input, { idempotencyKey, call }) => {
    effects.push(idempotencyKey);
    return `did ${call}`;
  }),
];
const calling =
  (name: string, steps: number): Scenario["script"] =>
  ({ step, toolChoice }) =>
    toolChoice === "none" || step >= steps ? { text: "end" } : { calls: [{ name, input: { step } }] };

const ofType = (events: readonly RunEvent[], type: RunEvent["type"]): readonly RunEvent[] =>
  events.filter((event) => event.type === type);

/** Each stall has one decision, and nothing was decided about what was not noticed. */
async function isDecidedOnce({ store }: World): Promise<void> {
  const events = await store.journal.read("r");
  const noticed = ofType(events, "stall.noticed").map((event) => "stall" in event && event.stall);
  const decided = ofType(events, "supervisor.decided").map((event) => "stall" in event && event.stall);
  expect(noticed.length).toBeGreaterThan(0);
  expect(new Set(decided).size).toBe(decided.length);
  expect(noticed).toEqual(noticed.map((_, i) => i));
  expect(decided).toEqual(noticed.slice(0, decided.length));
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "told, told again, killed": {
    status: "killed",
    script: calling("look", 40),
    tools: reads,
    limits: { maxSteps: 40, repeats: 30 },
    config: () => ({ supervisor: rulesSupervisor() }),
    afterwards: isDecidedOnce,
  },
  "given room at its limit": {
    script: calling("work", 6),
    tools: acts,
    limits: { maxSteps: 4 },
    config: () => ({ supervisor: rulesSupervisor() }),
    afterwards: isDecidedOnce,
  },
  "a person is asked at a limit": {
    script: calling("work", 6),
    tools: acts,
    limits: { maxSteps: 4 },
    config: () => ({ supervisor: rulesSupervisor({ ladders: { limit: ["ask"] } }) }),
    whenWaiting: async ({ executor }) => {
      await executor.send("r", { kind: "extend", steps: 9 }, { id: "more" });
      await executor.send("r", { kind: "answer", question: "supervise:0", answer: "go on" }, { id: "answer" });
    },
    afterwards: isDecidedOnce,
  },
  "a model is asked": {
    script: calling("look", 5),
    tools: reads,
    config: () => ({
      supervisor: modelSupervisor({
        models: scriptedModel(() => ({ text: '{"action":"nudge","message":"Elsewhere.","reason":"stale"}' }), {
          price: { input: 1, output: 1, asOf: "2026-01-01" },
        }),
      }),
    }),
    afterwards: isDecidedOnce,
  },
};

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("S19 S25 ends as it would have, whenever it is stopped", async () => {
    expect(await survivesEverywhere(scenario)).toBeGreaterThan(5);
  });
});
