/** Which tool sources a run has: those of every run, the agent's, the request's, and where their code is. */
import { ExecutusError, nearest } from "../kernel/errors.ts";
import type { AgentSnapshot, SourceSnapshot } from "../ports/agent.ts";
import type { SourceUse, ToolSource } from "../ports/tool-source.ts";
import { toJson } from "./json.ts";
import type { Foundation } from "./session.ts";
import type { Agent, ExecutorConfig, RunRequest } from "./types.ts";

export interface ResolvedSources {
  /** What is the same for runs that can share a definition. */
  readonly uses: readonly (ToolSource | string)[];
  readonly snapshots: () => readonly SourceSnapshot[];
  readonly code: ReadonlyMap<string, ToolSource>;
  /** What of the agent's `tools` names tools of sources, not of the registry. */
  readonly isFromSource: (tool: string) => boolean;
}

const NO_CODE: ReadonlyMap<string, ToolSource> = new Map();
const NONE: ResolvedSources = { uses: [], snapshots: () => [], code: NO_CODE, isFromSource: () => false };

type Named = string | SourceUse | ToolSource;

export function resolveSources({ config, servers }: Known, agent: Agent, request: RunRequest): ResolvedSources {
  const registered = config.sources ?? [];
  const named: readonly Named[] = [...sourcesOf(agent, servers), ...(request.sources ?? [])];
  if (registered.length === 0 && named.length === 0) return NONE;
  const known = byName(registered);
  const resolved = named.map((given) => toUse(agent, given, known));
  const names = new Set(resolved.map(({ source }) => source.name));
  const chosen = choiceOf(agent);
  for (const source of registered) {
    if (names.has(source.name)) continue;
    const isChosen = [...chosen.byAgent, ...chosen.byPhases].some((tool) => isOf(tool, source.name));
    if (source.everyRun === true) resolved.push({ source, use: { source: source.name }, isNamed: true });
    else if (isChosen) resolved.push({ source, use: { source: source.name }, isNamed: false });
  }
  const code = byName(resolved.map(({ source }) => source));
  const snapshots = resolved.map((use) => toSnapshot(use, chosen));
  return {
    uses: resolved.flatMap(({ source }, i) => [source, JSON.stringify(snapshots[i])]),
    snapshots: () => snapshots,
    code,
    isFromSource: (tool) => [...code.keys()].some((name) => isOf(tool, name)),
  };
}

/** What of an executor says where code of sources is. */
export interface Known extends Pick<Foundation, "servers"> {
  readonly config: Pick<ExecutorConfig, "sources">;
}

/** Servers of an agent are sources too: named ones of the executor's, or such as it brings itself. */
function sourcesOf(agent: Agent, servers: Foundation["servers"]): readonly Named[] {
  const its = (agent.mcpServers ?? []).map((server): Named => {
    if (typeof server === "string") return `mcp__${server}`;
    if (servers !== undefined) return servers(server);
    const hint = "Make it a tool source with `mcpServer` of executus/mcp.";
    throw new ExecutusError(
      "source_unknown",
      `agent ${agent.name} brings the MCP server ${server.name}, which cannot be started here`,
      { hint },
    );
  });
  return [...(agent.sources ?? []), ...its];
}

interface Choice {
  readonly byAgent: readonly string[];
  readonly byPhases: readonly string[];
}

function choiceOf({ tools = [], phases = [] }: Agent): Choice {
  const names = (list: readonly unknown[]): readonly string[] => list.filter((tool) => typeof tool === "string");
  return { byAgent: names(tools), byPhases: names(phases.flatMap((phase) => phase.tools ?? [])) };
}

/** A tool of a source may be named or chosen by pattern, if the source names its tools after itself: `SOURCE__tool`. */
function isOf(tool: string, source: string): boolean {
  return tool.startsWith(`${source}__`);
}

interface Resolved {
  readonly source: ToolSource;
  readonly use: SourceUse;
  /** It is there for itself, not only because tools of it are chosen. */
  readonly isNamed: boolean;
}

function toUse(agent: Agent, given: Named, known: ReadonlyMap<string, ToolSource>): Resolved {
  if (typeof given === "object" && "open" in given) return { source: given, use: { source: given.name }, isNamed: true };
  const use = typeof given === "string" ? { source: given } : given;
  const source = known.get(use.source);
  if (source !== undefined) return { source, use, isNamed: true };
  const near = nearest(use.source, [...known.keys()]);
  const there =
    known.size === 0 ? "Pass it to createExecutor in `sources`." : `Sources there are: ${[...known.keys()].join(", ")}.`;
  const hint = near === undefined ? there : `Did you mean ${near}? ${there}`;
  throw new ExecutusError("source_unknown", `agent ${agent.name} names the tool source ${use.source}, which is not there`, {
    hint,
  });
}

function toSnapshot({ source, use, isNamed }: Resolved, { byAgent, byPhases }: Choice): SourceSnapshot {
  const { name } = source;
  const own = [...(use.tools ?? []), ...byAgent.filter((tool) => isOf(tool, name))];
  const isAll = own.length === 0 && isNamed;
  const only = isAll ? [] : [...new Set([...own, ...byPhases.filter((tool) => isOf(tool, name))])];
  const json = use.arguments === undefined ? undefined : toJson(use.arguments);
  if (json?.ok === false)
    throw invalid(name, `its arguments are not JSON: ${json.problem}`, "Arguments are journaled: use plain data.");
  return {
    name,
    ...((use.optional ?? source.optional) === true ? { optional: true } : {}),
    ...(only.length === 0 ? {} : { only }),
    ...(json === undefined ? {} : { arguments: json.value }),
  };
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

function byName(sources: readonly ToolSource[]): ReadonlyMap<string, ToolSource> {
  const known = new Map<string, ToolSource>();
  for (const source of sources) {
    const { name } = source;
    if (!NAME.test(name)) throw invalid(name, "that is no name for it", "Use 1 to 64 letters, digits, hyphens and underscores.");
    if (known.has(name)) throw invalid(name, "it is there twice", "Leave one of them out of executor, agent or request.");
    known.set(name, source);
  }
  return known;
}

function invalid(name: string, problem: string, hint: string): ExecutusError {
  return new ExecutusError("source_invalid", `tool source ${JSON.stringify(name)}: ${problem}`, { hint });
}

/** Code for a journaled run's sources. What is not there is found missing when it is to be opened. */
export function bindSources(
  { config, servers }: Known,
  agent: Agent | undefined,
  { sources }: AgentSnapshot,
): ReadonlyMap<string, ToolSource> | undefined {
  if (sources === undefined || sources.length === 0) return undefined;
  const own = (agent === undefined ? [] : sourcesOf(agent, servers)).filter(
    (given): given is ToolSource => typeof given === "object" && "open" in given,
  );
  const available = new Map([...(config.sources ?? []), ...own].map((source) => [source.name, source]));
  const code = new Map<string, ToolSource>();
  for (const { name } of sources) {
    const source = available.get(name);
    if (source !== undefined) code.set(name, source);
  }
  return code;
}
