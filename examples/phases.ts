/** An agent in stages: each has its own instructions, tools and bounds; answers go on by name. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

const search = defineTool({
  name: "search",
  description: "Look through the archive.",
  input: { type: "object" },
  effect: "read",
  execute: () => "A letter from 1911: the pears were early.",
});

const historian = defineAgent({
  name: "historian",
  instructions: "",
  phases: [
    { name: "Find", instructions: "Find what the archive has about {{Input}}.", tools: [search], maxSteps: 5 },
    { name: "Draft", instructions: "Write two sentences from these notes:\n{{Find}}", model: "smart" },
    { name: "Check", instructions: "Strike what the notes do not say.\nNotes: {{Find}}", input: "{{Draft}}" },
  ],
});

const models = scriptedModel([
  { calls: [{ name: "search" }] },
  { text: "1911: pears early." },
  { text: "In 1911 the pears were early. They were sweet." },
  { text: "In 1911 the pears were early." },
]);

const executor = createExecutor({ models });
const { status, output, phases = [] } = await executor.run(historian, "pears");
for (const phase of phases) console.log(`${phase.name}, ${phase.steps} steps: ${phase.output}`);
console.log(status, output);
