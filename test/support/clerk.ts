/** An agent that counts mugs: what recordings and their playbacks are tried with. */
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { Tool } from "../../src/ports/tools.ts";

export const count: Tool = defineTool({
  name: "count",
  description: "How many there are.",
  effect: "read",
  input: { type: "object", properties: { what: { type: "string" } }, required: ["what"] },
  execute: ({ what }) => ({ [what]: 3 }),
});

export const clerk: Agent = { name: "clerk", instructions: "Count.", tools: [count] };
