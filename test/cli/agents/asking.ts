/** The same, but a crash at the gate is for a person to decide. */
import { type Agent, defineAgent, type Models } from "executus";
import { gatedModels } from "./gated-models.ts";
import { gate, record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "asking",
  instructions: "Wait at the gate.",
  tools: [record, gate("ask")],
  limits: { toolTimeoutMs: 60_000, timeMs: 120_000 },
});

export const models: Models = gatedModels;
