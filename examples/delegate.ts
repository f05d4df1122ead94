/** An agent hands work to another one. Kill it at any moment: the same command goes on, and what the helper did stays done. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const look = defineTool({
  name: "look",
  description: "Look something up.",
  input: { type: "object", properties: { word: { type: "string" } }, required: ["word"] },
  effect: "read",
  execute: ({ word }) => `${word} is in Brandenburg`,
});
const scout = defineAgent({ name: "scout", description: "Finds places.", instructions: "Find the place.", tools: [look] });
const guide = defineAgent({ name: "guide", instructions: "Plan a trip.", delegates: [scout] });

const models = scriptedModel(({ instructions, step }) => {
  if (instructions === guide.instructions) {
    return step === 0
      ? { calls: [{ name: "agent__scout", input: { prompt: "Where is Potsdam?" } }] }
      : { text: "Take the S7 to Potsdam." };
  }
  return step === 0 ? { calls: [{ name: "look", input: { word: "Potsdam" } }] } : { text: "Potsdam is in Brandenburg." };
});

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, agents: [guide] });
const result = await executor.run(guide, { input: "A day out.", id: "trip" });
console.log(result.status, result.output);
const [call] = result.steps[0]?.calls ?? [];
console.log(call?.name, call?.outcome, call?.output);
for (const { agent, status, step } of await store.runs.list({ parent: "trip" }))
  console.log(`${agent}: ${status}, ${step} steps`);
console.log(`${result.usage.inputTokens} tokens read in all`);
