/** Two calls, then an answer that repeats the request. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { record } from "./tools.ts";

export const agent: Agent = defineAgent({ name: "quick", instructions: "Be quick.", tools: [record] });

export const input = "nothing in particular";

export const models: Models = scriptedModel(
  (call) => {
    if (call.step === 0)
      return {
        text: "I note two things.",
        calls: [
          { name: "record", input: { note: "one" } },
          { name: "record", input: { note: "two" } },
        ],
      };
    const [first] = call.messages;
    const asked = first?.role === "user" && first.content[0]?.type === "text" ? first.content[0].text : "";
    return { text: `You asked for ${asked}.` };
  },
  { id: "script/quick", price: { input: 1, output: 2, asOf: "2026-11-22" } },
);
