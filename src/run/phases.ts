/** Phases of an agent at admission and at takeover: models, tools and bounds of each. */
import { DEFAULT_LIMITS } from "../kernel/limits.ts";
import type { AgentSnapshot, PhaseLimits, PhaseSnapshot } from "../ports/agent.ts";
import type { Phase } from "../ports/definition.ts";
import type { Limits, LimitsInput } from "../ports/limits.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { Tool } from "../ports/tools.ts";
import type { RunState } from "../kernel/state.ts";
import { literally } from "../kernel/templates.ts";
import type { Core } from "./core.ts";
import { resolveModels } from "./resolve-models.ts";
import { agentInPhase } from "./phase-agent.ts";
import { buildToolbox, snapshotTool } from "./toolbox.ts";
import type { Agent, RunRequest } from "./types.ts";

export interface ResolvedPhase {
  readonly phase: Phase;
  readonly tier: string;
  readonly candidates: readonly ModelCandidate[];
  /** Undefined: the agent's. */
  readonly tools: readonly Tool[] | undefined;
  /** Those of its `tools` that sources bring. */
  readonly fromSources: readonly string[];
}

export interface AgentInUse {
  readonly tier: string;
  readonly candidates: readonly ModelCandidate[];
  readonly limits: Limits;
  readonly isFromSource: (tool: string) => boolean;
}

const NO_PHASES: readonly ResolvedPhase[] = [];

/** Every phase is resolved before the run starts: what cannot be had is refused now, not in the middle. */
export async function resolvePhases(
  core: Core,
  agent: Agent,
  request: RunRequest,
  base: AgentInUse,
): Promise<readonly ResolvedPhase[]> {
  if (agent.phases === undefined || agent.phases.length === 0) return NO_PHASES;
  const resolved: ResolvedPhase[] = [];
  for (const phase of agent.phases) {
    const tier = phase.model ?? base.tier;
    const bounds = phase.limits?.costUsd === undefined ? base.limits : { ...base.limits, costUsd: phase.limits.costUsd };
    const isSame = phase.model === undefined && bounds === base.limits;
    resolved.push({
      phase,
      tier,
      candidates: isSame ? base.candidates : await resolveModels(core, tier, bounds),
      tools: phase.tools && (await buildToolbox(agentInPhase(agent, phase), core.config, request, base.isFromSource)),
      fromSources: (phase.tools ?? []).filter((tool) => typeof tool === "string").filter(base.isFromSource),
    });
  }
  return resolved;
}

/** An agent that says nothing of steps has as many as its phases together. */
export function stepsOfPhases(agent: Agent, configured: LimitsInput | undefined): LimitsInput | undefined {
  if (agent.phases === undefined || agent.phases.length === 0) return undefined;
  const each = positive(configured?.maxSteps) ?? DEFAULT_LIMITS.maxSteps;
  return { maxSteps: agent.phases.reduce((sum, phase) => sum + (boundsOf(phase).maxSteps ?? each), 0) };
}

export interface PhaseContext {
  readonly header: string;
  /** Names of polling tools. */
  readonly polling: readonly string[];
}

export function snapshotPhase(
  { phase, tier, candidates, tools, fromSources }: ResolvedPhase,
  { header, polling }: PhaseContext,
): PhaseSnapshot {
  const { name, instructions, input, settings } = phase;
  const limits = boundsOf(phase);
  return {
    name,
    instructions: [literally(header), instructions].filter((text) => text !== "").join("\n\n"),
    ...(input === undefined ? {} : { input }),
    tier,
    models: candidates.map(({ id }) => id),
    ...(settings === undefined ? {} : { settings }),
    ...(tools === undefined ? {} : { tools: tools.map((tool) => snapshotTool(tool, polling)) }),
    ...(fromSources.length === 0 ? {} : { fromSources }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

/** Zero, negative and missing mean that the phase has no bound of its own; so does Infinity. */
function boundsOf({ maxSteps, limits }: Phase): PhaseLimits {
  const bounds = { ...limits, maxSteps: maxSteps ?? limits?.maxSteps };
  return Object.fromEntries(Object.entries(bounds).filter(([, bound]) => positive(bound) !== undefined));
}

function positive(bound: number | undefined): number | undefined {
  return bound !== undefined && bound > 0 && Number.isFinite(bound) ? bound : undefined;
}

export interface PhaseAgent {
  /** Undefined: the agent itself. */
  readonly phase?: string;
  readonly snapshot: AgentSnapshot;
}

/** What the code for a journaled run must offer: each phase as an agent of its own, without those that are over. */
export function openPhases({ definition, phase: current }: RunState): readonly (PhaseAgent | undefined)[] {
  return (definition.phases ?? []).map(({ name, tools }, index) => {
    if (index < (current?.index ?? 0)) return undefined;
    return { phase: name, snapshot: { ...definition, tools: tools ?? definition.tools } };
  });
}
