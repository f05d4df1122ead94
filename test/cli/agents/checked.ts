/** The same, but the gate can be asked, and says that nobody went through. */
import { type Agent, defineAgent, type Models } from "executus";
import { gatedModels } from "./gated-models.ts";
import { gate, record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "checked",
  instructions: "Wait at the gate.",
  tools: [record, { ...gate("report"), reconcile: async () => ({ outcome: "not-done" }) }],
  limits: { toolTimeoutMs: 60_000, timeMs: 120_000 },
});

export const models: Models = gatedModels;
