/** What this process has for a journaled run: the code of its tools, its models, and its agent's definition as it is now. */
import { changesBetween, fingerprintOf } from "../kernel/definition.ts";
import { adopt } from "../kernel/evolve-definition.ts";
import { resolveLimits } from "../kernel/limits.ts";
import type { RunState } from "../kernel/state.ts";
import type { AgentSnapshot } from "../ports/agent.ts";
import type { ChangePolicy } from "../ports/definition.ts";
import type { NewDefinition } from "../ports/definition-events.ts";
import type { Limits } from "../ports/limits.ts";
import type { ModelCandidate } from "../ports/models.ts";
import { bind, type RunBinding } from "./bind.ts";
import type { Core } from "./core.ts";
import { resolveDefinition, snapshotAgent, windowsOf } from "./definition.ts";
import { chosenAnew } from "./source-changes.ts";
import { findAgent } from "./find-agent.ts";
import { stepsOfPhases } from "./phases.ts";
import { resolveModels } from "./resolve-models.ts";
import type { Agent } from "./types.ts";

export interface Found {
  /** Code for what the run has. */
  readonly binding: RunBinding;
  /** The agent that should have brought code was looked for and is not there: where it should be. */
  readonly agentMissing?: string;
  /** The definition here is another one than the run has, and that is not to be passed over. */
  readonly change?: Change;
  /** Why the run goes on with the definition it has although another one should be adopted or asked about. */
  readonly problem?: string;
}

export interface Difference {
  readonly definition: NewDefinition;
  readonly binding: RunBinding;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
}

export interface Change extends Difference {
  readonly policy: Exclude<ChangePolicy, "pin">;
}

export async function findCode(core: Core, state: RunState): Promise<Found> {
  const binding = await bind(core, state);
  const isLookedFor = binding.missing.length > 0 && core.config.agents !== undefined;
  const agent = await agentOf(core, state);
  if (agent !== undefined) return { binding, ...(await changeOf(core, state, agent)) };
  const { source, name } = state.definition;
  return isLookedFor ? { binding, agentMissing: source ?? name } : { binding };
}

export async function agentOf(core: Core, { definition, request }: RunState): Promise<Agent | undefined> {
  return findAgent(core, { agent: definition, request });
}

export function policyOf(core: Core, agent: Agent): ChangePolicy {
  return agent.onChange ?? core.config.onAgentChange ?? "pin";
}

async function changeOf(core: Core, state: RunState, agent: Agent): Promise<Pick<Found, "change" | "problem">> {
  const policy = policyOf(core, agent);
  if (policy === "pin") return {};
  try {
    const change = await differenceOf(core, state, agent);
    const isDeclined = change?.definition.agent.fingerprint === state.redefined.declined;
    return change === undefined || isDeclined ? {} : { change: { policy, ...change } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `its changed definition cannot be used here: ${reason}` };
  }
}

/** What the run would go on with; undefined when that is what it has. Rejects when this process could not start the agent. */
export async function differenceOf(core: Core, state: RunState, agent: Agent): Promise<Difference | undefined> {
  const before = state.definition;
  const limits = adoptedLimits(core, state, agent);
  const tier = tierOf(core, before, agent);
  const { caller, channel, tenant } = state.request;
  const invocation = {
    ...(caller === undefined ? {} : { caller }),
    ...(channel === undefined ? {} : { channel }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  const candidates = await resolveModels(core, tier, limits);
  const resolved = await resolveDefinition(core, agent, invocation, { tier, candidates, limits });
  const { tools, phases } = resolved;
  const snapshot = inItsWords(before, snapshotAgent(core, agent, resolved));
  const chosen = chosenAnew(core, before.sources ?? [], snapshot.sources ?? []);
  if (snapshot.fingerprint === before.fingerprint && chosen.changes.length === 0) return undefined;
  const others = before.tools.slice(before.ownTools).filter(({ name }) => !tools.some((tool) => tool.name === name));
  const { sources: _sources, ...rest } = snapshot;
  const next: AgentSnapshot = {
    ...rest,
    ...(chosen.sources.length === 0 ? {} : { sources: chosen.sources }),
    tools: [...snapshot.tools, ...others],
  };
  checkPhase(state, next);
  const definition: NewDefinition = {
    agent: next,
    limits,
    models: tier === before.tier ? state.models : candidates.map(({ id }) => id),
    ...windowsOf(core, [...candidates, ...phases.flatMap((phase) => phase.candidates)]),
    changes: [...changesBetween(before, next), ...chosen.changes],
  };
  const adopted = { ...state };
  adopt(adopted, definition);
  return { definition, binding: await bind(core, adopted), candidates: await candidatesOf(core, adopted) };
}

/** What a fork was told to say stays; whatever else the agent is by now is compared as ever. */
function inItsWords({ edited, instructions }: AgentSnapshot, now: AgentSnapshot): AgentSnapshot {
  if (edited !== true) return now;
  const { fingerprint: _fingerprint, ...rest } = now;
  const kept = { ...rest, instructions, edited };
  return { ...kept, fingerprint: fingerprintOf(kept) };
}

function checkPhase({ phase }: RunState, { phases = [] }: AgentSnapshot): void {
  if (phase === undefined ? phases.length === 0 : phases.some(({ name }) => name === phase.name)) return;
  throw new Error(
    phase === undefined ? "it has phases now, and the run began without" : `it has no phase ${phase.name} any more`,
  );
}

/** A tier that the request chose stays. */
function tierOf(core: Core, before: AgentSnapshot, agent: Agent): string {
  const usual = core.config.defaultTier ?? "fast";
  const isRequested = before.tier !== (before.model ?? usual);
  return isRequested || before.model === agent.model ? before.tier : (agent.model ?? usual);
}

/** A limit that the request set, or that was extended, stays; the others are those of the new definition. */
function adoptedLimits(core: Core, { limits: current, definition }: RunState, agent: Agent): Limits {
  const was = resolveLimits(definition.limits, core.config.limits);
  const will = resolveLimits(agent.limits, stepsOfPhases(agent, core.config.limits), core.config.limits);
  const limits: Record<string, number> = { ...current };
  for (const key of new Set([...Object.keys(was), ...Object.keys(will)]) as Set<keyof Limits>) {
    if (current[key] !== was[key]) continue;
    const value = will[key];
    if (value === undefined) delete limits[key];
    else limits[key] = value;
  }
  return limits as unknown as Limits;
}

/**
 * A resumed run keeps the models it began with; one that is not configured here is left out. When none is, the reason (no key,
 * no provider) is thrown before the claim: another process may have them, and this one may get them.
 */
export async function candidatesOf(core: Core, state: RunState): Promise<ReadonlyMap<string, ModelCandidate>> {
  const found = new Map<string, ModelCandidate>();
  let reason: unknown;
  const phases = state.definition.phases?.slice(state.phase?.index ?? 0) ?? [];
  const models = phases.flatMap((phase) => [phase.tier, ...phase.models]);
  for (const wanted of [state.agent.tier, ...state.models, ...models]) {
    if (found.has(wanted)) continue;
    try {
      for (const candidate of await core.config.models.resolve(wanted)) found.set(candidate.id, candidate);
    } catch (error) {
      reason ??= error;
    }
  }
  if (found.size === 0 && reason !== undefined) throw reason;
  return found;
}
