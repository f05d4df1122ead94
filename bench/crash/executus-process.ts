/** Starts the run in the folder, or goes on with it: `node executus-process.ts FOLDER once|idempotent|reconcile`. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, defineAgent, defineTool, fromAiSdkModel } from "executus";
import { openSqliteStore } from "executus/sqlite";
import { mockModel } from "../workload.ts";
import { CALLS_PER_STEP, doWork, sayEnded, sayReady, STEPS } from "./work.ts";

const [folder = "", variant = "once"] = process.argv.slice(2);
const log = join(folder, "effects.txt");
// `reconcile` reads it, whether or not a call has come as far as to write.
appendFileSync(log, "");
const itemOf = (input: unknown): number => (input as { readonly item: number }).item;

const lookup = defineTool({
  name: "lookup",
  description: "Does the work of an item.",
  input: { type: "object", properties: { item: { type: "number" }, query: { type: "string" } }, required: ["item"] },
  effect: variant === "idempotent" ? "idempotent" : "once",
  execute: (input) => doWork(log, itemOf(input)),
  ...(variant === "reconcile"
    ? {
        reconcile: (input: unknown) =>
          readFileSync(log, "utf8").includes(`done ${itemOf(input)}\n`)
            ? { outcome: "done" as const, result: `item ${itemOf(input)} is done` }
            : { outcome: "not-done" as const },
      }
    : {}),
});
const agent = defineAgent({
  name: "worker",
  instructions: "Work.",
  model: "mock/model",
  tools: [lookup],
  // Unknown outcomes are told to the model as errors; the run is to go on.
  limits: { maxSteps: Infinity, timeMs: Infinity, toolErrors: Infinity },
});
const model = fromAiSdkModel(mockModel({ steps: STEPS + 1, parallel: CALLS_PER_STEP }));

await using store = openSqliteStore({ file: join(folder, "runs.db") });
await using executor = createExecutor({ models: { resolve: () => Promise.resolve([model]) }, agents: [agent], store });
sayReady();
const { resumed } = await executor.recover();
const run = resumed[0] ?? (await executor.start(agent, { input: "Go.", id: "run" }));
const { status } = await run.result;
sayEnded(status);
