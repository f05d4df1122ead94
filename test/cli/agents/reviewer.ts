/** Answers at once, and names in its own definition where its outcomes go. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const agent: Agent = defineAgent({
  name: "reviewer",
  instructions: "Review.",
  delivery: { kind: "file", id: "own.json" },
});

export const models: Models = scriptedModel(() => ({ text: "Two things to mend." }));
