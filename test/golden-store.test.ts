/** Store files that earlier versions wrote: every one is opened, listed and checked, and every run in it goes on to its end. */
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { SCHEMA_VERSION } from "../src/adapters/store/sqlite-schema.ts";
import { checkStore } from "../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore, type SqliteStore } from "../src/adapters/store/sqlite.ts";
import { storeViolations } from "../src/testing/index.ts";
import { GOLDEN_RUNS, type GoldenWorld, openGoldenWorld } from "./support/golden-store.ts";
import { newFolder, openForTest } from "./support/sqlite-store.ts";

const folder = join(import.meta.dirname, "golden/stores");
const files = readdirSync(folder).filter((name) => name.endsWith(".db"));
const current = `format-${SCHEMA_VERSION}.db`;
const COMMAND = "node --conditions=executus-source scripts/make-golden-store.ts";

async function copyOf(name: string): Promise<string> {
  const file = join(await newFolder(), name);
  copyFileSync(join(folder, name), file);
  return file;
}

const schemaOf = (file: string): readonly unknown[] => {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
  db.close();
  return rows.map((row) => ({ ...row }));
};

describe("golden store files", () => {
  it(`include one of the current format, ${SCHEMA_VERSION}: a new format gets a new one, by ${COMMAND}`, () => {
    expect(existsSync(join(folder, current)), `Make test/golden/stores/${current}: ${COMMAND}`).toBe(true);
  });

  it("of the current format have its layout: an unreleased one that changed is made again, a released one gets a new number", async () => {
    const fresh = join(await newFolder(), "fresh.db");
    await openSqliteStore({ file: fresh })[Symbol.asyncDispose]();
    expect(schemaOf(await copyOf(current)), `The layout of format ${SCHEMA_VERSION} is another one: ${COMMAND}`).toEqual(
      schemaOf(fresh),
    );
  });

  it.each(files)("%s is brought up to date, listed and checked", async (name) => {
    const file = await copyOf(name);
    const store = openForTest({ file });
    expect(schemaOf(file)).toEqual(expect.arrayContaining([expect.objectContaining({ name: "events" })]));
    const rows = await store.runs.list({ limit: 100 });
    const named = rows.filter(({ parent }) => parent === undefined);
    expect(Object.fromEntries(named.map(({ run, status }) => [run, status]))).toEqual(GOLDEN_RUNS);
    expect(rows.filter(({ parent }) => parent !== undefined)).toMatchObject([
      { parent: "lead", status: "waiting", agent: "helper" },
    ]);
    expect(rows.flatMap(({ owner }) => owner ?? [])).toEqual([]);
    expect(await storeViolations(store)).toEqual([]);
    expect((await checkStore(file)).problems).toEqual([]);
  });

  it.each(files.filter((name) => name !== current))("%s says what to do when it is opened for reading only", async (name) => {
    const file = await copyOf(name);
    const error = {
      code: "store_unavailable",
      file,
      message: expect.stringMatching(/has the older format \d+ and is open for reading only/),
      hint: expect.stringMatching("Open it once for writing"),
    };
    expect(() => openSqliteStore({ file, readOnly: true })).toThrow(expect.objectContaining(error));
    await openSqliteStore({ file })[Symbol.asyncDispose]();
    expect((await openForTest({ file, readOnly: true }).runs.list()).length).toBeGreaterThan(0);
  });

  it.each(files)("%s has runs that all go on to their ends, and do nothing twice", async (name) => {
    const file = await copyOf(name);
    const store = openForTest({ file });
    const world = openGoldenWorld(store, { report: { outcome: "delivered" }, isLeft: false });
    const [child] = await store.runs.list({ parent: "lead" });
    const before = await store.outbox.list();
    expect(before).toMatchObject([{ run: "to-be-delivered", status: "pending", attempts: 1, error: "nobody is there" }]);
    await bringToEnds(world, child?.run ?? "");
    const rows = await store.runs.list({ limit: 100 });
    expect(rows.filter(({ status }) => status !== "completed")).toEqual([]);
    expect(rows).toHaveLength(Object.keys(GOLDEN_RUNS).length + 1);
    // What was in flight is in doubt and reported, what had ended is not done again, and a key that is taken is one.
    expect(world.paid).toEqual([]);
    expect(await outcomes(store, "in-a-tool-call")).toEqual(["unknown"]);
    const again = await world.executor.start(world.clerk, { input: "Send.", idempotencyKey: "letter-7" });
    expect(again.run).toBe("wants-approval");
    expect(
      (await store.journal.read("in-a-model-call")).some((event) => event.type === "steer.received" && event.id === "unread"),
    ).toBe(true);
    expect(world.delivered).toEqual(before.map(({ id }) => id));
    expect(await store.outbox.list()).toMatchObject([{ status: "delivered", attempts: 2 }]);
    await world.executor.shutdown();
    const standings = (await store.budgets?.standings())?.filter(({ name: of }) => of === "acme") ?? [];
    expect(standings.length).toBeGreaterThan(0);
    expect(standings.filter(({ used, reserved }) => used.usd <= 0 || reserved.usd !== 0)).toEqual([]);
    expect(await storeViolations(store)).toEqual([]);
    expect((await checkStore(file)).problems).toEqual([]);
  });
});

async function bringToEnds({ executor }: GoldenWorld, child: string): Promise<void> {
  const { skipped } = await executor.recover();
  expect(skipped).toEqual([]);
  await executor.send("wants-approval", { kind: "approve", approval: "wants-approval:0.0" });
  await executor.send("asks-a-person", { kind: "answer", question: "asks-a-person:0.0", answer: "red" });
  await executor.send(child, { kind: "answer", question: `${child}:0.0`, answer: "blue" });
  for (const { id } of await executor.deliveries({ status: ["pending"] })) await executor.redeliver(id);
  await executor.deliver();
  const isOver = async (run: string): Promise<boolean> => (await executor.status(run))?.status === "completed";
  for (const run of [...Object.keys(GOLDEN_RUNS), child]) while (!(await isOver(run))) await pause(5);
}

async function outcomes(store: SqliteStore, run: string): Promise<readonly string[]> {
  return (await store.journal.read(run)).flatMap((event) => (event.type === "tool.ended" ? [event.outcome] : []));
}
