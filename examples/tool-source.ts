/** A folder for each run: made when the run opens it, collected when it ends, removed by whichever process has the run then. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, defineAgent, defineTool } from "executus";
import type { ToolSource } from "executus/ports";
import { scriptedModel } from "executus/testing";

const workspace: ToolSource = {
  name: "workspace",
  open: async ({ key }) => {
    const folder = join("workspaces", key);
    mkdirSync(folder, { recursive: true });
    const write = defineTool({
      name: "workspace__write",
      description: "Writes a file into the workspace.",
      input: { type: "object", properties: { name: { type: "string" }, text: { type: "string" } }, required: ["name", "text"] },
      effect: "idempotent",
      execute: ({ name, text }) => writeFileSync(join(folder, name), text),
    });
    const afterRun = async () => ({
      artifacts: readdirSync(folder).map((name) => ({ name, content: readFileSync(join(folder, name), "utf8") })),
    });
    return { tools: [write], cleanup: { folder }, afterRun };
  },
  cleanup: async ({ key }) => rmSync(join("workspaces", key), { recursive: true, force: true }),
};

const models = scriptedModel([
  { calls: [{ name: "workspace__write", input: { name: "haiku.txt", text: "An old silent pond" } }] },
  { text: "Written." },
]);
const agent = defineAgent({ name: "poet", instructions: "Write a haiku.", sources: ["workspace"] });
const result = await createExecutor({ models, sources: [workspace] }).run(agent, { input: "Please.", id: "poem" });
console.log(result.status, result.artifacts.map(({ name, data }) => `${name} (${data.bytes} bytes)`).join());
console.log("left behind:", existsSync(join("workspaces", "poem.workspace")));
