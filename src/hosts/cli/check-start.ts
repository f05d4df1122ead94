/** Refuses what the executor would refuse, before a store is made for a run that cannot start. */
import { ExecutusError } from "../../kernel/errors.ts";
import { resolveLimits } from "../../kernel/limits.ts";
import { resolveModels } from "../../run/resolve-models.ts";
import { checkTargets } from "../../run/delivery-targets.ts";
import { checkId } from "../../run/ids.ts";
import { createRedactor } from "../../run/redactor.ts";
import type { RunRequest } from "../../run/types.ts";
import type { AgentSetup } from "./agent-setup.ts";
import type { ExecutorOptions } from "./open.ts";
import { cliSecrets } from "./secrets.ts";

/**
 * Rejects with what `executor.start` would reject with: an unusable id, no input, a place that nothing is delivered to, no model, a cost
 * limit without a price.
 */
export async function checkStart(
  { agent, models }: AgentSetup,
  request: RunRequest,
  { delivery }: ExecutorOptions,
): Promise<void> {
  if (request.id !== undefined) checkId(request.id, "run id");
  checkTargets(request.delivery, { adapters: delivery?.adapters ?? [], redactor: createRedactor(cliSecrets()) });
  if (typeof request.input !== "object" && (request.input ?? "").trim() === "") {
    throw new ExecutusError("request_invalid", "there is no input", { hint: "Say what to do, or pipe it in." });
  }
  const limits = resolveLimits(request.limits, agent.limits);
  await resolveModels({ config: { models } }, request.model ?? agent.model ?? "fast", limits);
}
