/** Refuses what the executor would refuse, before a store is made for a run that cannot start. */
import { resolveLimits } from "../../kernel/limits.ts";
import { resolveModels } from "../../run/resolve-models.ts";
import { checkTargets } from "../../run/delivery-targets.ts";
import { checkId } from "../../run/ids.ts";
import { createRedactor } from "../../run/redactor.ts";
import { readSchemas } from "../../run/toolbox.ts";
import type { RunRequest } from "../../run/types.ts";
import type { AgentSetup } from "./agent-setup.ts";
import type { ExecutorOptions } from "./open.ts";
import { cliSecrets } from "./secrets.ts";

/**
 * Rejects with what `executor.start` would reject with: an unusable id, a place that nothing is delivered to, a tool that no
 * call can be made of, no model, a cost limit without a price.
 */
export async function checkStart(
  { agent, models }: AgentSetup,
  request: RunRequest,
  { delivery }: ExecutorOptions,
): Promise<void> {
  if (request.id !== undefined) checkId(request.id, "run id");
  checkTargets(request.delivery, { adapters: delivery?.adapters ?? [], redactor: createRedactor(cliSecrets()) });
  await readSchemas((agent.tools ?? []).filter((tool) => typeof tool !== "string"));
  const limits = resolveLimits(request.limits, agent.limits);
  await resolveModels({ config: { models } }, request.model ?? agent.model ?? "fast", limits);
}
