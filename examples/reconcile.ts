/** With `--crash` it dies after the transfer and before anybody knows. Called again, the tool finds out, and nothing is paid twice. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createExecutor, defineAgent, defineTool } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { scriptedModel } from "executus/testing";

const transfers = (): readonly string[] => (existsSync("bank.txt") ? readFileSync("bank.txt", "utf8").trim().split("\n") : []);

const pay = defineTool({
  name: "pay",
  description: "Transfer euros to somebody.",
  input: { type: "object", properties: { to: { type: "string" }, eur: { type: "number" } }, required: ["to", "eur"] },
  effect: "once",
  execute: ({ to, eur }, { idempotencyKey }) => {
    appendFileSync("bank.txt", `${idempotencyKey} ${to} ${eur}\n`);
    if (process.argv.includes("--crash")) process.kill(process.pid, "SIGKILL");
    return "transferred";
  },
  // Asked only about a call that was under way when its process died.
  reconcile: (_input, { idempotencyKey }) =>
    transfers().some((line) => line.startsWith(`${idempotencyKey} `))
      ? { outcome: "done", result: "transferred" }
      : { outcome: "not-done" },
});
const agent = defineAgent({ name: "clerk", instructions: "Pay the bills.", tools: [pay] });
const models = scriptedModel([{ calls: [{ name: "pay", input: { to: "Anna", eur: 40 } }] }, { text: "Paid." }]);

await using store = openSqliteStore({ file: "runs.db" });
await using executor = createExecutor({ models, store, agents: [agent] });
const handle = await executor.start(agent, { id: "bill-17", input: "Pay Anna 40 euros." });
console.log(`${(await handle.result).status}, ${transfers().length} transfer`);
