/** A small world that is the same every time: fake time, a store and blobs in memory, a scripted model, an executor on top. */
import { createMemoryBlobs } from "../adapters/blobs/memory.ts";
import { createMemoryStore, type MemoryStore } from "../adapters/store/memory.ts";
import { schemas } from "../adapters/tools/output-schema.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Store } from "../ports/store.ts";
import { createExecutorOn } from "../run/executor.ts";
import type { Executor, ExecutorConfig } from "../run/types.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { type Script, type ScriptedModel, scriptedModel } from "./scripted-model.ts";

export interface World {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly blobs: Blobs;
  readonly models: ScriptedModel;
  readonly executor: Executor;
}

export interface WorldOptions extends Partial<ExecutorConfig> {
  /** Another process of this world: the same time, data and blobs. Give it `store.peer(name)`. */
  readonly from?: Pick<World, "clock" | "blobs"> & { readonly store: MemoryStore };
  /** What the executor sees instead of the store: a wrapper around it. */
  readonly through?: (store: Store) => Store;
  /** Of the scripted model; unknown unless given. */
  readonly contextTokens?: number;
  /** Of the clock, and so of ids and jitter. Default 1. */
  readonly seed?: number;
}

/**
 * Conversations are shortened only with a `compactor`.
 *
 * @example
 * const { clock, executor } = createWorld([{ text: "done" }]);
 * const result = await clock.until(executor.run(agent, "go"));
 */
export function createWorld(script: Script, { from, through, contextTokens, seed, ...config }: WorldOptions = {}): World {
  const clock = from?.clock ?? createFakeClock(seed);
  const store = from?.store ?? createMemoryStore({ now: () => clock.now() });
  const blobs = from?.blobs ?? createMemoryBlobs();
  const models = scriptedModel(script, {
    price: { input: 1, output: 2, asOf: "2026-01-01" },
    ...(contextTokens === undefined ? {} : { contextTokens }),
  });
  const executor = createExecutorOn({ models, ...config }, { store: through?.(store) ?? store, blobs, clock, schemas });
  return { clock, store, blobs, models, executor };
}
