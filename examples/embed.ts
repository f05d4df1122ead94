/** An agent in a program of your own: one tool, a store on disk, a model. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { openFolderBlobs, openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const weather = defineTool({
  name: "weather",
  description: "Current weather of a city.",
  input: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  effect: "read",
  execute: ({ city }) => `It is sunny in ${city}.`,
});
const agent = defineAgent({ name: "guide", instructions: "Answer in one sentence.", tools: [weather] });

// With a key in the environment: const models = createModels();
const models = scriptedModel([{ calls: [{ name: "weather", input: { city: "Bergen" } }] }, { text: "Sunny, for once." }]);

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, blobs: openFolderBlobs("runs.blobs"), agents: [agent] });
await executor.recover(); // whatever a killed process left behind goes on
const result = await executor.run(agent, "What is the weather in Bergen?");
console.log(result.status, result.output);
