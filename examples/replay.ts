/** Before a changed prompt is deployed: where would runs that went well take another course? Nothing is called. */
import { createExecutor, createMemoryStore, defineAgent, defineTool } from "executus";
import { playCassette, scriptedModel, toCassette } from "executus/testing";

const weigh = defineTool({
  name: "weigh",
  description: "What a parcel weighs.",
  effect: "read",
  input: { type: "object", properties: { parcel: { type: "string" } }, required: ["parcel"] },
  execute: ({ parcel }) => `${parcel} weighs 3 kg`,
});
const agent = defineAgent({ name: "clerk", instructions: "Weigh it.", tools: [weigh] });
const changed = defineAgent({ ...agent, instructions: "Guess what it weighs." });
const models = scriptedModel([{ calls: [{ name: "weigh", input: { parcel: "A" } }] }, { text: "3 kg." }]);

const store = createMemoryStore();
await using executor = createExecutor({ models, store });
const { run } = await executor.run(agent, "How heavy is parcel A?");

console.log(await executor.replay(run));
console.log((await executor.replay(run, { against: changed })).divergence?.now);

// The same as a test: the real kernel, the agent as it is now, models and tools as they were.
const cassette = toCassette(await store.journal.read(run));
console.log((await playCassette(cassette, { agent })).differences);
console.log((await playCassette(cassette, { agent: changed })).differences[0]);
