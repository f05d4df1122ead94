/** What of an agent's definition goes into a run. */
import { fingerprintOf } from "../kernel/definition.ts";
import { ExecutusError } from "../kernel/errors.ts";
import { NO_LIMIT } from "../kernel/limits.ts";
import type { AgentSnapshot } from "../ports/agent.ts";
import type { LimitsInput } from "../ports/limits.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { Tool } from "../ports/tools.ts";
import type { Core, Definition } from "./core.ts";
import { dropUndefined } from "./drop-undefined.ts";
import type { RunStarted } from "../ports/events.ts";
import type { OutputSchema } from "../ports/output.ts";
import { readOutput, snapshotOutput } from "./output.ts";
import { type AgentInUse, type ResolvedPhase, resolvePhases, snapshotPhase } from "./phases.ts";
import { resolveSupervision } from "./supervision.ts";
import { type ResolvedSources, resolveSources } from "./resolve-sources.ts";
import { buildToolbox, snapshotTool } from "./toolbox.ts";
import type { Agent, RunRequest } from "./types.ts";

export function checkEnabled({ name, source, disabled }: Agent): void {
  if (disabled !== true) return;
  const hint = "Take `disable: true` out of its definition, or start another agent.";
  const file = source === undefined ? {} : { file: source };
  throw new ExecutusError("agent_invalid", `agent ${name} is disabled`, { hint, ...file });
}

/** Who asks nothing asks what the agent has for that case. */
export function withInput(request: RunRequest, { initialPrompt }: Agent): RunRequest {
  const { input = "", images = [], history = [], attachments = [] } = request;
  const isEmpty = input === "" && images.length + history.length + attachments.length === 0;
  return isEmpty && initialPrompt !== undefined ? { ...request, input: initialPrompt } : request;
}

/** Context windows by model, where they are known and something could shorten a conversation. */
export function windowsOf(core: Core, candidates: readonly ModelCandidate[]): Pick<RunStarted, "windows"> {
  if (core.ports.compactor === undefined) return {};
  const known = candidates.flatMap(({ id, contextTokens }) =>
    contextTokens === undefined ? [] : [[id, contextTokens] as const],
  );
  return { windows: Object.fromEntries(known) };
}

export interface Resolved {
  readonly tier: string;
  readonly tools: readonly Tool[];
  /** How many of the tools, from the first, are the agent's. */
  readonly own: number;
  readonly candidates: readonly ModelCandidate[];
  readonly sources: ResolvedSources;
  readonly phases: readonly ResolvedPhase[];
  readonly output: OutputSchema | undefined;
}

/** Everything that a definition needs to be used here. What cannot be had is refused now. */
export async function resolveDefinition(
  core: Core,
  agent: Agent,
  request: RunRequest,
  base: Omit<AgentInUse, "isFromSource">,
): Promise<Resolved> {
  const { tier, candidates } = base;
  const sources = resolveSources(core, agent, request);
  const { isFromSource } = sources;
  const tools = await buildToolbox(agent, core.config, request, isFromSource);
  const phases = await resolvePhases(core, agent, request, { ...base, isFromSource });
  const output = await readOutput(core, agent.output, `agent ${agent.name}`);
  const own = tools.length - (request.extraTools?.length ?? 0);
  return { tier, tools, own, candidates, sources, phases, output };
}

/** Runs of one agent with the same tools and models share one definition in memory. */
export function define(core: Core, agent: Agent, resolved: Resolved): Definition {
  const { tier, tools, own, candidates, sources, phases, output } = resolved;
  const parts = [tier, own, ...tools, ...candidates, ...sources.uses, output, ...phases.flatMap(partsOf)];
  const known = core.definitions.get(agent);
  if (known !== undefined && sameItems(known.parts, parts)) return known;
  const all = [...candidates, ...phases.flatMap((phase) => phase.candidates)];
  const toolbox = byName(tools);
  const definition: Definition = {
    parts,
    snapshot: snapshotAgent(core, agent, resolved),
    tools: toolbox,
    ...(phases.length === 0
      ? {}
      : { phaseTools: phases.map((phase) => (phase.tools === undefined ? toolbox : byName(phase.tools))) }),
    candidates: new Map(all.map((candidate) => [candidate.id, candidate])),
    output,
    sources: sources.uses.length === 0 ? undefined : sources.code,
  };
  core.definitions.set(agent, definition);
  return definition;
}

function partsOf({ tier, candidates, tools }: ResolvedPhase): readonly unknown[] {
  return [tier, ...candidates, ...(tools ?? [])];
}

function byName(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  return new Map(tools.map((tool) => [tool.name, tool]));
}

function sameItems(known: readonly unknown[], items: readonly unknown[]): boolean {
  return known.length === items.length && known.every((item, i) => item === items[i]);
}

export function snapshotAgent(
  core: Core,
  agent: Agent,
  { tier, tools, own, sources, phases, output }: Omit<Resolved, "candidates">,
): AgentSnapshot {
  const header = core.config.systemHeader ?? "";
  const polling = pollingNames(core, agent);
  const supervision = core.ports.supervisor === undefined ? undefined : resolveSupervision(agent.supervision);
  const snapshot = {
    name: agent.name,
    ...dropUndefined({ id: agent.id, description: agent.description, source: agent.source, model: agent.model }),
    instructions: [header, agent.instructions].filter((text) => text !== "").join("\n\n"),
    tier,
    settings: agent.settings ?? {},
    ...(agent.limits === undefined ? {} : { limits: finite(agent.limits) }),
    tools: tools.map((tool) => snapshotTool(tool, polling)),
    ...(polling.length === 0 ? {} : { polling }),
    ...(supervision === undefined ? {} : { supervision }),
    ownTools: own,
    ...(sources.uses.length === 0 ? {} : { sources: sources.snapshots(), ...dropUndefined({ toolOptions: agent.toolOptions }) }),
    ...(phases.length === 0 ? {} : { phases: phases.map((phase) => snapshotPhase(phase, { header, polling })) }),
    ...(output === undefined ? {} : { output: snapshotOutput(output) }),
    ...(agent.permission === undefined ? {} : { permission: agent.permission }),
  };
  return fingerprinted(core, snapshot);
}

/** As it will be journaled: a secret that is renewed is no change of the definition. */
function fingerprinted({ ports }: Core, snapshot: Omit<AgentSnapshot, "fingerprint">): AgentSnapshot {
  const clean = ports.redaction?.data(snapshot) ?? snapshot;
  return { ...clean, fingerprint: fingerprintOf(clean) };
}

function pollingNames({ config }: Core, { polling = [], toolOptions = {} }: Agent): readonly string[] {
  const own = Object.keys(toolOptions).filter((name) => toolOptions[name]?.polling === true);
  return [...(config.polling ?? []), ...polling, ...own];
}

/** JSON has no Infinity. */
function finite(limits: LimitsInput): LimitsInput {
  const given = Object.entries(limits).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, Math.min(value, NO_LIMIT)] as const],
  );
  return Object.fromEntries(given);
}
