/** `node following-process.ts FILE WHAT`: drives the run `elsewhere` until there is a FILE.gate, or waits for it and does nothing else. */
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent, makeTool } from "./world.ts";

const [file = "", what = ""] = process.argv.slice(2);

const gate = makeTool("gate", async () => {
  console.log("drives");
  while (!existsSync(`${file}.gate`)) await pause(20);
  return "open";
});
const agent = makeAgent([gate]);
const models = scriptedModel([{ calls: [{ name: "gate", input: {} }] }, { text: "Late, but here." }]);
const executor = createExecutor({ models, store: openSqliteStore({ file }), agents: [agent] });
if (what !== "drive") console.log("follows");
if (what === "events") {
  let last = "";
  for await (const { type } of executor.events("elsewhere")) last = type;
  console.log(last);
} else {
  const { status, output } = await executor.run(agent, { id: "elsewhere", input: "Go on." });
  console.log(status, output);
}
