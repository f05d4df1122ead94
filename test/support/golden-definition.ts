/** Golden runs whose agent was changed while they waited. */
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Command } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

/** A payment in doubt keeps the run waiting; the process that goes on knows another version of its agent. */
function changed(onChange: NonNullable<Agent["onChange"]>, ...answers: readonly Command[]): Play {
  return async () => {
    const pay = makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer from the bank")), { onUnknown: "ask" });
    const before = makeAgent([pay]);
    const after: Agent = { ...before, instructions: "You are another test.", limits: { maxSteps: 20 }, onChange };
    const world = createWorld([{ calls: [{ name: "pay" }] }, { text: "Paid." }], { agents: [after], wakes: false });
    await world.clock.until(world.executor.run(before, { input: "Go on.", id: "golden" }));
    for (const [i, command] of answers.entries()) {
      await world.executor.send("golden", command, { id: `d${i}`, from: "ana" });
      await world.clock.until((await world.executor.resume("golden")).result);
    }
    return world.store.journal.read("golden");
  };
}

const PAID: Command = { kind: "resolve", call: "0.0", outcome: "done", output: "receipt 7" };

/** A payment after the fork has the result that it had in the original. */
const forked: Play = async () => {
  const agent = makeAgent([makeTool("pay", async (input) => ({ paid: input as object }))]);
  const script = [
    { calls: [{ name: "pay", input: { eur: 1 } }] },
    { calls: [{ name: "pay", input: { eur: 2 } }] },
    { text: "Paid." },
  ];
  const world = createWorld(script, { agents: [agent], wakes: false });
  await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "original" }));
  const edit = { results: [{ call: "0.0", output: "refused", outcome: "error" as const }] };
  const handle = await world.executor.fork("original", { at: 4, edit, id: "golden" });
  await world.clock.until(handle.result);
  return world.store.journal.read("golden");
};

export const definitionScenarios: Readonly<Record<string, Play>> = {
  forked,
  "changed-agent-is-adopted": changed("adopt", PAID),
  "changed-agent-asks": changed("ask", { kind: "steer", content: "Well?" }),
  "changed-agent-is-adopted-when-asked": changed("ask", PAID, { kind: "adopt" }),
  "changed-agent-is-declined": changed("ask", PAID, { kind: "pin" }),
};
