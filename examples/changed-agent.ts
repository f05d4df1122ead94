/** An agent that is changed while its runs wait: one is told to adopt the change, one to keep what it began with. */
import { createExecutor, createMemoryStore, defineAgent } from "executus";
import { scriptedModel } from "executus/testing";

const before = defineAgent({ name: "clerk", instructions: "Answer in one word." });
const after = defineAgent({ ...before, instructions: "Answer in full.", onChange: "ask" });
const store = createMemoryStore();

const monday = createExecutor({ store, models: scriptedModel(() => ({ hang: true })), agents: [before] });
for (const id of ["first", "second"]) await monday.start(before, { id, input: "What is new?" });
await monday.shutdown();

const models = scriptedModel(({ instructions }) => ({ text: `I was told: ${instructions}` }));
await using tuesday = createExecutor({ store, models, agents: [after] });
for (const [run, decision] of [
  ["first", "adopt"],
  ["second", "pin"],
] as const) {
  console.log(run, (await tuesday.plan(run)).definition?.changes.join(", "));
  const { status, waitingFor } = await (await tuesday.resume(run)).result;
  console.log(status, waitingFor?.kind);
  await tuesday.send(run, { kind: decision });
  console.log((await (await tuesday.resume(run)).result).output);
}
