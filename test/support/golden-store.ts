/** A store file with a run in every state that a run can be left in, and what it takes to bring them all to their ends. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { openSqliteStore, type SqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import type { DeliveryReport } from "../../src/ports/delivery.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Agent, Executor } from "../../src/run/types.ts";
import { type ScriptedAnswer, scriptedModel } from "../../src/testing/scripted-model.ts";
import { makeTool } from "./world.ts";

/** Each as it is left by `makeGoldenStore`; `lead` waits for a child of its own, which asks a person. */
export const GOLDEN_RUNS: Readonly<Record<string, string>> = {
  "asks-a-person": "waiting",
  "first-in-its-lane": "interrupted",
  finished: "completed",
  "follows-up": "completed",
  "in-a-model-call": "interrupted",
  "in-a-tool-call": "interrupted",
  lead: "waiting",
  "second-in-its-lane": "queued",
  "to-be-delivered": "completed",
  "wants-approval": "waiting",
};

export interface GoldenWorld {
  readonly executor: Executor;
  readonly clerk: Agent;
  readonly lead: Agent;
  /** Effects of tools in this process, by their keys. */
  readonly paid: readonly string[];
  /** Ids under which something was delivered. */
  readonly delivered: readonly string[];
}

interface Stage {
  readonly report: DeliveryReport;
  /** Models and tools that are to be interrupted never answer. */
  readonly isLeft: boolean;
}

/** The agents of the golden runs, on this store. */
export function openGoldenWorld(store: SqliteStore, { report, isLeft }: Stage): GoldenWorld {
  const [paid, delivered]: [string[], string[]] = [[], []];
  const pay = makeTool("pay", (_input, { idempotencyKey }) => {
    paid.push(idempotencyKey);
    return idempotencyKey.startsWith("in-a-tool-call") ? new Promise(() => {}) : Promise.resolve("paid");
  });
  const send = makeTool("send", async () => "sent", { approval: { required: true, reason: "it leaves the house" } });
  const ask = makeTool("ask", (_input, context) => Promise.resolve(context.ask("Which colour?", { choices: ["red", "blue"] })));
  const helper: Agent = { name: "helper", description: "Helps.", instructions: "Help.", tools: [ask] };
  const clerk: Agent = { name: "clerk", instructions: "Be brief.", tools: [pay, send, ask] };
  const lead: Agent = { name: "lead", instructions: "Lead.", delegates: [helper] };
  const models = scriptedModel((call) => answer(call, isLeft), { price: { input: 1, output: 1, asOf: "2026-01-01" } });
  const deliver = async ({ id }: { readonly id: string }): Promise<DeliveryReport> => {
    delivered.push(id);
    return report;
  };
  const executor = createExecutor({
    models,
    store,
    agents: [clerk, lead, helper],
    lanes: { post: { concurrency: 1 } },
    budgets: [{ per: "tenant", window: "month", limit: { usd: 10 } }],
    delivery: { adapters: [{ kind: "post", deliver }] },
  });
  return { executor, clerk, lead, paid, delivered };
}

const CALLS: Readonly<Record<string, string>> = {
  "in-a-tool-call": "pay",
  "wants-approval": "send",
  "asks-a-person": "ask",
  finished: "pay",
  lead: "agent__helper",
};

function answer({ run, step, instructions }: ModelCall, isLeft: boolean): ScriptedAnswer {
  const isInterrupted = run === "in-a-model-call" || run === "first-in-its-lane";
  if (isLeft && isInterrupted) return { hang: true };
  const name = instructions === "Help." ? "ask" : CALLS[run];
  if (step > 0 || name === undefined) return { text: `the end of ${run}` };
  return { calls: [{ name, input: run === "lead" ? { prompt: "Do it." } : { n: 1 } }] };
}

/** Writes a new file, without a trace of the process and the machine that did. */
export async function makeGoldenStore(file: string): Promise<void> {
  const store = openSqliteStore({ file, self: "golden/1" });
  const world = openGoldenWorld(store, { report: { outcome: "failed", error: "nobody is there" }, isLeft: true });
  const { executor, clerk, lead } = world;
  const tenant = "acme";
  await executor.run(clerk, { id: "finished", input: "Pay.", tenant, labels: { kind: "bill" } });
  await executor.run(clerk, { id: "follows-up", input: "And now?", continues: "finished" });
  await executor.run(clerk, { id: "to-be-delivered", input: "Write.", delivery: { kind: "post", id: "ana" } });
  await executor.deliver();
  await executor.run(clerk, { id: "wants-approval", input: "Send.", idempotencyKey: "letter-7" });
  await executor.run(clerk, { id: "asks-a-person", input: "Paint." });
  await executor.run(lead, { id: "lead", input: "Lead." });
  await executor.start(clerk, { id: "in-a-model-call", input: "Go.", tenant });
  await executor.start(clerk, { id: "in-a-tool-call", input: "Go.", tenant });
  for (const id of ["first-in-its-lane", "second-in-its-lane"]) await executor.start(clerk, { id, input: "Go.", lane: "post" });
  while ((await store.runs.get("first-in-its-lane"))?.status !== "running" || world.paid.length < 2) await pause(5);
  await executor.shutdown({ graceMs: 0 });
  await store.inbox.send("in-a-model-call", { id: "unread", kind: "steer", content: [{ type: "text", text: "Well?" }] });
  await store[Symbol.asyncDispose]();
  const db = new DatabaseSync(file);
  db.exec("VACUUM");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}
