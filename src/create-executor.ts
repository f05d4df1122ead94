import { createMemoryBlobs } from "./adapters/blobs/memory.ts";
import { systemClock } from "./adapters/clock/system.ts";
import { createMemoryStore } from "./adapters/store/memory.ts";
import { createExecutorOn } from "./run/executor.ts";
import type { Executor, ExecutorConfig } from "./run/types.ts";

/**
 * An executor for agents. Only `models` is required: without more, runs are bounded and live in memory, and no file is touched.
 * With a `store` they are durable: add `store: await openSqliteStore({ file })`, call `recover()` at boot, and a run that was
 * killed goes on where it was.
 *
 * @example
 * const executor = createExecutor({ models: createModels() });
 * const result = await executor.run(defineAgent({ name: "hello", instructions: "Be brief." }), "Say hello");
 * console.log(result.status, result.output);
 */
export function createExecutor(config: ExecutorConfig): Executor {
  const clock = config.clock ?? systemClock;
  const store = config.store ?? createMemoryStore({ now: () => clock.now() });
  return createExecutorOn(config, { store, blobs: config.blobs ?? store.blobs ?? createMemoryBlobs(), clock });
}
