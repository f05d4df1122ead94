/** Writes a note with a tool of the MCP server `notes`, which the project configures. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const agent: Agent = defineAgent({
  name: "mcp-notes",
  instructions: "Keep notes.",
  mcpServers: ["notes"],
  tools: ["mcp__notes__write_file"],
});

export const models: Models = scriptedModel(({ step }) =>
  step === 0
    ? { calls: [{ name: "mcp__notes__write_file", input: { path: `${process.cwd()}/note.txt`, content: "noted" } }] }
    : { text: "Noted." },
);
