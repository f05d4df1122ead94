/** AI SDK: `generateText` and `ToolLoopAgent`, which cannot persist. Its model answers in one piece: no stream to read. */
import { generateText, isStepCount, jsonSchema, tool, ToolLoopAgent } from "ai";
import { INSTRUCTIONS, lookup, PROMPT, TOOL } from "../../workload.ts";

const tools = {
  [TOOL.name]: tool({
    description: TOOL.description,
    inputSchema: jsonSchema(TOOL.schema),
    execute: async ({ item }) => lookup(item),
  }),
};

export async function open({ variant }) {
  return {
    run: async ({ steps, model }) => {
      const settings = { model: model(), tools, instructions: INSTRUCTIONS, stopWhen: isStepCount(steps + 1) };
      const { text } =
        variant === "ToolLoopAgent"
          ? await new ToolLoopAgent(settings).generate({ prompt: PROMPT })
          : await generateText({ ...settings, prompt: PROMPT });
      return text;
    },
  };
}
