import type { AgentFileOptions } from "./markdown.ts";
import type { LoadedAgent } from "./module.ts";

/**
 * An agent from a Markdown file with frontmatter or from a TypeScript or JavaScript module. Rejects with ExecutusError
 * `agent_unknown` (no such file, with the nearest one) or `agent_invalid`, naming file, line and what to do.
 *
 * @example
 * const { agent, warnings } = await loadAgent("agents/reviewer.md");
 */
export async function loadAgent(path: string, options: AgentFileOptions = {}): Promise<LoadedAgent> {
  return (await import("./module.ts")).loadAgent(path, options);
}
