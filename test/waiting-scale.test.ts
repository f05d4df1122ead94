/** Waiting runs cost a process nothing: no timer, no memory, no work, however many there are. */
import { expect, it } from "vitest";
import { openSqliteStore } from "../src/adapters/store/sqlite.ts";
import { createFakeClock } from "../src/testing/fake-clock.ts";
import { scriptedModel } from "../src/testing/scripted-model.ts";
import { createExecutor } from "../src/create-executor.ts";
import { park } from "./support/parked-runs.ts";
import { newFolder } from "./support/sqlite-store.ts";
import { makeAgent, makeTool } from "./support/world.ts";

it("S29 two thousand waiting runs take one timer, and only the one that is due goes on", async () => {
  const file = `${await newFolder()}/store.db`;
  const clock = createFakeClock();
  const soon = clock.now() + 60_000;
  {
    await using store = openSqliteStore({ file });
    await park(store, { prefix: "asleep", count: 2_000, at: clock.now() + 365 * 86_400_000 });
    await park(store, { prefix: "soon", count: 1, at: soon });
  }
  await using store = openSqliteStore({ file, clock: { now: () => clock.now() } });
  const models = scriptedModel([{ text: "" }, { text: "awake" }]);
  const agents = [makeAgent([makeTool("nap", async () => "never run again", { effect: "read" })])];
  await using executor = createExecutor({ models, store, agents, clock });
  expect(await executor.recover()).toEqual({ resumed: [], skipped: [] });
  expect(clock.pending).toBe(1);
  expect(await store.owners.orphans(10, clock.now())).toEqual([]);
  clock.advance(60_000);
  while ((await store.runs.get("soon0"))?.status !== "completed") await new Promise((resolve) => setImmediate(resolve));
  expect(models.calls.map(({ run }) => run)).toEqual(["soon0"]);
  expect(clock.pending).toBe(1);
  expect((await store.runs.list({ status: ["waiting"], limit: 3_000 })).length).toBe(2_000);
});
