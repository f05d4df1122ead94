/** Hands work to the agent beside it. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const agent: Agent = defineAgent({
  name: "leading",
  instructions: "Lead.",
  delegates: ["digger"],
  limits: { graceMs: 300, timeMs: 120_000 },
});

export const models: Models = scriptedModel(
  (call) => {
    if (call.instructions === "Lead.")
      return call.step === 0 ? { calls: [{ name: "agent__digger", input: { prompt: "Dig here." } }] } : { text: "Dug." };
    if (call.step === 0) return { calls: [{ name: "record", input: { note: "spade" } }] };
    return call.step === 1 ? { calls: [{ name: "gate" }] } : { text: "A hole." };
  },
  { id: "script/leading", price: { input: 1, output: 2, asOf: "2026-11-22" } },
);
