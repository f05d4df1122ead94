/** The tools of an MCP server: started for the run, shut down with it. */
import { mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExecutor, defineAgent } from "executus";
import { mcpServer } from "executus/mcp";
import { scriptedModel } from "executus/testing";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "executus-notes-")));
const program = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"));
const notes = mcpServer("notes", { command: process.execPath, args: [program, folder] });

const path = join(folder, "today.md");
const models = scriptedModel([
  { calls: [{ name: "mcp__notes__write_file", input: { path, content: "Buy tea." } }] },
  { calls: [{ name: "mcp__notes__read_text_file", input: { path } }] },
  { text: "Noted." },
]);
const agent = defineAgent({
  name: "clerk",
  instructions: "Keep the notes.",
  tools: ["mcp__notes__read_text_file", "mcp__notes__write*"],
});
const result = await createExecutor({ models, sources: [notes] }).run(agent, "Remember the tea.");
console.log(result.status, models.calls[0]?.tools.map(({ name }) => name).join(" "));
console.log(readFileSync(path, "utf8"));
