/** What would the run have done with another price? The fork pays nothing twice: the same call gets the result it had. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

let transfers = 0;

const quote = defineTool({
  name: "quote",
  description: "What it costs.",
  effect: "read",
  input: { type: "object", properties: {} },
  execute: () => "40 euros",
});
const pay = defineTool({
  name: "pay",
  description: "Pay for it.",
  effect: "once",
  input: { type: "object", properties: {} },
  execute: () => `transfer ${++transfers}`,
});
const agent = defineAgent({ name: "buyer", instructions: "Buy it.", tools: [quote, pay] });
const models = scriptedModel(({ step, messages }) => {
  if (step < 2) return { calls: [{ name: step === 0 ? "quote" : "pay" }] };
  return { text: /\d+ euros/.exec(JSON.stringify(messages))?.[0] ?? "" };
});

await using executor = createExecutor({ models, agents: [agent] });
const { run, output } = await executor.run(agent, "The kettle, please.");
console.log(output, transfers);

for await (const event of executor.events(run)) {
  if (event.type !== "tool.ended" || event.call !== "0.0") continue;
  const edit = { results: [{ call: "0.0", output: "90 euros" }] };
  const fork = await executor.fork(run, { at: event.seq, edit });
  console.log((await fork.result).output, transfers);
}
