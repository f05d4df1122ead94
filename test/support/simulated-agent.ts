/** An agent with a tool of every kind, for simulations. */
import { askTool } from "../../src/adapters/tools/ask-tool.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Agent } from "../../src/run/types.ts";

const input = { type: "object", properties: { n: { type: "integer", minimum: 1, maximum: 50 } }, required: ["n"] } as const;

const look = defineTool({ name: "look", description: "Looks.", input, effect: "read", execute: ({ n }) => `saw ${n}` });
const put = defineTool({ name: "put", description: "Puts.", input, effect: "idempotent", execute: ({ n }) => ({ put: n }) });
const pay = defineTool({ name: "pay", description: "Pays.", input, execute: ({ n }) => `paid ${n}` });
const ship = defineTool({
  name: "ship",
  description: "Ships, and knows afterwards whether it did.",
  input,
  execute: ({ n }) => `shipped ${n}`,
  reconcile: ({ n }) =>
    n % 3 === 0 ? { outcome: "not-done" } : n % 3 === 1 ? { outcome: "done", result: "it did" } : { outcome: "unknown" },
});
const sign = defineTool({
  name: "sign",
  description: "Signs, once somebody has agreed; if nobody knows whether it did, a person says.",
  input,
  approval: "always",
  onUnknown: "ask",
  execute: ({ n }) => `signed ${n}`,
});
const nap = defineTool({
  name: "nap",
  description: "Sleeps.",
  input,
  effect: "read",
  execute: ({ n }, context) => context.sleep(n * 100),
  resume: () => "awake",
});

const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps.", tools: [look, pay] };

export const simulatedAgent: Agent = {
  name: "subject",
  instructions: "Do it.",
  tools: [look, put, pay, ship, sign, nap, askTool()],
  delegates: [helper],
};
