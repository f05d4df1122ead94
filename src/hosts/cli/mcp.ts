/** MCP servers of a project: they start programs, so only whoever trusts the project has them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { ToolSource } from "../../ports/tool-source.ts";

const NO_SOURCES: readonly ToolSource[] = [];

/** Said on the command line, or for all commands in the environment. */
export function trustsMcp(option: boolean | undefined): boolean {
  return option === true || process.env["EXECUTUS_TRUST_MCP"] === "1";
}

/**
 * The servers of `.mcp.json` in the folder, if they may be started. That trust is for the tools they had the first time: others are
 * asked about. Rejects with `mcp_invalid`.
 */
export async function projectServers(folder: string, isTrusted: boolean): Promise<readonly ToolSource[]> {
  const file = join(folder, ".mcp.json");
  if (!isTrusted || !existsSync(file)) return NO_SOURCES;
  const { mcpServersFrom } = await import("../../adapters/tools/mcp.ts");
  return mcpServersFrom(file, { knownTools: join(folder, ".executus", "mcp-tools") });
}

/** Rejects with `mcp_untrusted`, before anything is started, when an agent wants servers that may not be. */
export function checkTrust(agent: Agent, isTrusted: boolean): void {
  if (isTrusted) return;
  const named = (agent.mcpServers ?? []).map((server) => (typeof server === "string" ? server : server.name));
  const names = (agent.tools ?? []).filter((tool) => typeof tool === "string");
  const chosen = names.filter((tool) => tool.startsWith("mcp__"));
  if (named.length === 0 && chosen.length === 0) return;
  const what = named.length > 0 ? `the MCP servers ${named.join(", ")}` : `tools of MCP servers (${chosen.join(", ")})`;
  throw new ExecutusError("mcp_untrusted", `${agent.source ?? agent.name} wants ${what}, which start programs of this project`, {
    hint: "Look at .mcp.json and the agent's file, then allow it: --trust-mcp",
  });
}

/** A tool that a source brings, not the registry. */
export function isOfSource({ sources = [] }: Agent, tool: string): boolean {
  const names = sources.map((given) => (typeof given === "string" ? given : "source" in given ? given.source : given.name));
  return tool.startsWith("mcp__") || names.some((name) => tool.startsWith(`${name}__`));
}
