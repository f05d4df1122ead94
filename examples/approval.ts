/** A refund waits for a person. The process that asked has ended when the answer comes; another one goes on. */
import { createExecutor, defineAgent, defineTool } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const refund = defineTool({
  name: "refund",
  description: "Pay money back.",
  input: { type: "object", properties: { eur: { type: "number" } }, required: ["eur"] } as const,
  approval: ({ eur }, { caller }) => ({ required: eur > 50 && caller !== "boss", reason: "more than 50 euros" }),
  execute: ({ eur }) => {
    console.log(`paid back ${eur} euros`);
    return "paid";
  },
});
const agent = defineAgent({ name: "service", instructions: "Be fair.", tools: [refund] });
const calls = [40, 90].map((eur) => ({ name: "refund", input: { eur } }));
const models = scriptedModel([{ calls }, { text: "Both complaints are settled." }]);

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, agents: [agent] });
if (process.argv.includes("--answer")) {
  await executor.send("case-7", { kind: "approve", approval: "case-7:0.1", input: { eur: 60 } }, { from: "ana" });
  const { status, output } = await (await executor.resume("case-7")).result;
  console.log(status, output);
} else {
  const { status, waitingFor } = await executor.run(agent, { input: "Two complaints.", id: "case-7", caller: "bot" });
  console.log(status, JSON.stringify(waitingFor));
}
