/** Three runs of a lane of one are stopped before and after each write of their process: each is driven, one at a time, to its end. */
import { describe, expect, it } from "vitest";
import { type Crash, crashingStore } from "../support/crashing-store.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const ids = ["a", "b", "c"];
const lanes = { x: { concurrency: 1 } };

async function play(crash: Crash) {
  const effects: string[] = [];
  const pay = makeTool("pay", async (_input, { idempotencyKey }) => {
    effects.push(idempotencyKey);
    await new Promise((next) => setImmediate(next));
    return "paid";
  });
  const agent = makeAgent([pay]);
  const options = { agents: [agent], lanes };
  const script = ({ step }: { readonly step: number }) => (step === 0 ? { calls: [{ name: "pay" }] } : { text: "Done." });
  let world: World;
  const { through, crashed } = crashingStore(() => world, crash);
  world = createWorld(script, { ...options, through });
  const finish = async (on: World): Promise<"finished"> => {
    const handles = [];
    for (const id of ids) handles.push(await on.executor.start(agent, { id, input: "go", lane: "x" }));
    await on.executor.recover();
    await Promise.all(handles.map(({ result }) => result));
    return "finished";
  };
  const how = await world.clock.until(Promise.race([finish(world), crashed]));
  if (how === "crashed") {
    world = createWorld(script, { ...options, from: { ...world, store: world.store.peer("memory/2") } });
    await world.clock.until(finish(world));
  }
  return { world, effects, crashed: how === "crashed" };
}

/** When a run was driven, from its journal: between its beginning and its end. */
async function spanOf({ store }: World, run: string): Promise<readonly [begun: number, ended: number]> {
  const events = await store.journal.read(run);
  const begun = events.filter(({ type }) => type === "run.dequeued");
  expect(begun).toHaveLength(1);
  return [begun[0]?.at ?? 0, events.at(-1)?.at ?? 0];
}

describe("lanes", () => {
  it.each(["before", "after"] as const)("S36 survive a crash %s each write: every run begins once and ends", async (when) => {
    let points = 0;
    for (let at = 0; ; at++) {
      const { world, effects, crashed } = await play({ at, when });
      if (!crashed) break;
      points++;
      const where = `${when} write ${at}`;
      const rows = await world.store.runs.list();
      expect(Object.fromEntries(rows.map(({ run, status }) => [run, status])), where).toEqual({
        a: "completed",
        b: "completed",
        c: "completed",
      });
      expect(new Set(effects).size, where).toBe(effects.length);
      const spans = (await Promise.all(ids.map((run) => spanOf(world, run)))).toSorted(([a], [b]) => a - b);
      for (const [i, [begun]] of spans.entries()) expect(begun, where).toBeGreaterThanOrEqual(spans[i - 1]?.[1] ?? 0);
      expect(await world.store.lanes.heads({ limit: 10 }), where).toEqual([]);
    }
    expect(points).toBeGreaterThanOrEqual(15);
  });
});
