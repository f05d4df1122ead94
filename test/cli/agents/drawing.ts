/** Says which files came along, and leaves one behind. */
import { type Agent, defineAgent, defineTool, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

const draw = defineTool({
  name: "draw",
  description: "Draws.",
  input: { type: "object" },
  execute: async (_input, context) => {
    await context.addArtifact({ name: "../pictures/cat.txt", content: "=^.^=" });
    return "drawn";
  },
});

export const agent: Agent = defineAgent({ name: "drawing", instructions: "Draw.", tools: [draw, "run_status"] });

export const models: Models = scriptedModel((call) => {
  if (call.step === 0) return { calls: [{ name: "draw" }, { name: "run_status" }] };
  const [first] = call.messages;
  const parts = first?.role === "user" ? first.content : [];
  return { text: parts.map((part) => (part.type === "text" ? part.text : `[${part.mediaType}]`)).join("\n") };
});
