/** A tool that asks, sleeps and waits for a webhook. Nothing of it is in memory meanwhile, and nothing of it is run twice. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

const order = defineTool({
  name: "order",
  description: "Order something and wait until it is there.",
  input: { type: "object", properties: { what: { type: "string" } }, required: ["what"] } as const,
  execute: ({ what }, context) => context.ask(`How many ${what}?`, { deadlineMs: 86_400_000, fallback: "1" }),
  resume: ({ what }, wake, context) => {
    if (wake.by === "answer") return context.sleep(50); // until the shop opens
    if (wake.by === "time") return context.waitFor("delivered", { deadlineMs: 7 * 86_400_000 });
    return `${what}: ${JSON.stringify(wake.payload)}`;
  },
});
const agent = defineAgent({ name: "buyer", instructions: "Buy.", tools: [order] });
const models = scriptedModel([{ calls: [{ name: "order", input: { what: "mugs" } }] }, { text: "They are there." }]);

await using executor = createExecutor({ models });
const { run, status, waitingFor } = await executor.run(agent, "Buy mugs.");
console.log(status, waitingFor?.kind);
await executor.send(run, { kind: "answer", question: `${run}:0.0`, answer: "3" });
const asleep = await (await executor.resume(run)).result;
console.log(asleep.status, asleep.waitingFor?.kind);
await executor.send(run, { kind: "signal", name: "delivered", payload: { boxes: 1 } }); // kept until a call waits for it
while ((await executor.status(run))?.status !== "completed") await new Promise((resolve) => setTimeout(resolve, 20));
const { output, steps } = await executor.result(run);
console.log(output, steps[0]?.calls[0]?.output);
