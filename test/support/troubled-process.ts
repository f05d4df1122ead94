/**
 * Drives some runs while things happen to its disk: `node troubled-process.ts FOLDER RUNS`. Says in lines of JSON what it is warned of
 * and how everything ended; a line on its input is told to every run, and after the line `end` they end. What its tools do, they
 * append to a file.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { isExecutusError } from "../../src/kernel/errors.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeAgent, makeTool } from "./world.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const runs = Array.from({ length: Number(count) }, (_, i) => `run${i}`);

export type Said =
  | { readonly warning: string }
  | { readonly hello: string; readonly run: string; readonly answer: string }
  | { readonly statuses: readonly (string | undefined)[] };

const say = (line: Said): void => console.log(JSON.stringify(line));

const act = makeTool("act", async (_input, { idempotencyKey }) => {
  appendFileSync(join(folder, "effects"), `${idempotencyKey}\n`);
  await pause(15);
  return "x".repeat(1_000);
});
const agent = makeAgent([act], { maxSteps: 10_000, timeMs: Infinity, repeats: Infinity });
let isEnd = false;
const models = scriptedModel(({ step }) => (isEnd ? { text: "end" } : { calls: [{ name: "act", input: { step } }] }));

await using store = openSqliteStore({ file: join(folder, "store/runs.db"), heartbeatMs: 200 });
const observers = [{ warning: (_run: string, warning: string) => say({ warning }) }];
await using executor = createExecutor({ models, store, agents: [agent], observers, sweepMs: 500 });

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  isEnd ||= line === "end";
  const hello = line;
  for (const run of runs) {
    executor.send(run, { kind: "steer", content: "hello" }, { id: hello }).then(
      (answer) => say({ hello, run, answer }),
      (error: unknown) => say({ hello, run, answer: isExecutusError(error) ? error.code : String(error) }),
    );
  }
});
await Promise.all(runs.map((id) => executor.start(agent, { input: "go", id })));
/** Also of those that were given up for a while, and taken up again by a sweep. */
let statuses: readonly (string | undefined)[] = [];
while (!statuses.every((status) => status === "completed") || statuses.length === 0) {
  await pause(50);
  const rows = await Promise.all(runs.map((run) => store.runs.get(run))).catch(() => []);
  statuses = rows.map((row) => row?.status);
}
say({ statuses });
input.close();
process.stdin.destroy();
