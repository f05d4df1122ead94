/**
 * An executor whose engine is loaded by its first use. Kernel, driver and all features are two thirds of the package; a program
 * that only defines agents, or has not been asked anything yet, does without them.
 */
import { type Core, createCore, type Parts } from "./core.ts";
import type { Foundation } from "./session.ts";
import type { Executor, ExecutorConfig } from "./types.ts";

/** Wrong configurations are refused here and now. */
export function createLazyExecutor(config: ExecutorConfig, foundation: Foundation): Executor {
  let parts: Parts;
  let executor: Executor | undefined;
  let loading: Promise<Executor> | undefined;
  const core: Core = createCore(config, foundation, () => parts);
  const load = async (): Promise<Executor> => {
    const engine = await import("./executor.ts");
    parts = engine.PARTS;
    executor = engine.openExecutor(core);
    return executor;
  };
  const use = async <T>(work: (executor: Executor) => Promise<T>): Promise<T> => work(executor ?? (await (loading ??= load())));
  // A worker looks for work without being asked.
  if ((config.sweepMs ?? 0) > 0) void use(async () => {});

  return {
    start: (agent, request, options) =>
      executor === undefined ? use((engine) => engine.start(agent, request, options)) : executor.start(agent, request, options),
    run: (agent, request, options) =>
      executor === undefined ? use((engine) => engine.run(agent, request, options)) : executor.run(agent, request, options),
    resume: (run) => use((engine) => engine.resume(run)),
    recover: () => use((engine) => engine.recover()),
    send: (run, command, options) => use((engine) => engine.send(run, command, options)),
    events: async function* (run, options) {
      yield* await use(async (engine) => engine.events(run, options));
    },
    result: (run) => use((engine) => engine.result(run)),
    fork: (run, options) => use((engine) => engine.fork(run, options)),
    replay: (run, options) => use((engine) => engine.replay(run, options)),
    plan: (run) => use((engine) => engine.plan(run)),
    status: (run) => use((engine) => engine.status(run)),
    budgets: (query) => use((engine) => engine.budgets(query)),
    deliveries: (query) => use((engine) => engine.deliveries(query)),
    redeliver: (id) => use((engine) => engine.redeliver(id)),
    deliver: () => use((engine) => engine.deliver()),
    shutdown: (options) => use((engine) => engine.shutdown(options)),
    [Symbol.asyncDispose]: () => use((engine) => engine[Symbol.asyncDispose]()),
  };
}
