/** Two phases; the second answers with JSON that says what the model was told. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "staged",
  instructions: "Not used.",
  phases: [
    { name: "Find", instructions: "Find.", tools: [record] },
    { name: "Tell", instructions: "Tell {{Find}}." },
  ],
});

export const models: Models = scriptedModel(
  (call) => {
    const asked = call.messages.flatMap(({ role, content }) =>
      role === "user" ? content.map((part) => (part.type === "text" ? part.text : "")) : [],
    );
    if (call.step === 0) return { calls: [{ name: "record", input: { note: asked.at(-1) ?? "" } }] };
    return call.step === 1
      ? { text: "moss" }
      : { text: `\`\`\`json\n${JSON.stringify({ told: call.instructions.slice(0, 10), asked })}\n\`\`\`` };
  },
  { id: "script/staged", price: { input: 1, output: 2, asOf: "2026-11-22" } },
);
