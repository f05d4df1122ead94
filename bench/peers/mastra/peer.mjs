/** Mastra: `Agent.generate` without storage, and its durable agent with a snapshot per step in LibSQL. No logger, no telemetry. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";
import { INSTRUCTIONS, lookup, PROMPT, TOOL } from "../../workload.ts";

const tools = {
  [TOOL.name]: createTool({
    id: TOOL.name,
    description: TOOL.description,
    inputSchema: z.object({ item: z.number(), query: z.string() }),
    execute: async ({ item }) => lookup(item),
  }),
};

const agentOf = (model) => new Agent({ id: "bench", name: "bench", instructions: INSTRUCTIONS, model: model(), tools });

export async function open({ variant, folder }) {
  if (variant === "durable-libsql") return openDurable(folder);
  return {
    run: async ({ steps, model }) => (await agentOf(model).generate(PROMPT, { maxSteps: steps + 1 })).text,
  };
}

async function openDurable(folder) {
  const [{ LibSQLStore }, { createDurableAgent }] = await Promise.all([
    import("@mastra/libsql"),
    import("@mastra/core/agent/durable"),
  ]);
  const storage = new LibSQLStore({ id: "bench", url: `file:${join(folder, "mastra.db")}` });
  await storage.init();
  return {
    run: async ({ steps, model }) => {
      const durable = createDurableAgent({ agent: agentOf(model), maxSteps: steps + 1 });
      const mastra = new Mastra({
        agents: { bench: durable },
        storage,
        logger: false,
        recovery: { durableAgents: "auto" }, // without it nothing is written while a run is under way
      });
      const { output, cleanup } = await mastra.getAgent("bench").stream(PROMPT, { maxSteps: steps + 1 });
      const text = await output.text;
      cleanup();
      return text;
    },
    close: async () => {
      await setTimeout(500); // it still writes after the answer
      await storage.close();
    },
  };
}
