/** Golden journals of conversations that grow too long. */
import type { Compactor } from "../../src/ports/compactor.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { ModelCallError } from "../../src/kernel/model-error.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type WorldOptions } from "./world.ts";

const lookup = makeTool("lookup", async () => "a long page of text ".repeat(40), { effect: "read" });
const look = (n: number, inputTokens: number) => ({
  calls: [{ name: "lookup", input: { n } }],
  usage: { inputTokens, outputTokens: 10 },
});

const summariser: Compactor = {
  compact: async () => ({
    summary: "Two pages were read; nothing yet.",
    keep: 2,
    spent: { model: "script/model", usage: { inputTokens: 400, outputTokens: 20 }, costUsd: 0.0004 },
  }),
};

async function play(script: Script, options: WorldOptions): Promise<readonly RunEvent[]> {
  const agent = makeAgent([lookup]);
  const world = createWorld(script, { agents: [agent], ...options });
  await world.clock.until(world.executor.run(agent, { input: "Find it.", id: "golden" }));
  return world.store.journal.read("golden");
}

export const compactionScenarios: Readonly<Record<string, () => Promise<readonly RunEvent[]>>> = {
  "compacted-by-ratio": () =>
    play([look(1, 100), look(2, 300), look(3, 600), { text: "Found." }], { compactor: summariser, contextTokens: 1_000 }),
  "compacted-after-overflow": () => {
    const tooLong = new ModelCallError("model_context_overflow", "script/model: prompt is too long: 1200 tokens > 1000 maximum");
    return play((call) => (call.step < 2 ? look(call.step, 100) : call.attempt === 1 ? { error: tooLong } : { text: "Found." }), {
      compactor: summariser,
    });
  },
  "compaction-does-not-shrink": () =>
    play([look(1, 100), look(2, 900), { text: "Found." }], {
      compactor: { compact: async () => ({ summary: "more and more words ".repeat(200), keep: 2 }) },
      contextTokens: 1_000,
    }),
};
