/** A registered secret leaves the run nowhere: the model, the journal and the log see its name. */
import { createExecutor, createMemoryStore, defineAgent, defineTool } from "executus";
import { scriptedModel } from "executus/testing";

const token = "tok-4f9a1c77e0";

const connect = defineTool({
  name: "connect",
  description: "Connects to the database.",
  input: { type: "object" },
  execute: () => {
    throw new Error(`refused: postgres://app:${token}@db/main`);
  },
});

const models = scriptedModel([{ calls: [{ name: "connect" }] }, { text: `The token ${token} was refused.` }]);
const store = createMemoryStore();
const executor = createExecutor({ models, store, secrets: [{ name: "DB_TOKEN", value: token }] });
const agent = defineAgent({ name: "operator", instructions: "Connect.", tools: [connect] });
const result = await executor.run(agent, `Connect with ${token}.`);
console.log(result.output);
const journal = JSON.stringify(await store.journal.read(result.run));
console.log(journal.includes(token) ? "leaked" : "nothing leaked");
