/** An agent with a tool of every kind, for simulations. */
import { askTool } from "../../src/adapters/tools/ask-tool.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";

const input = { type: "object", properties: { n: { type: "integer", minimum: 1, maximum: 50 } }, required: ["n"] } as const;

const look = defineTool({ name: "look", description: "Looks.", input, effect: "read", execute: ({ n }) => `saw ${n}` });
const put = defineTool({ name: "put", description: "Puts.", input, effect: "idempotent", execute: ({ n }) => ({ put: n }) });
const pay = defineTool({ name: "pay", description: "Pays.", input, execute: ({ n }) => `paid ${n}` });
/** By world: what was shipped there, by whichever process. */
const shipments = new WeakMap<object, Set<string>>();

function shipIn(world: object): Tool {
  const shipped = shipments.get(world) ?? new Set();
  shipments.set(world, shipped);
  return defineTool({
    name: "ship",
    description: "Ships, and knows afterwards whether it did, if it is asked about the right things.",
    input,
    execute: ({ n }, { idempotencyKey }) => (shipped.add(idempotencyKey), `shipped ${n}`),
    reconcile: ({ n }, { idempotencyKey }) => {
      if (n % 3 === 2) return { outcome: "unknown" };
      return shipped.has(idempotencyKey) ? { outcome: "done", result: "it did" } : { outcome: "not-done" };
    },
  });
}

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

/** `world` is an object that the processes of a world have in common, such as its `random`. */
export function simulatedAgent(world: object): Agent {
  return {
    name: "subject",
    instructions: "Do it.",
    tools: [look, put, pay, shipIn(world), sign, nap, askTool()],
    delegates: [helper],
  };
}
