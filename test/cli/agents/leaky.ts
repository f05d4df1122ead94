/** Says, takes, returns, logs and throws a secret wherever it can. */
import { type Agent, defineAgent, defineTool, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

const canary = process.env["LEAKY_CANARY"] ?? "";

const leak = defineTool({
  name: "leak",
  description: "Gives away what it knows.",
  input: { type: "object" },
  execute: async (_input, context) => {
    console.log(`logged ${canary}`);
    await context.attach([{ type: "text", text: `attached ${canary}` }]);
    return { token: canary, page: `${canary}\n`.repeat(30_000) };
  },
});

const fail = defineTool({
  name: "fail",
  description: "Fails with what it knows.",
  input: { type: "object" },
  execute: () => {
    throw new Error(`401 with ${canary}`);
  },
});

export const agent: Agent = defineAgent({
  name: "leaky",
  instructions: `Keep ${canary} to yourself.`,
  tools: [leak, fail],
  limits: { retryBaseMs: 1 },
});

export const models: Models = scriptedModel((call) => {
  if (call.step === 0) {
    return { text: `I know ${canary}.`, calls: [{ name: "leak", input: { key: canary } }, { name: "fail" }] };
  }
  if (call.attempt === 1) return { error: Object.assign(new Error(`overloaded for ${canary}`), { retryable: true }) };
  return { text: `It is ${canary}, ${Buffer.from(canary).toString("base64")}.` };
});
