/** Two runs of a caller at a time: the others are accepted, and wait for their turn. */
import { setTimeout as pause } from "node:timers/promises";
import { createExecutor, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

let busy = 0;
let most = 0;
const work = defineTool({
  name: "work",
  description: "Takes a moment.",
  input: { type: "object" },
  effect: "read",
  execute: async () => {
    most = Math.max(most, ++busy);
    await pause(30);
    busy--;
  },
});
const agent = defineAgent({ name: "worker", instructions: "Work.", tools: [work] });
const models = scriptedModel(({ step }) => (step === 0 ? { calls: [{ name: "work" }] } : { text: "Done." }));

await using executor = createExecutor({ models, agents: [agent], lanes: { "caller:*": { concurrency: 2 } } });
const handles = [];
for (let i = 0; i < 6; i++) handles.push(await executor.start(agent, { input: "Go.", caller: "ana", lane: "caller:ana" }));
const last = handles.at(-1);
console.log((await executor.status(last?.run ?? ""))?.status);
const results = await Promise.all(handles.map(({ result }) => result));
console.log(results.filter(({ status }) => status === "completed").length, "completed, at most", most, "at once");
