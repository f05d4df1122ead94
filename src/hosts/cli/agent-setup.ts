/** An agent ready to run from the command line: its definition, its tools, its models. */
import { existsSync } from "node:fs";
import { loadAgent } from "../../adapters/agents/module.ts";
import { createTools } from "../../adapters/tools/registry.ts";
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Delegates } from "../../ports/delegates.ts";
import type { Models } from "../../ports/models.ts";
import type { ToolSource } from "../../ports/tool-source.ts";
import type { Tools } from "../../ports/tools.ts";
import { configuredModels } from "./models.ts";
import { checkTrust, projectServers } from "./mcp.ts";
import { checkDelegates, paletteFor } from "./palette.ts";
import { goesWithout, toolsHere } from "./tools-here.ts";

/** Label of a run that works on files: the folder its tools cannot leave, the same after a restart elsewhere. */
export const ROOT_LABEL = "executus.root";

export interface AgentSetup {
  readonly agent: Agent;
  /** What the agent is asked when nobody asks anything. */
  readonly input?: string;
  readonly tools: Tools;
  readonly models: Models;
  readonly warnings: readonly string[];
  /** It, or a delegate of its, uses the built-in file tools. */
  readonly usesFiles: boolean;
  readonly delegates: Delegates;
  /** The MCP servers of the project, where it is trusted. */
  readonly sources: readonly ToolSource[];
}

export interface SetupOptions {
  readonly modelsFile?: string;
  readonly blobs: Blobs;
  /** Folder of the file tools; asked at each call. */
  readonly root: () => string;
  /** Skills of the project may be used. Default false. */
  readonly trustSkills?: boolean;
  /** Instead of those that are configured here. */
  readonly models?: Models;
  /** Unknown fields of its file are warnings. Default false. */
  readonly lenient?: boolean;
  /** MCP servers of the project and of the agent's file may be started. Default false. */
  readonly trustMcp?: boolean;
}

/** Rejects with ExecutusError `agent_unknown`, `agent_invalid` or `tool_unknown`, naming the file. */
export async function setUpAgent(file: string, options: SetupOptions): Promise<AgentSetup> {
  const { lenient = false } = options;
  const loaded = await loadAgent(file, { lenient });
  const { tools, models, input, warnings } = loaded;
  const { agent, absent, builtIn, named, registered } = toolsHere(loaded, options.root);
  checkTrust(agent, options.trustMcp === true);
  checkNames(agent, named, registered);
  const trust = options.trustSkills === true;
  const delegates = paletteFor({ file, project: process.cwd(), trust, tools: registered });
  const usesFiles =
    (await checkDelegates(agent, delegates)) || builtIn.some(({ name }) => name !== "run_status" && named.includes(name));
  return {
    agent,
    ...(input === undefined ? {} : { input }),
    tools: createTools([...tools, ...builtIn]),
    models: options.models ?? models ?? (await configuredModels(options.modelsFile, options.blobs)),
    warnings: absent.length === 0 ? warnings : [...warnings, goesWithout(agent, absent)],
    usesFiles,
    delegates,
    sources: await projectServers(process.cwd(), options.trustMcp === true),
  };
}

function checkNames(agent: Agent, named: readonly string[], names: readonly string[]): void {
  const unknown = named.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, names);
  const available = `Tools there are: ${names.join(", ")}.`;
  throw new ExecutusError("tool_unknown", `${agent.source ?? agent.name} names the tool ${unknown}, which is not there`, {
    hint: near === undefined ? available : `Did you mean ${near}? ${available}`,
  });
}

/** The folder of a run that was begun elsewhere must still be there. */
export function checkRoot(root: string): void {
  if (existsSync(root)) return;
  throw new ExecutusError("request_invalid", `The folder ${root}, in which this run works, is not there`, {
    file: root,
    hint: "Put it back where it was, then resume the run.",
  });
}
