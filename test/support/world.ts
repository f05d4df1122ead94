/** Agents and tools for the world of the test kit. */
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";

export { createWorld, type World, type WorldOptions } from "../../src/testing/world.ts";

export function makeTool(name: string, execute: Tool["execute"], more: Partial<Tool> = {}): Tool {
  const { lateSchema: _late, ...tool } = defineTool({
    name,
    description: `the tool ${name}`,
    input: { type: "object" },
    execute: async (input, context) => execute(input, context),
  });
  // Checked at once: the first use of the validator loads it, and real waiting looks like idleness to a fake clock.
  return { ...tool, validate: (value) => ({ ok: true, value }), ...more };
}

export function makeAgent(tools: readonly Tool[], limits: Agent["limits"] = {}): Agent {
  return { name: "tester", instructions: "You are a test.", tools, ...(limits === undefined ? {} : { limits }) };
}
