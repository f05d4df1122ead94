/** A run that gets nowhere is told so; at its limit one that gets on is given room; every decision is in the journal. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { modelSupervisor } from "executus/supervision";
import { scriptedModel } from "executus/testing";

const search = defineTool({
  name: "search",
  description: "Look through the archive.",
  input: { type: "object" },
  effect: "read",
  execute: () => "no results",
});
const agent = defineAgent({ name: "archivist", instructions: "Find the letter.", tools: [search] });

const models = scriptedModel(({ step, messages }) =>
  JSON.stringify(messages).includes("Try the letters of 1911")
    ? { text: "It is the one from 1911." }
    : { calls: [{ name: "search", input: { words: `letter ${step}` } }] },
);
// The model that supervises; with keys in the environment: modelSupervisor({ models: createModels(), model: "fast" })
const judge = scriptedModel([
  { text: '{"action":"nudge","message":"Try the letters of 1911.","reason":"it searches without a year"}' },
]);

const executor = createExecutor({ models, supervisor: modelSupervisor({ models: judge }) });
const run = await executor.start(agent, "Which letter is the oldest?");
for await (const event of run.events()) {
  if (event.type === "stall.noticed") console.log(event.message);
  if (event.type === "supervisor.decided") console.log(`${event.by}: ${event.action}, because ${event.reason}`);
}
console.log((await run.result).output);
