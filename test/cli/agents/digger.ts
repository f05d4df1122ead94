/** A delegate: notes something, waits at the gate, answers. */
import { type Agent, defineAgent } from "executus";
import { gate, record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "digger",
  description: "Digs.",
  instructions: "Dig.",
  tools: [record, gate("report")],
  limits: { graceMs: 300, toolTimeoutMs: 60_000 },
});
