import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { batch, event, FINISHED, newRun, SETTLING } from "../../testing/store-conformance-data.ts";
import type { Store } from "../../ports/store.ts";
import { newFolder, openForTest } from "../../../test/support/sqlite-store.ts";
import { checkStore } from "./sqlite-maintenance.ts";
import { BEHIND_AT_MOST } from "./sqlite-places.ts";
import { openSqliteStore } from "./sqlite.ts";

async function newFile(): Promise<string> {
  return join(await newFolder(), "store.db");
}

const textOf = (run: string, seq: number): string => `${run}:${seq}`;

/** Turn by turn, so that the rows of a run lie apart. */
async function append(store: Store, runs: readonly string[], { from = 1, to }: { readonly from?: number; readonly to: number }) {
  for (let seq = from; seq < to; seq++) {
    const all = runs.map((run) => store.journal.append(batch(run, { seq, events: [event(`${seq}.0`, textOf(run, seq))] })));
    expect(await Promise.all(all)).toEqual(runs.map(() => ({ ok: true })));
  }
}

async function fill(store: Store, runs: readonly string[], length: number): Promise<void> {
  for (const run of runs) await store.runs.create(newRun(run, { events: [event("0.0", textOf(run, 0))] }));
  await append(store, runs, { to: length });
}

async function expectWhole(store: Store, run: string, length: number): Promise<void> {
  const events = await store.journal.read(run);
  expect(events.map((read) => (read.type === "tool.ended" ? read.output.value : read.type))).toEqual(
    Array.from({ length }, (_, seq) => textOf(run, seq)),
  );
  for (const after of [0, Math.floor(length / 2), length - 2]) {
    expect(await store.journal.read(run, { after, limit: 1 })).toMatchObject([{ seq: after + 1 }]);
  }
}

function ask(file: string, query: string): number {
  const db = new DatabaseSync(file);
  try {
    return Number(Object.values(db.prepare(query).get() ?? {})[0]);
  } finally {
    db.close();
  }
}

function change(file: string, statements: string): void {
  const db = new DatabaseSync(file);
  db.exec(statements);
  db.close();
}

const BEHIND = "SELECT count(*) FROM events WHERE id > (SELECT until FROM placed)";

describe("where events lie in the log", () => {
  it("is found for all of them, placed or not yet, by the process that writes and by others", async () => {
    const file = await newFile();
    const store = openForTest({ file });
    const runs = ["a", "b", "c"];
    await fill(store, runs, 400);
    const behind = ask(file, BEHIND);
    expect(behind).toBeGreaterThan(0);
    expect(behind).toBeLessThan(BEHIND_AT_MOST);
    expect(ask(file, "SELECT count(*) FROM places")).toBe(1_200 - behind);
    const other = openForTest({ file, readOnly: true });
    for (const run of runs) {
      await expectWhole(store, run, 400);
      await expectWhole(other, run, 400);
    }
    expect((await checkStore(file)).problems).toEqual([]);
  });

  it("is written down by a process that ends, and counted by the next one where it was killed before", async () => {
    const file = await newFile();
    const store = openSqliteStore({ file });
    await fill(store, ["a"], 100);
    expect(ask(file, BEHIND)).toBe(100);
    await store[Symbol.asyncDispose]();
    expect(ask(file, BEHIND)).toBe(0);
    change(file, "DELETE FROM places WHERE event > 20; UPDATE placed SET until = 20");
    const next = openForTest({ file });
    await next.runs.create(newRun("b", { events: [event("0.0", textOf("b", 0))] }));
    await append(next, ["b"], { to: BEHIND_AT_MOST - 80 });
    expect(ask(file, BEHIND)).toBe(0);
    await expectWhole(next, "a", 100);
  });

  it("is not mistaken after the newest run was removed and its rows are given again", async () => {
    const file = await newFile();
    const store = openForTest({ file });
    await fill(store, ["old"], 10);
    await fill(store, ["gone"], 600);
    await store.journal.append(batch("gone", { seq: 600, events: [SETTLING, FINISHED] }));
    expect(await store.runs.remove(["gone"])).toBe(1);
    expect(ask(file, "SELECT count(*) FROM events")).toBe(10);
    await fill(store, ["new"], 50);
    await append(store, ["old"], { from: 10, to: 20 });
    await expectWhole(store, "new", 50);
    await expectWhole(store, "old", 20);
    expect(await store.journal.read("gone")).toEqual([]);
    expect((await checkStore(file)).problems).toEqual([]);
  });

  it.each([
    ["lost", "DELETE FROM places"],
    ["lost in part", "DELETE FROM places WHERE event % 7 = 0"],
    ["mixed up", "UPDATE places SET event = (SELECT max(event) FROM places) - event"],
    ["said to reach further than it does", "DELETE FROM places WHERE event > 30; UPDATE placed SET until = 1000000"],
  ])("damages no run where it is %s: the log is read instead, and the check tells", async (_how, statements) => {
    const file = await newFile();
    const store = openSqliteStore({ file });
    await fill(store, ["a", "b"], 60);
    await store[Symbol.asyncDispose]();
    change(file, statements);
    const next = openForTest({ file });
    for (const run of ["a", "b"]) await expectWhole(next, run, 60);
    await append(next, ["a"], { from: 60, to: 70 });
    await expectWhole(next, "a", 70);
    expect((await checkStore(file)).problems).toEqual([{ message: expect.stringContaining("does not fit the log") }]);
    await next.compact();
    expect((await checkStore(file)).problems).toEqual([]);
    await expectWhole(next, "a", 70);
  });

  it("is made for a file of format 1, which had an index", async () => {
    const file = await newFile();
    const store = openSqliteStore({ file });
    await fill(store, ["a", "b"], 30);
    await store[Symbol.asyncDispose]();
    const back = "DROP TABLE places; DROP TABLE placed; CREATE UNIQUE INDEX events_by_place ON events (place)";
    change(file, `${back}; PRAGMA user_version = 1`);
    const next = openForTest({ file });
    await expectWhole(next, "a", 30);
    await append(next, ["b"], { from: 30, to: 40 });
    await expectWhole(next, "b", 40);
    expect(ask(file, "SELECT count(*) FROM places")).toBe(60);
    expect((await checkStore(file)).problems).toEqual([]);
  });
});
