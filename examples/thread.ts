/** A follow-up to a run that has ended: a new run with the conversation before it, which is not copied. */
import { createExecutor, defineAgent } from "executus";
import { scriptedModel } from "executus/testing";

const host = defineAgent({ name: "host", instructions: "Answer guests." });

const models = scriptedModel(({ messages }) => {
  const told = messages.filter(({ role }) => role === "user").length;
  return { text: `You have said ${told} ${told === 1 ? "thing" : "things"}.` };
});

const executor = createExecutor({ models });
const first = await executor.run(host, "Is breakfast at seven?");
const second = await executor.run(host, { input: "And on Sundays?", continues: first.run });
const third = await executor.run(host, { input: "Thank you.", continues: second.run });
console.log(third.output);

const events = [];
for await (const event of executor.events(third.run)) events.push(event);
console.log(JSON.stringify(events).includes("breakfast")); // it is in the journal of the first run alone
