/** Three runs of a lane of one are stopped before and after each write of their process: each is driven, one at a time, to its end. */
import { expect, it } from "vitest";
import type { Agent, RunResult } from "../../src/run/types.ts";
import { survivesEverywhere } from "../support/crash-points.ts";
import { makeTool, type World } from "../support/world.ts";

const ids = ["a", "b", "c"];

async function queueAll({ executor }: World, agent: Agent): Promise<RunResult> {
  const handles = [];
  for (const id of ids) handles.push(await executor.start(agent, { id, input: "go", lane: "x" }));
  await executor.recover();
  const [first] = await Promise.all(handles.map(({ result }) => result));
  if (first === undefined) throw new Error("nothing was queued");
  return first;
}

/** When a run was driven, from its journal: between its beginning and its end. */
async function spanOf({ store }: World, run: string): Promise<readonly [begun: number, ended: number]> {
  const events = await store.journal.read(run);
  const begun = events.filter(({ type }) => type === "run.dequeued");
  expect(begun).toHaveLength(1);
  return [begun[0]?.at ?? 0, events.at(-1)?.at ?? 0];
}

async function wentOneByOne(world: World): Promise<void> {
  const rows = await world.store.runs.list();
  expect(Object.fromEntries(rows.map(({ run, status }) => [run, status]))).toEqual({
    a: "completed",
    b: "completed",
    c: "completed",
  });
  const spans = (await Promise.all(ids.map((run) => spanOf(world, run)))).toSorted(([a], [b]) => a - b);
  for (const [i, [begun]] of spans.entries()) expect(begun).toBeGreaterThanOrEqual(spans[i - 1]?.[1] ?? 0);
  expect(await world.store.lanes.heads({ limit: 10 })).toEqual([]);
}

it("S36 runs of a lane survive a crash before and after each write: every run begins once and ends", async () => {
  const points = await survivesEverywhere({
    script: ({ step }) => (step === 0 ? { calls: [{ name: "pay" }] } : { text: "Done." }),
    tools: (effects) => [
      makeTool("pay", async (_input, { idempotencyKey }) => {
        effects.push(idempotencyKey);
        await new Promise((next) => setImmediate(next));
        return "paid";
      }),
    ],
    config: () => ({ lanes: { x: { concurrency: 1 } } }),
    begin: queueAll,
    afterwards: wentOneByOne,
  });
  expect(points).toBeGreaterThanOrEqual(30);
});
