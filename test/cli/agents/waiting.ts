/** Waits for whatever its input names: approval, answer, event, time. */
import { type Agent, askTool, defineAgent, defineTool, type Models } from "executus";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";

const send = defineTool({
  name: "send",
  description: "sends a letter",
  input: { type: "object", properties: { to: { type: "string" } }, required: ["to"], additionalProperties: false } as const,
  approval: { required: true, reason: "it leaves the house" },
  execute: ({ to }) => `sent to ${to}`,
});

const build = defineTool({
  name: "build",
  description: "builds",
  input: { type: "object" },
  effect: "read",
  execute: (_, context) => context.waitFor("built"),
});

const nap = defineTool({
  name: "nap",
  description: "sleeps",
  input: { type: "object" },
  effect: "read",
  execute: (_, context) => context.sleep(3_600_000),
});

export const agent: Agent = defineAgent({ name: "waiting", instructions: "Wait.", tools: [send, askTool(), build, nap] });

const CALLS = {
  approval: { name: "send", input: { to: "ann" } },
  answer: { name: "ask_person", input: { question: "Which colour?", choices: ["red", "blue"] } },
  event: { name: "build", input: {} },
  time: { name: "nap", input: {} },
} as const;

export const models: Models = scriptedModel(
  ({ step, messages }) => {
    const [first] = messages;
    const asked = first?.role === "user" && first.content[0]?.type === "text" ? first.content[0].text : "";
    const wanted = asked.split(" ").filter((word): word is keyof typeof CALLS => Object.hasOwn(CALLS, word));
    if (step === 0) return { calls: wanted.map((word) => CALLS[word]) };
    const told = messages.flatMap((message) => (message.role === "tool" ? message.content : []));
    return {
      text: told.map(({ output }) => (typeof output.value === "string" ? output.value : JSON.stringify(output.value))).join("; "),
    };
  },
  { id: "script/waiting", price: { input: 1, output: 2, asOf: "2026-11-22" } },
);
