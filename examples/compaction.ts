/** A conversation that outgrows its model's window: older steps give way to a summary, and the run goes on. */
import { createExecutor, defineAgent, defineTool, type RunEvent } from "executus";
import { scriptedModel } from "executus/testing";

const read = defineTool({
  name: "read_page",
  description: "Reads a page.",
  input: { type: "object", properties: { page: { type: "number" } }, required: ["page"] },
  effect: "read",
  execute: ({ page }: { readonly page: number }) => `Page ${page}. ${"Nothing of note. ".repeat(100)}`,
});

const models = scriptedModel(
  ({ step, tools }) => {
    if (tools.length === 0) return { text: "The pages so far say nothing of note." };
    if (step < 4)
      return { calls: [{ name: "read_page", input: { page: step } }], usage: { inputTokens: 500 * step, outputTokens: 20 } };
    return { text: "There is nothing in this book." };
  },
  { contextTokens: 2_000 },
);

const compacted = (events: readonly RunEvent[]): void => {
  for (const event of events) {
    if (event.type === "context.compacted") console.log(`${event.messagesBefore} messages became ${event.messagesAfter}`);
  }
};
const executor = createExecutor({ models, observers: [{ events: (_run, events) => compacted(events) }] });
const agent = defineAgent({ name: "reader", instructions: "Read the book.", tools: [read] });
const result = await executor.run(agent, "What does it say?");
console.log(result.status, result.output);
