/** A tool that computes for ever runs in a thread, and is ended at its timeout; nothing else is held up. */
import { createExecutor, defineAgent } from "executus";
import { scriptedModel } from "executus/testing";
import { oddPerfect } from "./isolated/odd-perfect.ts";

const models = scriptedModel([{ calls: [{ name: "oddPerfect", input: { from: 3 } }] }, { text: "I found none in time." }]);
const agent = defineAgent({ name: "theorist", instructions: "Search.", tools: [oddPerfect], limits: { graceMs: 200 } });

setTimeout(() => console.log("the process still does other things"), 500);
const result = await createExecutor({ models }).run(agent, "Is there an odd perfect number?");
console.log(result.steps[0]?.calls[0]?.output);
console.log(result.status, result.output);
