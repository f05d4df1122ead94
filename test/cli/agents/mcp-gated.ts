/** Has the MCP server `odd` of the project, and waits at the gate before it uses it. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { gate } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "mcp-gated",
  instructions: "Wait at the gate.",
  mcpServers: ["odd"],
  tools: [gate("report"), "mcp__odd__say"],
});

export const models: Models = scriptedModel(
  ({ step }) => {
    if (step === 0) return { calls: [{ name: "gate" }] };
    return step === 1 ? { calls: [{ name: "mcp__odd__say" }] } : { text: "Done." };
  },
  { id: "script/mcp-gated" },
);
