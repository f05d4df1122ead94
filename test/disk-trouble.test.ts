/** Runs on a real disk that fills up under them, three times: they stand still, and go on by themselves when there is room. */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { checkStore } from "../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore, type SqliteStore } from "../src/adapters/store/sqlite.ts";
import { createExecutor } from "../src/create-executor.ts";
import type { Executor } from "../src/run/types.ts";
import { scriptedModel, storeViolations } from "../src/testing/index.ts";
import { canMount, mountSmallDisk } from "./support/small-disk.ts";
import { newFolder } from "./support/sqlite-store.ts";
import { makeAgent, makeTool } from "./support/world.ts";

const RUNS = Array.from({ length: 6 }, (_, i) => `run${i}`);
const STEPS = 9;
/** The steps of the first run in which the disk is filled. */
const FULL_AT = [1, 4, 7];

/** As much as fits: the last write is cut. */
function fill(folder: string): void {
  try {
    writeFileSync(join(folder, "ballast"), Buffer.alloc(4_000_000));
  } catch (error) {
    if (!String(error).includes("ENOSPC")) throw error;
  }
}

/** Tells every run something; those that were told so. Whoever was refused was told that, too. */
async function tellAll(executor: Executor, id: string): Promise<readonly string[]> {
  const sent = await Promise.allSettled(RUNS.map((run) => executor.send(run, { kind: "steer", content: "hello" }, { id })));
  const reasons = sent.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as { code: string }] : []));
  expect(reasons.filter(({ code }) => code !== "store_unavailable")).toEqual([]);
  return RUNS.filter((_, i) => sent[i]?.status === "fulfilled" && sent[i].value === "accepted");
}

async function heard(store: SqliteStore, run: string, id: string): Promise<boolean> {
  return (await store.journal.read(run)).some((event) => event.type === "steer.received" && event.id === id);
}

it.skipIf(!canMount)(
  "runs stand still while their disk is full, lose nothing that was acknowledged, and go on by themselves (needs a mount)",
  async () => {
    const folder = mountSmallDisk("2m");
    const effects = join(await newFolder(), "effects");
    const warnings: string[] = [];
    const act = makeTool("act", async (input, { run, idempotencyKey }) => {
      appendFileSync(effects, `${idempotencyKey}\n`);
      if (run === RUNS[0] && FULL_AT.includes((input as { step: number }).step)) fill(folder);
      return "x".repeat(2_000);
    });
    const agent = makeAgent([act], { maxSteps: 40 });
    const script = ({ messages }: { readonly messages: readonly { readonly role: string }[] }) => {
      const step = messages.filter(({ role }) => role === "tool").length;
      return step < STEPS ? { calls: [{ name: "act", input: { step } }] } : { text: "done" };
    };
    const store = openSqliteStore({ file: join(folder, "runs.db") });
    const observers = [{ warning: (_run: string, message: string) => warnings.push(message) }];
    const executor = createExecutor({ models: scriptedModel(script), store, agents: [agent], observers });
    onTestFinished(async () => {
      await executor.shutdown();
      await store[Symbol.asyncDispose]();
    });
    const handles = await Promise.all(RUNS.map((id) => executor.start(agent, { input: "go", id })));
    const told: [run: string, id: string][] = [];
    for (const [time] of FULL_AT.entries()) {
      const before = warnings.length;
      while (!warnings.slice(before).some((warning) => warning.includes("the disk is full; trying again"))) await pause(10);
      told.push(...(await tellAll(executor, `hello${time}`)).map((run): [string, string] => [run, `hello${time}`]));
      rmSync(join(folder, "ballast"));
    }
    const results = await Promise.all(handles.map(({ result }) => result));
    expect(results.map(({ status }) => status)).toEqual(RUNS.map(() => "completed"));
    const keys = readFileSync(effects, "utf8").trimEnd().split("\n");
    expect(keys).toHaveLength(RUNS.length * STEPS);
    expect(new Set(keys).size).toBe(keys.length);
    for (const [run, id] of told) expect(await heard(store, run, id), `${run} ${id}`).toBe(true);
    expect(await storeViolations(store)).toEqual([]);
    expect((await checkStore(join(folder, "runs.db"))).problems).toEqual([]);
  },
  60_000,
);
