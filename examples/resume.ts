/** With `--crash` it kills itself in the middle. Called again, it goes on: each note is in notes.txt once. */
import { appendFileSync, readFileSync } from "node:fs";
import { createExecutor, defineAgent, defineTool } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const note = defineTool({
  name: "note",
  description: "Write a line into notes.txt.",
  input: { type: "object", properties: { line: { type: "string" } }, required: ["line"] },
  execute: ({ line }) => appendFileSync("notes.txt", `${line}\n`),
});
const agent = defineAgent({ name: "scribe", instructions: "Write down what you hear.", tools: [note] });

const models = scriptedModel(({ step }) => {
  if (step === 2 && process.argv.includes("--crash")) process.kill(process.pid, "SIGKILL");
  const line = ["one", "two", "three"][step];
  return line === undefined ? { text: "All written down." } : { calls: [{ name: "note", input: { line } }] };
});

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, agents: [agent] });
// The same id again is the same run: started, continued where it was, or, once it has ended, its result.
const handle = await executor.start(agent, { id: "three-notes", input: "one, two, three" });
const result = await handle.result;
console.log(
  `${result.status} after ${result.steps.length} steps: ${readFileSync("notes.txt", "utf8").trim().split("\n").join(", ")}`,
);
