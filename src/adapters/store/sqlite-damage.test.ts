import { appendFileSync, copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { batch, event, FINISHED, newRun, SETTLING } from "../../testing/store-conformance-data.ts";
import { checkStore } from "./sqlite-maintenance.ts";
import { newFolder, openForTest } from "../../../test/support/sqlite-store.ts";
import { SCHEMA_VERSION } from "./sqlite-schema.ts";
import { openSqliteStore } from "./sqlite.ts";

/** A closed store of three runs with five events each; the text of event n of run r is `r:n` and some more. */
async function closedStore(): Promise<string> {
  const file = join(await newFolder(), "store.db");
  await using store = openSqliteStore({ file });
  for (const run of ["a", "b", "c"]) {
    await store.runs.create(newRun(run, { events: [event("0.0", `${run}:0 ${"-".repeat(900)}`)] }));
    for (let seq = 1; seq < 5; seq++) {
      const events = [event(`${seq}.0`, `${run}:${seq} ${"-".repeat(900)}`)];
      await store.journal.append(batch(run, { seq, events, row: { step: seq } }));
    }
  }
  return file;
}

function change(file: string, statement: string): void {
  const db = new DatabaseSync(file);
  db.exec(statement);
  db.close();
}

/** Reading run b stops at `seq`, and everything else goes on. */
async function expectOnlyDamaged(file: string, seq: number): Promise<void> {
  const store = openForTest({ file });
  const where = { code: "journal_damaged", run: "b", file, message: expect.stringMatching(`run b in .* damaged at seq ${seq}:`) };
  await expect(store.journal.read("b")).rejects.toMatchObject(where);
  for (const sound of ["a", "c"]) expect(await store.journal.read(sound)).toHaveLength(5);
  expect(await store.journal.append(batch("a", { seq: 5, epoch: 1 }))).toEqual({ ok: true });
  const { problems } = await checkStore(file);
  expect(problems).toMatchObject([{ run: "b", seq }]);
}

describe("a damaged SQLite store", () => {
  it("names run and seq of a record with a flipped bit, and goes on with the other runs", async () => {
    const file = await closedStore();
    const bytes = readFileSync(file);
    const at = bytes.indexOf("b:3 ") + 10;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await expectOnlyDamaged(file, 3);
    const store = openForTest({ file });
    expect(await store.journal.read("b", { limit: 3 })).toHaveLength(3);
    await expect(store.journal.read("b", { after: 3 })).resolves.toHaveLength(1);
  });

  const places = "(SELECT id * 16777216 FROM runs WHERE run = 'b')";
  const damages: readonly [what: string, seq: number, statement: string][] = [
    ["a changed header", 2, `UPDATE events SET at = at + 1 WHERE place = ${places} + 2`],
    ["a changed active time", 2, `UPDATE events SET active = active + 0.5 WHERE place = ${places} + 2`],
    ["a changed epoch", 2, `UPDATE events SET epoch = 7 WHERE place = ${places} + 2`],
    ["a missing record", 1, `DELETE FROM events WHERE place = ${places} + 1`],
    ["a missing first record", 0, `DELETE FROM events WHERE place = ${places}`],
    ["a lost tail", 4, `DELETE FROM events WHERE place = ${places} + 4`],
    [
      "a record of another run in its place",
      2,
      `UPDATE events SET (body, sum) = (SELECT body, sum FROM events WHERE place =
      (SELECT id * 16777216 + 2 FROM runs WHERE run = 'a')) WHERE place = ${places} + 2`,
    ],
    [
      "a head that belongs to another journal",
      5,
      "UPDATE heads SET sum = zeroblob(16) WHERE id = (SELECT id FROM runs WHERE run = 'b')",
    ],
    [
      "a body and a sum that were made to fit each other but not the rest",
      3,
      `UPDATE events SET sum = zeroblob(16) WHERE place = ${places} + 3`,
    ],
  ];
  it.each(damages)("finds %s", async (_what, seq, statement) => {
    expect.hasAssertions();
    const file = await closedStore();
    change(file, statement);
    await expectOnlyDamaged(file, seq);
  });

  it("does not let a journal pass for another run's", async () => {
    const file = await closedStore();
    change(file, "UPDATE runs SET run = 'd' WHERE run = 'b'");
    await expect(openForTest({ file }).journal.read("d")).rejects.toMatchObject({ code: "journal_damaged", run: "d" });
  });

  it("is reported where the row and the journal of a run disagree, and where records belong to nobody", async () => {
    const file = await closedStore();
    change(
      file,
      "UPDATE heads SET finished = 1 WHERE id = 1; UPDATE heads SET step = 9 WHERE id = 2; PRAGMA foreign_keys = OFF; DELETE FROM runs WHERE id = 3",
    );
    const { problems } = await checkStore(file, { project: (events) => ({ step: events.length - 1 }) });
    expect(problems).toEqual([
      { run: "a", message: expect.stringContaining("whether it has ended") },
      { run: "b", message: "the run's row says step 9, its journal 4" },
      { message: "5 records belong to no run" },
    ]);
  });

  it("is refused when it was cut short, naming the file", async () => {
    const file = await closedStore();
    for (const bytes of [9_000, 60]) {
      truncateSync(file, bytes);
      expect(() => openSqliteStore({ file })).toThrow(expect.objectContaining({ code: "store_damaged", file }));
      expect((await checkStore(file)).problems).toEqual([{ message: expect.stringContaining("damaged") }]);
    }
  });

  it("has everything up to a cut in its log", async () => {
    const folder = await newFolder();
    const file = join(folder, "store.db");
    const store = openForTest({ file });
    await store.runs.create(newRun("r"));
    for (let seq = 1; seq <= 20; seq++) await store.journal.append(batch("r", { seq }));
    const copy = join(folder, "copy.db");
    for (const suffix of ["", "-wal"]) copyFileSync(file + suffix, copy + suffix);
    truncateSync(`${copy}-wal`, readFileSync(`${copy}-wal`).length - 5_000);
    appendFileSync(`${copy}-wal`, Buffer.alloc(2_000, 7));
    const events = await openForTest({ file: copy }).journal.read("r");
    expect(events.length).toBeGreaterThan(15);
    expect(events.length).toBeLessThan(21);
    expect((await checkStore(copy)).problems).toEqual([]);
  });
});

describe("a file that is no store of ours", () => {
  it("is refused and left as it is", async () => {
    const folder = await newFolder();
    const text = join(folder, "notes.txt");
    writeFileSync(text, "Dear diary, ".repeat(100));
    const other = join(folder, "other.db");
    change(other, "CREATE TABLE mail (id INTEGER PRIMARY KEY); PRAGMA user_version = 3");
    for (const file of [text, other]) {
      const before = readFileSync(file);
      for (const readOnly of [false, true]) {
        expect(() => openSqliteStore({ file, readOnly })).toThrow(expect.objectContaining({ code: "store_foreign", file }));
      }
      await expect(checkStore(file)).rejects.toMatchObject({ code: "store_foreign" });
      expect(readFileSync(file).equals(before)).toBe(true);
      expect(existsSync(`${file}-wal`)).toBe(false);
    }
  });

  it.each([SCHEMA_VERSION + 1, 99])("is refused when a newer version wrote it: %i", async (version) => {
    const file = await closedStore();
    change(file, `PRAGMA user_version = ${version}`);
    for (const readOnly of [false, true]) {
      const error = {
        code: "store_newer",
        file,
        message: expect.stringContaining(`format ${version};`),
        hint: expect.stringContaining("Install"),
      };
      expect(() => openSqliteStore({ file, readOnly })).toThrow(expect.objectContaining(error));
    }
  });

  it("is taken when it is empty", async () => {
    const file = join(await newFolder(), "store.db");
    writeFileSync(file, "");
    expect(await openForTest({ file }).runs.create(newRun("r", { events: [SETTLING, FINISHED] }))).toMatchObject({
      created: true,
    });
  });
});
