/** executus as the benchmark runs it: the public front door, the mock model through the AI SDK adapter. */
import { createExecutor, defineAgent, defineTool, fromAiSdkModel, type Executor, type Store } from "executus";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { INSTRUCTIONS, lookup, PROMPT, TOOL } from "./workload.ts";

const LIMITS = { maxSteps: Infinity, timeMs: Infinity };

const agent = defineAgent({
  name: "bench",
  instructions: INSTRUCTIONS,
  model: "mock/model",
  limits: LIMITS,
  tools: [
    defineTool({
      name: TOOL.name,
      description: TOOL.description,
      input: TOOL.schema,
      execute: async (input) => lookup((input as { readonly item: number }).item),
    }),
  ],
});

export interface Subject {
  readonly executor: Executor;
  readonly run: (id?: string) => Promise<string>;
}

export function subject(model: LanguageModelV4, store?: Store): Subject {
  const candidate = fromAiSdkModel(model);
  const executor = createExecutor({
    models: { resolve: () => Promise.resolve([candidate]) },
    agents: [agent],
    ...(store === undefined ? {} : { store }),
  });
  return {
    executor,
    run: async (id) => {
      const result = await executor.run(agent, { input: PROMPT, ...(id === undefined ? {} : { id }) });
      if (result.status !== "completed") throw new Error(`the run ended ${result.status}: ${result.error?.message ?? ""}`);
      return result.output;
    },
  };
}
