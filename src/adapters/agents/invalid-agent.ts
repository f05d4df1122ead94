import { ExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";

/** `agent_invalid`, naming the agent and its file. */
export function invalid(agent: Agent, problem: string, hint: string): ExecutusError {
  const file = typeof agent.source === "string" ? { file: agent.source } : {};
  return new ExecutusError("agent_invalid", `Agent ${agent.name}: ${problem}.`, { hint, ...file });
}
