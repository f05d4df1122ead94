/** A small world for tests across rooms: fake time, memory store, scripted model. */
import { createMemoryBlobs } from "../../src/adapters/blobs/memory.ts";
import { createMemoryStore, type MemoryStore } from "../../src/adapters/store/memory.ts";
import { schemas } from "../../src/adapters/tools/output-schema.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Blobs } from "../../src/ports/blobs.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import type { Agent, Executor, ExecutorConfig } from "../../src/run/types.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { type Script, type ScriptedModel, scriptedModel } from "../../src/testing/scripted-model.ts";

export interface World {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly blobs: Blobs;
  readonly models: ScriptedModel;
  readonly executor: Executor;
}

export interface WorldOptions extends Partial<ExecutorConfig> {
  readonly from?: Pick<World, "clock" | "blobs"> & { readonly store: MemoryStore };
  /** What the executor sees instead of the store: a wrapper around it. */
  readonly through?: (store: Store) => Store;
  /** Of the scripted model; unknown unless given. */
  readonly contextTokens?: number;
}

export function createWorld(script: Script, { from, through, contextTokens, ...config }: WorldOptions = {}): World {
  const clock = from?.clock ?? createFakeClock();
  const store = from?.store ?? createMemoryStore({ now: () => clock.now() });
  const blobs = from?.blobs ?? createMemoryBlobs();
  const models = scriptedModel(script, {
    price: { input: 1, output: 2, asOf: "2026-01-01" },
    ...(contextTokens === undefined ? {} : { contextTokens }),
  });
  const executor = createExecutorOn({ models, ...config }, { store: through?.(store) ?? store, blobs, clock, schemas });
  return { clock, store, blobs, models, executor };
}

export function makeTool(name: string, execute: Tool["execute"], more: Partial<Tool> = {}): Tool {
  const tool = defineTool({
    name,
    description: `the tool ${name}`,
    input: { type: "object" },
    execute: async (input, context) => execute(input, context),
  });
  // Checked at once: the first use of the validator loads it, and real waiting looks like idleness to a fake clock.
  return { ...tool, validate: (value) => ({ ok: true, value }), ...more };
}

export function makeAgent(tools: readonly Tool[], limits: Agent["limits"] = {}): Agent {
  return { name: "tester", instructions: "You are a test.", tools, ...(limits === undefined ? {} : { limits }) };
}
