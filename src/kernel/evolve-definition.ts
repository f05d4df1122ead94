/** How a changed definition of its agent changes a run. */
import type { AgentDecided, NewDefinition } from "../ports/definition-events.ts";
import { readoptedSources } from "./evolve-sources.ts";
import { readopted } from "./phases.ts";
import { type Draft, IDLE_MODEL, NOT_REDEFINED } from "./state.ts";

/**
 * From here on with that definition. What was said and done stays; other models begin with the first of them. A call under way
 * keeps its place: whether it still fits is seen when it is dispatched.
 */
export function adopt(next: Draft, { agent, limits, models, windows }: NewDefinition): void {
  const before = next.models;
  next.definition = agent;
  next.limits = limits;
  next.models = models;
  if (next.windows !== undefined && windows !== undefined) next.windows = { ...next.windows, ...windows };
  next.sources = readoptedSources(next.sources, agent);
  readopted(next);
  if (before.join() !== next.models.join()) next.model = IDLE_MODEL;
}

/** A decision that comes when nobody asks is nothing. */
export function decided(next: Draft, { decision }: AgentDecided): void {
  const { asked } = next.redefined;
  if (asked === undefined) return;
  next.redefined = decision === "adopt" ? NOT_REDEFINED : { declined: asked.agent.fingerprint };
  if (decision === "adopt") adopt(next, asked);
  const missing = asked.missing[decision];
  next.toolsMissing = missing.length === 0 ? undefined : missing;
}
