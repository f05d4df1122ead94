/** Bugs that other engines had with restarts of large, many and damaged runs on a file. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { SYSTEM_CLOCK } from "../../src/adapters/store/sqlite-processes.ts";
import { openSqliteStore, type SqliteStore } from "../../src/adapters/store/sqlite.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { turns, untilStatus } from "../support/backends.ts";
import { newFolder } from "../support/sqlite-store.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

const HOUR_MS = 3_600_000;

interface Started extends Omit<World, "store"> {
  readonly store: SqliteStore;
  stop(): Promise<void>;
}

/** The n-th process on a file: those before it are dead. */
function start(file: string, n: number, script: Script, options: WorldOptions = {}): Started {
  const clock = createFakeClock();
  const times = { now: () => clock.now(), uptime: () => SYSTEM_CLOCK.uptime() + n * HOUR_MS };
  const store = openSqliteStore({ file, self: `here/${n}`, clock: times });
  const world = createWorld(script, { through: () => store, from: { ...createWorld([]), clock }, ...options });
  const stop = async (): Promise<void> => {
    let isDown = false;
    void world.executor.shutdown({ graceMs: 0 }).then(() => (isDown = true));
    // The grace time of nothing passes; no other time does.
    for (; !isDown; world.clock.advance(0)) await turns(1);
    await store[Symbol.asyncDispose]();
  };
  onTestFinished(stop);
  return { ...world, store, stop };
}

it("mastra#22413 an approval after 50 MB of history is asked for, kept, and given from a cold process", async () => {
  const file = join(await newFolder(), "runs.db");
  const sent: string[] = [];
  const page = "x".repeat(200_000);
  const read = makeTool("read", async (input) => `${JSON.stringify(input)} ${page}`, { effect: "read" });
  const send = makeTool("send", async () => (sent.push("sent"), "sent"), { approval: "always" });
  const agent = makeAgent([read, send], { maxSteps: 20, compactionRatio: Infinity });
  const script: Script = ({ step }) => {
    if (step < 9) return { calls: Array.from({ length: 28 }, (_, n) => ({ name: "read", input: { step, n } })) };
    return step === 9 ? { calls: [{ name: "send" }] } : { text: "end" };
  };
  const first = start(file, 0, script, { agents: [agent] });
  const result = await first.clock.until(first.executor.run(agent, { input: "go", id: "r", unguarded: true }));
  expect(result).toMatchObject({ status: "waiting", waitingFor: { waits: [{ id: "r:9.0" }] } });
  const bytes = JSON.stringify(first.models.calls.at(-1)?.messages).length;
  expect(bytes).toBeGreaterThan(50_000_000);
  await first.store[Symbol.asyncDispose]();
  const next = start(file, 1, script, { agents: [agent], wakes: false });
  expect(await next.store.runs.get("r")).toMatchObject({ status: "waiting", waitingFor: { waits: [{ id: "r:9.0" }] } });
  await next.executor.send("r", { kind: "approve", approval: "r:9.0" });
  expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed", output: "end" });
  expect(JSON.stringify(next.models.calls.at(-1)?.messages).length).toBeGreaterThan(bytes);
  expect(sent).toEqual(["sent"]);
}, 60_000);

it("trigger.dev#1566 a hundred restarts multiply nothing: every table keeps its size, and the queue its order", async () => {
  const file = join(await newFolder(), "runs.db");
  const ask = makeTool("ask", async (_input, context) => context.ask("Which?"));
  const agent = makeAgent([ask], { recoveries: 1_000 });
  const script: Script = ({ run }) => {
    if (run === "over") return { text: "end" };
    return run === "waiting" ? { calls: [{ name: "ask" }] } : { hang: true };
  };
  const hanging: DeliveryAdapter = { kind: "file", deliver: () => new Promise(() => {}) };
  const options: WorldOptions = { agents: [agent], lanes: { x: { concurrency: 1 } }, delivery: { adapters: [hanging] } };
  const first = start(file, 0, script, options);
  await first.executor.start(agent, { input: "go", id: "waiting" });
  await untilStatus(first.store, "waiting", "waiting");
  await first.executor.start(agent, { input: "go", id: "over", delivery: { kind: "file" } });
  await untilStatus(first.store, "over", "completed");
  for (let i = 0; i < 5; i++) await first.executor.start(agent, { input: "go", id: `queued${i}`, lane: "x" });
  await first.stop();
  const after: Record<string, number>[] = [];
  for (let n = 1; n <= 100; n++) {
    const world = start(file, n, script, options);
    await world.executor.recover();
    await turns(2);
    if (n > 1) after.push(sizes(file));
    // Dead without a word: nothing is released, and its process row stays.
    if (n % 2 === 0) await world.stop();
  }
  const [{ events: few = 0, places: _before, ...others } = {}, { events: many = 0, places = 0, ...still } = {}] = [
    after[0],
    after.at(-1),
  ];
  expect(still).toEqual(others);
  // Where events lie is written down once for each.
  expect(places).toBeLessThanOrEqual(many);
  // The one that is driven says of each attempt that it began, and of its model call.
  expect(many - few).toBeLessThanOrEqual(2 * after.length);
  const last = start(file, 101, script, options);
  expect((await last.store.runs.list()).map(({ run, status }) => `${run} ${status}`).toSorted()).toEqual([
    "over completed",
    "queued0 interrupted",
    ...[1, 2, 3, 4].map((i) => `queued${i} queued`),
    "waiting waiting",
  ]);
  expect((await last.store.lanes.heads({ limit: 10 })).map(({ run }) => run)).toEqual(["queued1"]);
}, 60_000);

function sizes(file: string): Record<string, number> {
  const db = new DatabaseSync(file, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as unknown as { name: string }[];
  const rows = tables.map(({ name }) => [name, Number(db.prepare(`SELECT count(*) AS n FROM "${name}"`).get()?.["n"])]);
  db.close();
  return Object.fromEntries(rows) as Record<string, number>;
}

it("restate#4839, #3380 a damaged run is left out by name, and every other run is recovered", async () => {
  const file = join(await newFolder(), "runs.db");
  const agent = makeAgent([]);
  const first = start(file, 0, () => ({ hang: true }), { agents: [agent] });
  for (const id of ["a", "b", "c"]) await first.executor.start(agent, { input: `for ${id}`, id });
  while (first.models.calls.length < 3) await turns(1);
  await first.stop();
  const db = new DatabaseSync(file);
  db.exec(
    "UPDATE events SET body = replace(body, 'for b', 'for x') WHERE place = (SELECT id * 16777216 FROM runs WHERE run = 'b')",
  );
  db.close();
  const next = start(file, 1, ({ run }) => ({ text: `done ${run}` }), { agents: [agent] });
  const { resumed, skipped } = await next.executor.recover();
  expect(resumed.map(({ run }) => run).toSorted()).toEqual(["a", "c"]);
  expect(skipped).toMatchObject([{ run: "b", reason: expect.stringMatching(/run b in .* damaged at seq 0/) }]);
  expect(await Promise.all(resumed.map(({ result }) => result))).toMatchObject([
    { status: "completed" },
    { status: "completed" },
  ]);
  expect(next.models.calls.map(({ run }) => run).toSorted()).toEqual(["a", "c"]);
});
