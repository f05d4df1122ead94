/** Runs that are watched. */
import type { RunEvent } from "../../src/ports/events.ts";
import type { SupervisorDecision } from "../../src/ports/supervision.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

function watched(script: Script, decisions: readonly SupervisorDecision[], limits: object = {}): Play {
  return async () => {
    const look = makeTool("look", async () => "nothing here", { effect: "read" });
    let asked = 0;
    const decide = async () => decisions[asked++] ?? { action: "leave" as const, reason: "it is all right as it is" };
    const world = createWorld(script, { supervisor: { name: "rules", decide } });
    await world.clock.until(world.executor.run(makeAgent([look], limits), { input: "Go on.", id: "golden" }));
    return world.store.journal.read("golden");
  };
}

const looking: Script = ({ step, toolChoice }) =>
  toolChoice === "none" ? { text: "That is all I found." } : { calls: [{ name: "look", input: { n: step } }] };

export const supervisionScenarios: Readonly<Record<string, Play>> = {
  "nudged-and-killed": watched(
    looking,
    [
      { action: "nudge", message: "Look somewhere else.", reason: "nothing new" },
      { action: "kill", reason: "still nothing new" },
    ],
    { maxSteps: 20 },
  ),
  "extended-by-its-supervisor": watched(
    looking,
    [
      {
        action: "extend",
        extend: { steps: 1 },
        reason: "it gets on",
        by: "model",
        usage: { inputTokens: 40, outputTokens: 9 },
        costUsd: 0.001,
      },
    ],
    { maxSteps: 3 },
  ),
  "its-supervisor-asks-a-person": watched(looking, [
    { action: "ask", question: "Which archive?", reason: "only a person knows" },
  ]),
  "many-questions-one-answer": watched(looking, [], { maxSteps: 40, repeats: 2 }),
};
