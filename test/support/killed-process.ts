/**
 * Drives many runs until all have ended and all they delivered has arrived, over as many processes as it takes: `node
 * killed-process.ts FOLDER RUNS`. What it acknowledges and what it is at, it says in a line; what it does, it appends to files.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent, makeTool } from "./world.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const STEPS = 3;
const effects = join(folder, "effects");

const done = (key: string): boolean => readFileSync(effects, "utf8").includes(`${key}\n`);

/** The effect is complete with its line; the result comes some time after it. */
async function act(key: string): Promise<string> {
  console.log("begins");
  await pause(2);
  appendFileSync(effects, `${key}\n`);
  console.log("happened");
  await pause(2);
  return `done ${key}`;
}

const told = makeTool("told", async (_input, { idempotencyKey }) => act(idempotencyKey));
const asked = makeTool("asked", async (_input, { idempotencyKey }) => act(idempotencyKey), {
  reconcile: async (_input, { idempotencyKey: key }) =>
    done(key) ? { outcome: "done", result: `done ${key}` } : { outcome: "not-done" },
});
const agent = makeAgent([told, asked], { recoveries: 100_000, timeMs: Infinity, toolErrors: Infinity });
const models = scriptedModel(({ step }) =>
  step < STEPS ? { calls: ["told", "asked"].map((name) => ({ name, input: { step } })) } : { text: "end" },
);
/** It arrives with its line; the word of it comes some time after. */
const file: DeliveryAdapter = {
  kind: "file",
  deliver: async ({ id, run, body }) => {
    appendFileSync(join(folder, "deliveries"), `${run} ${id} ${body.length}\n`);
    console.log("sent");
    await pause(2);
    return { outcome: "delivered" };
  },
};

appendFileSync(effects, "");
await using store = openSqliteStore({ file: join(folder, "runs.db"), heartbeatMs: 200 });
await using executor = createExecutor({
  models,
  store,
  agents: [agent],
  delivery: { adapters: [file], scheduleMs: Array.from({ length: 1_000 }, () => 0) },
});
console.log("ready");
await executor.recover();
for (let i = 0; i < Number(count); i++) {
  const id = `r${i}`;
  await executor.start(agent, { input: "go", id, delivery: { kind: "file" } });
  console.log(`started ${id}`);
  if ((await executor.send(id, { kind: "steer", content: "hello" }, { id: "hello" })) === "accepted") console.log(`told ${id}`);
}
while ((await store.runs.list({ status: ["completed"], limit: 1_000 })).length < Number(count)) await pause(5);
while ((await store.outbox.list({ status: ["pending"], limit: 1 })).length > 0) {
  await executor.deliver();
  await pause(5);
}
console.log("ended");
