/** The world of the driver's tests: fake time, memory store, scripted model, real validation. */
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { schemas } from "../../src/adapters/tools/output-schema.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Blobs } from "../../src/ports/blobs.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { type Script, type ScriptedModel, scriptedModel } from "../../src/testing/scripted-model.ts";
import { createExecutorOn } from "../../src/run/executor.ts";
import type { Agent, Executor, ExecutorConfig } from "../../src/run/types.ts";

export const blobs = (): Blobs => {
  const held = new Map<string, Uint8Array>();
  return {
    put: async (bytes) => {
      const hash = `h${held.size}`;
      held.set(hash, bytes);
      return hash;
    },
    get: async (hash) => held.get(hash) ?? new Uint8Array(),
    collect: async () => 0,
  };
};

export interface World {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly models: ScriptedModel;
  readonly executor: Executor;
}

export function world(
  script: Script,
  config: Partial<ExecutorConfig> = {},
  given: { store?: Store; clock?: FakeClock } = {},
): World {
  const clock = given.clock ?? createFakeClock();
  const store = given.store ?? createMemoryStore({ now: () => clock.now() });
  const models = scriptedModel(script, { price: { input: 1, output: 1, asOf: "2026-01-01" } });
  const executor = createExecutorOn({ models, ...config }, { store, blobs: blobs(), clock, schemas });
  return { clock, store, models, executor };
}

const anyObject = { type: "object" };

// Loads the validator before the first test: while a module is being loaded, nothing seems to happen, and a fake clock moves on.
await defineTool({ name: "first", description: "first", input: anyObject, execute: () => "" }).validate({});

export function tool(name: string, execute: Tool["execute"], more: Partial<Tool> = {}): Tool {
  return { ...defineTool({ name, description: name, input: anyObject, execute: async (i, c) => execute(i, c) }), ...more };
}

export const agent = (tools: readonly Tool[], limits: object = {}): Agent => ({
  name: "tester",
  instructions: "test",
  tools,
  limits,
});

export async function journal(store: Store, run: string): Promise<readonly RunEvent[]> {
  return store.journal.read(run);
}

export const types = (events: readonly RunEvent[]): string[] => events.map((event) => event.type);
