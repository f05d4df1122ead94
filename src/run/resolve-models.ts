/** Which models a run may call. */
import { ExecutusError } from "../kernel/errors.ts";
import type { Limits } from "../ports/limits.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { Core } from "./core.ts";

/** A tier becomes its candidates now; a cost limit needs a price for each of them. */
export async function resolveModels(
  core: Pick<Core, "config">,
  tier: string,
  limits: Limits,
): Promise<readonly ModelCandidate[]> {
  const candidates = await core.config.models.resolve(tier);
  if (candidates.length === 0) {
    throw new ExecutusError("model_unknown", `the tier ${tier} has no models`, { hint: "Give the tier at least one model." });
  }
  checkPrices(candidates, limits.costUsd === undefined ? undefined : `a cost limit of $${limits.costUsd}`);
  return candidates;
}

/** What is limited in dollars must have a price. */
export function checkPrices(candidates: readonly ModelCandidate[], limit: string | undefined): void {
  if (limit === undefined) return;
  const unpriced = candidates.filter((candidate) => candidate.price === undefined).map((candidate) => candidate.id);
  if (unpriced.length === 0) return;
  const message = `this run has ${limit}, but there is no known price for ${unpriced.join(", ")}`;
  const hint = "Give its price in models.json (models.<id>.price), choose a priced model, or limit tokens instead of cost.";
  throw new ExecutusError("limit_unpriced", message, { hint });
}
