/** Its model says no. */
import { type Agent, defineAgent, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

export const agent: Agent = defineAgent({ name: "failing", instructions: "Fail." });

export const models: Models = scriptedModel([
  { error: Object.assign(new Error("the prompt is not allowed"), { statusCode: 400 }) },
]);
