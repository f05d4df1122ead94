/** A tool that prints, where only results belong; it stops at its second step of two. */
import { type Agent, defineAgent, defineTool, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

const chat = defineTool({
  name: "chat",
  description: "Talk.",
  input: { type: "object" },
  execute: async () => {
    console.log("chatter\u001B[31m");
    return "\u001B[2Jcleared";
  },
});

export const agent: Agent = defineAgent({ name: "chatty", instructions: "Talk.", tools: [chat] });

export const models: Models = scriptedModel((call) =>
  call.toolChoice === "none"
    ? { text: "As far as I got.\u001B[2J" }
    : { calls: [{ name: "chat", input: { turn: `\u001B[2J${call.step}` } }] },
);
