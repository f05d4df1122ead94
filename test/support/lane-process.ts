/**
 * Starts runs in a lane and drives what has its turn, until its input ends and nothing is left: `node lane-process.ts FILE LOG NAME
 * COUNT`. Each run writes a line when it begins and one when it ends.
 */
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent, makeTool } from "./world.ts";

const [file = "", log = "", name = "", count = "0"] = process.argv.slice(2);
const work = makeTool(
  "work",
  async (_input, { run }) => {
    appendFileSync(log, `begin ${run} ${name}\n`);
    await pause(60);
    appendFileSync(log, `end ${run} ${name}\n`);
  },
  { effect: "read" },
);
const agent = makeAgent([work]);
const models = scriptedModel(({ step }) => (step === 0 ? { calls: [{ name: "work" }] } : { text: "Done." }));
await using store = openSqliteStore({ file, heartbeatMs: 100, leaseMs: 1_000 });
await using executor = createExecutor({ models, store, agents: [agent], lanes: { x: { concurrency: 2 } }, sweepMs: 200 });
for (let i = 0; i < Number(count); i++) await executor.start(agent, { id: `${name}-${i}`, input: "go", lane: "x" });
console.log("started");
// Whoever is done early stays until the others have queued theirs.
await once(process.stdin.resume(), "end");
const unfinished = ["queued", "running", "interrupted"] as const;
while ((await store.runs.list({ status: unfinished, limit: 1 })).length > 0) await pause(50);
console.log("nothing left");
