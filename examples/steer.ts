/** A message enters a live run before its next step. */
import { setTimeout as pause } from "node:timers/promises";
import { createExecutor, defineAgent, defineTool } from "executus";
import type { ModelCall } from "executus/ports";
import { scriptedModel } from "executus/testing";

const search = defineTool({
  name: "search",
  description: "Look through the archive.",
  input: { type: "object" },
  effect: "read",
  execute: async (_input, { signal }) => pause(500, "3 letters from 1911", { signal }),
});
const agent = defineAgent({ name: "archivist", instructions: "Find letters.", tools: [search] });

const models = scriptedModel((call) =>
  call.step === 0 ? { calls: [{ name: "search" }] } : { text: `Found three letters. I was told: ${lastWords(call)}` },
);

const executor = createExecutor({ models });
const handle = await executor.start(agent, "Which letters are there?");
await handle.steer("Only those to Berlin."); // durable once it resolves; from elsewhere: executor.send(run, ...)
for await (const event of handle.events()) console.log(event.seq, event.type);
console.log((await handle.result).output);

function lastWords({ messages }: ModelCall): string {
  const said = messages.findLast(({ role }) => role === "user")?.content ?? [];
  return said.map((part) => (part.type === "text" ? part.text : "")).join("");
}
