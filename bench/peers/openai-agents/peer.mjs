/** OpenAI Agents JS with a model of our own and tracing off. What it can persist is the whole state, by hand, between runs. */
import { Agent, Runner, tool, Usage } from "@openai/agents";
import { INSTRUCTIONS, lookup, PROMPT, TOOL, USAGE } from "../../workload.ts";

const tools = [
  tool({
    name: TOOL.name,
    description: TOOL.description,
    parameters: TOOL.schema,
    strict: true,
    execute: async ({ item }) => lookup(item),
  }),
];

function modelOf(next) {
  let answers = 0;
  return {
    getResponse: async () => {
      const { text, calls } = await next();
      const id = answers++;
      return {
        responseId: `resp_${id}`,
        usage: new Usage({
          requests: 1,
          inputTokens: USAGE.input,
          outputTokens: USAGE.output,
          totalTokens: USAGE.input + USAGE.output,
        }),
        output: [
          {
            type: "message",
            role: "assistant",
            status: "completed",
            id: `msg_${id}`,
            content: [{ type: "output_text", text }],
          },
          ...calls.map((call) => ({
            type: "function_call",
            id: `fc_${call.id}`,
            callId: call.id,
            name: call.name,
            status: "completed",
            arguments: JSON.stringify(call.input),
          })),
        ],
      };
    },
  };
}

export async function open() {
  const runner = new Runner({ tracingDisabled: true });
  return {
    run: async ({ steps, next }) => {
      const agent = new Agent({ name: "bench", instructions: INSTRUCTIONS, model: modelOf(next), tools });
      const { finalOutput } = await runner.run(agent, PROMPT, { maxTurns: steps + 1 });
      return finalOutput;
    },
  };
}
