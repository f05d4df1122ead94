/** Notes something, waits at the gate, notes something else, answers; a message that arrives meanwhile is repeated. */
import { type Agent, defineAgent, type Models } from "executus";
import { gatedModels } from "./gated-models.ts";
import { gate, record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "gated",
  instructions: "Wait at the gate.",
  tools: [record, gate("report")],
  limits: { graceMs: 300, toolTimeoutMs: 60_000, timeMs: 120_000 },
});

export const models: Models = gatedModels;
