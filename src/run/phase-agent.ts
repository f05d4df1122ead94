/** An agent as it is in one of its phases, as far as its tools and delegates go. */
import type { Delegate } from "../ports/delegates.ts";
import type { Agent, Phase } from "../ports/definition.ts";
import { delegatesNamedBy, delegateToolName } from "./palette.ts";

export function agentIn(agent: Agent, name: string): Agent {
  const phase = agent.phases?.find((candidate) => candidate.name === name);
  return phase === undefined ? agent : agentInPhase(agent, phase);
}

/** A phase that lists tools has those alone: of the agent's delegates the ones that it names. */
export function agentInPhase(agent: Agent, { tools }: Phase): Agent {
  if (tools === undefined) return agent;
  const names = tools.flatMap((tool) => (typeof tool === "string" ? (delegatesNamedBy(tool) ?? []) : []));
  const held = (agent.delegates ?? []).filter((delegate): delegate is Delegate => typeof delegate !== "string");
  const own = held.filter((delegate) => names.includes(delegateToolName(delegate)));
  const isHeld = (name: string): boolean => own.some((delegate) => delegateToolName(delegate) === name);
  const others = tools.filter((tool) => typeof tool !== "string" || delegatesNamedBy(tool)?.every(isHeld) !== true);
  return { ...agent, tools: others, delegates: own, skills: [] };
}
