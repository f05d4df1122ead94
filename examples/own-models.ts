/** Models of your own: whatever can answer is a candidate, and a tier is an ordered list of them. */
import { createExecutor, createModels, defineAgent } from "executus";
import type { ModelCandidate } from "executus/ports";

const overloaded: ModelCandidate = {
  id: "own/overloaded",
  call: () => Promise.reject(Object.assign(new Error("too busy"), { statusCode: 529, retryable: true })),
};

const echo: ModelCandidate = {
  id: "own/echo",
  price: { input: 0, output: 0, asOf: "2026-11-22" },
  call: async ({ messages }, { onPart }) => {
    const said = messages.at(-1)?.content ?? [];
    const text = said.map((part) => (part.type === "text" ? part.text.toUpperCase() : "")).join("");
    onPart({ type: "text.delta", text });
    return { content: [{ type: "text", text }], finish: "stop", usage: { inputTokens: 2, outputTokens: 2 } };
  },
};

// Beside them in the same list: "anthropic/claude-haiku-5-5", or any model object of the AI SDK.
const models = createModels({ tiers: { fast: [overloaded, echo] } });
const agent = defineAgent({ name: "parrot", instructions: "Repeat.", limits: { modelAttempts: 1 } });
const { status, output, steps } = await createExecutor({ models }).run(agent, "hello");
console.log(status, output, steps[0]?.model);
