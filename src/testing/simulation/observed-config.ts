/** What an executor of a simulated world is given: what it calls takes time, fails, and is counted. */
import type { ExecutorConfig } from "../../run/types.ts";
import { observedTools } from "./observed-agent.ts";
import { observedCompactor } from "./observed-compactor.ts";
import { observedDelivery } from "./observed-delivery.ts";
import { observedSource } from "./observed-source.ts";
import { observedSupervisor } from "./observed-supervisor.ts";
import type { Place } from "./observed-tool.ts";

export function observedConfig(config: Partial<ExecutorConfig>, place: Place): Partial<ExecutorConfig> {
  const { tools, sources, delivery, compactor, supervisor } = config;
  return {
    ...config,
    ...(tools === undefined ? {} : { tools: observedTools(tools, place) }),
    ...(sources === undefined ? {} : { sources: sources.map((source) => observedSource(source, place)) }),
    ...(delivery === undefined ? {} : { delivery: observedDelivery(delivery, place) }),
    ...(compactor === undefined || compactor === false ? {} : { compactor: observedCompactor(compactor, place) }),
    ...(supervisor === undefined ? {} : { supervisor: observedSupervisor(supervisor, place) }),
  };
}
