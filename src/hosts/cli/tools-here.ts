/** The tools that an agent's names can mean on the command line: what its module brings, and the built-in ones. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadedAgent } from "../../adapters/agents/module.ts";
import { settleNames } from "../../adapters/agents/tool-names.ts";
import { fileTools } from "../../adapters/tools/files.ts";
import { statusTool } from "../../adapters/tools/status-tool.ts";
import { nearest } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Tool } from "../../ports/tools.ts";
import { delegatesNamedBy } from "../../run/palette.ts";
import { isOfSource } from "./mcp.ts";

export interface ToolsHere {
  /** With our names for those of other programs, and without what is not there. */
  readonly agent: Agent;
  /** Well-known tools of other programs that are not there. */
  readonly absent: readonly string[];
  readonly builtIn: readonly Tool[];
  /** Names that the agent and its phases use and that must be among `registered`. */
  readonly named: readonly string[];
  readonly registered: readonly string[];
}

/** `root`: folder of the file tools; asked at each call. */
export function toolsHere({ agent: read, tools }: LoadedAgent, root: () => string): ToolsHere {
  const own = new Set(tools.map(({ name }) => name));
  const builtIn = [...fileTools({ root }), statusTool()].filter(({ name }) => !own.has(name));
  const registered = [...tools, ...builtIn].map(({ name }) => name);
  const { agent, absent } = withToolsHere(read, registered);
  const all = [...(agent.tools ?? []), ...(agent.phases ?? []).flatMap((phase) => phase.tools ?? [])];
  const named = [...new Set(all.filter((tool) => typeof tool === "string"))].filter(
    (tool) => delegatesNamedBy(tool) === undefined && !isOfSource(agent, tool),
  );
  return { agent, absent, builtIn, named, registered };
}

/** Names of other programs' tools become those of ours that do the same; the others are left out. */
function withToolsHere(agent: Agent, here: readonly string[]): { readonly agent: Agent; readonly absent: readonly string[] } {
  const { tools = [] } = agent;
  const named = tools.filter((tool) => typeof tool === "string");
  const { names, absent } = settleNames(named, here);
  if (absent.length === 0 && names.every((name, i) => name === named[i])) return { agent, absent };
  return { agent: { ...agent, tools: [...names, ...tools.filter((tool) => typeof tool !== "string")] }, absent };
}

export function goesWithout({ name, source = name }: Agent, absent: readonly string[]): string {
  return `${source}: there is no ${absent.join(", ")} here: the agent goes without`;
}

/**
 * What a look at an agent's file shows of tools that are not here. No errors: a program may register tools that the command line does not
 * know.
 */
export function describeAbsent(loaded: LoadedAgent, folder: string): readonly string[] {
  const { agent, absent, named, registered } = toolsHere(loaded, () => folder);
  const { name, source = name } = agent;
  const unknown = named.filter((tool) => !registered.includes(tool));
  return [
    ...(absent.length === 0 ? [] : [goesWithout(agent, absent)]),
    ...unknown.map(
      (tool) => `${source}: there is no ${tool} here${meant(tool, registered)}: \`executus run\` refuses this agent`,
    ),
    ...ofNoServer(agent, folder).map((tool) => `${source}: ${tool} is of no MCP server that the agent or .mcp.json names`),
  ];
}

function meant(tool: string, registered: readonly string[]): string {
  const near = nearest(tool, registered);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}

/** Only by the name of the server: its tools are known once it was started. */
function ofNoServer(agent: Agent, folder: string): readonly string[] {
  const names = (agent.tools ?? []).filter((tool) => typeof tool === "string");
  const chosen = names.filter((tool) => /^mcp__[^*]/.test(tool));
  if (chosen.length === 0) return [];
  const own = (agent.mcpServers ?? []).map((server) => (typeof server === "string" ? server : server.name));
  const prefixes = [...own, ...projectServerNames(folder)].map((name) => `mcp__${name.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`);
  return chosen.filter((tool) => !prefixes.some((prefix) => tool === prefix || tool.startsWith(`${prefix}__`)));
}

/** What is wrong with the file is told when its servers are wanted. */
function projectServerNames(folder: string): readonly string[] {
  const file = join(folder, ".mcp.json");
  if (!existsSync(file)) return [];
  try {
    const { mcpServers } = JSON.parse(readFileSync(file, "utf8")) as { readonly mcpServers?: object };
    return Object.keys(mcpServers ?? {});
  } catch {
    return [];
  }
}
