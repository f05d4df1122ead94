/** Golden runs with phases, structured answers and follow-ups. */
import { defineAgent } from "../../src/adapters/agents/define-agent.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { RunRequest } from "../../src/run/types.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeTool } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

const look = makeTool("look", async (input) => `looked at ${JSON.stringify(input)}`);
const write = makeTool("write", async () => "written");

const staged: Agent = defineAgent({
  name: "tester",
  instructions: "Not used.",
  tools: [look],
  phases: [
    { name: "Find", instructions: "Find out about {{Input}}.", limits: { maxSteps: 2 } },
    { name: "Tell", instructions: "Tell a child.", input: "What was found: {{.Find}}", tools: [write], model: "smart" },
  ],
});

const answer: Agent = defineAgent({
  name: "tester",
  instructions: "Count.",
  output: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
});

function played(agent: Agent, script: Script, request: Partial<RunRequest> = {}): Play {
  return async () => {
    const world = createWorld(script, { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "moss", id: "golden", ...request }));
    return world.store.journal.read("golden");
  };
}

export const phaseScenarios: Readonly<Record<string, Play>> = {
  "two-phases": played(staged, [
    { text: "Moss is small." },
    { calls: [{ name: "write", input: { n: 1 } }] },
    { text: "Moss is tiny and green." },
  ]),
  "phase-at-its-limit": played(staged, (call) =>
    call.tools[0]?.name === "look" && call.toolChoice !== "none"
      ? { calls: [{ name: "look", input: call.step }] }
      : { text: "So far." },
  ),
  "structured-answer": played(answer, [{ text: '```json\n{ "count": 3 }\n```' }]),
  "answer-put-right": played(answer, [{ text: "Three." }, { text: '{ "count": 3 }' }]),
  "answer-that-does-not-fit": played(answer, [{ text: "Three." }, { text: '{ "count": "three" }' }]),
  "follow-up": async () => {
    const world = createWorld([{ text: "Hello." }]);
    const agent = { name: "tester", instructions: "You are a test." };
    await world.clock.until(world.executor.run(agent, { input: "Hi.", id: "first" }));
    await world.clock.until(world.executor.run(agent, { input: "And now?", id: "golden", continues: "first" }));
    return world.store.journal.read("golden");
  },
};
