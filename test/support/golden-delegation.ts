/** Golden journals of runs with delegates: those of the parent. */
import { childRunId } from "../../src/kernel/children.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Agent } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool } from "./world.ts";

const ask = (prompt: string) => ({ name: "agent__helper", input: { prompt } });
const PARENT = "golden";
const request = { input: "Go on.", id: PARENT };

const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps." };
const lead = (delegate: Agent): Agent => ({ ...makeAgent([]), delegates: [delegate] });

export const delegationScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "delegates-answer-and-fail": async () => {
    const refused = Object.assign(new Error("bad request"), { retryable: false });
    const world = createWorld((call) => {
      if (call.run !== PARENT) return call.run === childRunId(PARENT, "0.1") ? { error: refused } : { text: "Forty-two." };
      return call.step === 0 ? { calls: [ask("What is it?"), ask("And why?")] } : { text: "It is forty-two." };
    });
    await world.clock.until(world.executor.run(lead(helper), { ...request, limits: { tokens: 10_000, costUsd: 1 } }));
    return world.store.journal.read(PARENT);
  },
  "a-delegate-works-in-the-background": async () => {
    const world = createWorld((call) => {
      if (call.run !== PARENT) return { text: "Forty-two." };
      if (call.step === 0) return { calls: [ask("What is it?")] };
      return { text: call.step === 1 ? "It is being worked out." : "It is forty-two." };
    });
    await world.clock.until(
      world.executor.run(lead({ ...helper, background: true }), { ...request, limits: { tokens: 10_000 } }),
    );
    return world.store.journal.read(PARENT);
  },
  "a-delegate-waits-for-a-person": async () => {
    const pay = makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer from the bank")), { onUnknown: "ask" });
    const agent = lead({ ...helper, tools: [pay] });
    const world = createWorld(
      (call) => {
        if (call.step > 0) return { text: "Thank you." };
        return call.run === PARENT ? { calls: [ask("Pay.")] } : { calls: [{ name: "pay" }] };
      },
      { agents: [agent] },
    );
    await world.clock.until(world.executor.run(agent, request));
    const child = childRunId(PARENT, "0.0");
    await world.executor.send(child, { kind: "resolve", call: "0.0", outcome: "done", output: "receipt 7" }, { id: "d1" });
    while ((await world.store.runs.get(PARENT))?.status !== "completed") await world.clock.until(Promise.resolve());
    return world.store.journal.read(PARENT);
  },
};
