/** An agent whose tools and sources take time, can be cut off by a crash, and are counted. */
import type { Agent, Phase } from "../../ports/definition.ts";
import type { Skill } from "../../ports/delegates.ts";
import type { SourceUse, ToolSource } from "../../ports/tool-source.ts";
import type { Tool, Tools } from "../../ports/tools.ts";
import { observedSource } from "./observed-source.ts";
import { observedTool, type Place } from "./observed-tool.ts";

export function observedAgent(agent: Agent, place: Place): Agent {
  const { tools, delegates, phases, sources } = agent;
  return {
    ...agent,
    ...(tools === undefined ? {} : { tools: tools.map((tool) => observedNamed(tool, place)) }),
    ...(delegates === undefined ? {} : { delegates: delegates.map((delegate) => observedDelegate(delegate, place)) }),
    ...(phases === undefined ? {} : { phases: phases.map((phase) => observedPhase(phase, place)) }),
    ...(sources === undefined ? {} : { sources: sources.map((source) => observedUse(source, place)) }),
  };
}

function observedDelegate(delegate: string | Agent | Skill, place: Place): string | Agent | Skill {
  return typeof delegate === "string" || "kind" in delegate ? delegate : observedAgent(delegate, place);
}

function observedUse(source: string | SourceUse | ToolSource, place: Place): string | SourceUse | ToolSource {
  return typeof source === "object" && "open" in source ? observedSource(source, place) : source;
}

function observedPhase(phase: Phase, place: Place): Phase {
  const { tools } = phase;
  return tools === undefined ? phase : { ...phase, tools: tools.map((tool) => observedNamed(tool, place)) };
}

export function observedTools(tools: Tools, place: Place): Tools {
  return {
    names: (invocation) => tools.names(invocation),
    resolve: async (names, invocation) => (await tools.resolve(names, invocation)).map((tool) => observedTool(tool, place)),
  };
}

function observedNamed(tool: string | Tool, place: Place): string | Tool {
  return typeof tool === "string" ? tool : observedTool(tool, place);
}
