/** Its model answers once, and from then on breaks off after its first word. */
import { type Agent, defineAgent, type Models } from "executus";
import { record } from "./tools.ts";

export const agent: Agent = defineAgent({
  name: "breaking",
  instructions: "Break off.",
  tools: [record],
  limits: { retryBaseMs: 1 },
});

export const models: Models = {
  resolve: async () => [
    {
      id: "script/breaking",
      price: { input: 1, output: 2, asOf: "2026-11-22" },
      call: async ({ step }, { onPart }) => {
        onPart({ type: "text.delta", text: "Well," });
        if (step > 0) throw Object.assign(new Error("script/breaking: the line is dead"), { retryable: true });
        const call = { type: "tool-call", toolCallId: "a", toolName: "record", input: { note: "one" } } as const;
        return { content: [call], finish: "tool-calls", usage: { inputTokens: 10, outputTokens: 5 } };
      },
    },
  ],
};
