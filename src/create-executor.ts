import type { Compactor } from "./ports/compactor.ts";
import type { Files } from "./ports/files.ts";
import type { InlineMcpServer } from "./ports/definition.ts";
import type { ToolSource } from "./ports/tool-source.ts";
import type { Models } from "./ports/models.ts";
import { createMemoryBlobs } from "./adapters/blobs/memory.ts";
import type { Store } from "./ports/store.ts";
import { createPerRunStore } from "./adapters/store/per-run.ts";
import { systemClock } from "./adapters/clock/system.ts";
import { createMemoryStore } from "./adapters/store/memory.ts";
import { checkConfig } from "./run/check-config.ts";
import { createLazyExecutor } from "./run/lazy-executor.ts";
import type { Schemas } from "./ports/output.ts";
import type { Executor, ExecutorConfig } from "./run/types.ts";

/**
 * An executor for agents. Only `models` is required: without more, runs are bounded and live in memory, and no file is touched.
 * With a `store` they are durable: add `store: await openSqliteStore({ file })`, call `recover()` at boot, and a run that was
 * killed goes on where it was. Throws ExecutusError `config_invalid`, naming what is missing, misspelt or no such port.
 *
 * @example
 * const executor = createExecutor({ models: createModels() });
 * const result = await executor.run(defineAgent({ name: "hello", instructions: "Be brief." }), "Say hello");
 * console.log(result.status, result.output);
 */
export function createExecutor(config: ExecutorConfig): Executor {
  checkConfig(config);
  const clock = config.clock ?? systemClock;
  const inMemory = (onForgotten: (run: string) => void = () => {}): Store =>
    createMemoryStore({ now: () => clock.now(), onForgotten });
  const store = config.store === undefined ? inMemory() : createPerRunStore(config.store, inMemory);
  const files = config.files === false ? undefined : (config.files ?? localFiles);
  const compactor = config.compactor ?? whenNeeded(config.models);
  return createLazyExecutor(
    { ...config, compactor },
    {
      store,
      blobs: config.blobs ?? store.blobs ?? createMemoryBlobs(),
      clock,
      schemas,
      servers,
      ...(files === undefined ? {} : { files }),
    },
  );
}

/** Loaded by the first attachment that is somewhere else. */
const localFiles: Files = {
  read: async (source, options) => (await import("./adapters/files/local.ts")).openLocalFiles().read(source, options),
};

/** Most runs are never shortened, and most programs that import the package have none that is. */
function whenNeeded(models: Models): Compactor {
  return {
    compact: async (request) => {
      const { createModelCompactor } = await import("./adapters/compactor/model.ts");
      return createModelCompactor({ models }).compact(request);
    },
  };
}

/** Loaded when a run opens it. */
function servers({ name, config }: InlineMcpServer): ToolSource {
  return {
    name: `mcp__${name}`,
    changes: "ask",
    open: async (context) => {
      const { mcpServer } = await import("./adapters/tools/mcp.ts");
      const { checkServer } = await import("./adapters/tools/mcp-config.ts");
      return mcpServer(name, checkServer(name, config)).open(context);
    },
    cleanup: async ({ left }) => (await import("./adapters/tools/mcp-leftovers.ts")).endLeftovers(left),
  };
}

/** Loaded by the first run that asks for a structured answer. */
const schemas: Schemas = {
  read: async (schema, owner) => (await import("./adapters/tools/output-schema.ts")).schemas.read(schema, owner),
};
