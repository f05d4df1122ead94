/** Has the MCP server `small` of the project, and uses nothing of it. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const agent: Agent = defineAgent({ name: "mcp-small", instructions: "Say it.", mcpServers: ["small"] });

export const models: Models = scriptedModel(() => ({ text: "Done." }), { id: "script/mcp-small" });
