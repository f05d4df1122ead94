import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { ASKS, AT, batch, epochOf, event, FINISHED, newRun, SETTLING, steer } from "../../testing/store-conformance-data.ts";
import type { BudgetWindow, LimitedAccount } from "../../ports/budget.ts";
import type { EventBody } from "../../ports/events.ts";
import type { Store } from "../../ports/store.ts";
import { createMemoryBlobs } from "../blobs/memory.ts";
import { createMemoryStore } from "./memory.ts";
import { backupStore, checkStore, exportRuns, importRuns, pruneStore } from "./sqlite-maintenance.ts";
import { newFolder, openForTest, startChild } from "../../../test/support/sqlite-store.ts";

const HASH = "ab".repeat(32);
/** The one blob of these runs is nowhere. */
const WITHOUT_BLOBS = { blobs: false } as const;

function withBlob(hash: string): EventBody {
  const data = { type: "blob", hash, bytes: 3 } as const;
  return {
    type: "tool.ended",
    call: "1.0",
    outcome: "ok",
    output: { type: "content", value: [{ type: "file", mediaType: "image/png", data }] },
  };
}

/** `live` is unfinished and has input waiting; `done` is finished; `asks` waits for a person. */
async function fill(store: Store): Promise<void> {
  const consumed: EventBody = { type: "steer.received", id: "s1", content: [] };
  await store.runs.create(newRun("live", { labels: { env: "prod" }, caller: "ann" }));
  await store.inbox.send("live", steer("s1"));
  await store.inbox.send("live", steer("s2", "žluťoučký"));
  await store.journal.append(
    batch("live", { events: [consumed, withBlob(HASH)], consumed: ["s1"], row: { step: 2, costUsd: "unknown" } }),
  );
  await store.runs.create(
    newRun("done", { at: AT + 1, events: [event("0.0"), SETTLING, FINISHED], row: { status: "completed" } }),
  );
  await store.runs.create(newRun("asks", { at: AT + 2 }));
  await store.owners.release("asks", 1, { status: "waiting", waitingFor: ASKS });
}

async function linesOf(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe("checking a store", () => {
  it("finds nothing wrong with a sound one, also while a process writes into it", async () => {
    const file = join(await newFolder(), "store.db");
    await fill(openForTest({ file }));
    const child = startChild(`
      const store = openSqliteStore({ file: ${JSON.stringify(file)} });
      await store.runs.create(newRun("busy"));
      for (let seq = 1; ; seq++) { await store.journal.append(batch("busy", seq)); if (seq === 20) say("busy"); }
    `);
    await child.line();
    const report = await checkStore(file);
    expect(report.problems).toEqual([]);
    expect(report.runs).toBe(4);
    expect(report.events).toBeGreaterThan(20 + 7);
    expect([...report.blobsReferenced]).toEqual([HASH]);
  });
});

describe("backing up a store", () => {
  it("copies it whole while it is being written, as one file that opens as a store", async () => {
    const folder = await newFolder();
    const file = join(folder, "store.db");
    const store = openForTest({ file });
    await fill(store);
    const child = startChild(`
      const store = openSqliteStore({ file: ${JSON.stringify(file)} });
      await store.runs.create(newRun("busy"));
      for (let seq = 1; ; seq++) { await store.journal.append(batch("busy", seq)); if (seq === 20) say("busy"); }
    `);
    await child.line();
    const target = join(folder, "backups", "monday.db");
    const report = await backupStore(file, target);
    child.process.kill("SIGKILL");
    expect(report.problems).toEqual([]);
    expect(existsSync(`${target}-wal`)).toBe(false);
    const copy = openForTest({ file: target });
    expect(await copy.journal.read("live")).toEqual(await store.journal.read("live"));
    const busy = await copy.journal.read("busy");
    expect(busy.length).toBeGreaterThan(20);
    expect(busy).toEqual((await store.journal.read("busy")).slice(0, busy.length));
  });

  it("never overwrites a file", async () => {
    const folder = await newFolder();
    const file = join(folder, "store.db");
    await fill(openForTest({ file }));
    const target = join(folder, "taken.txt");
    writeFileSync(target, "mine");
    await expect(backupStore(file, target)).rejects.toMatchObject({ code: "request_invalid", file: target });
    await expect(backupStore(join(folder, "nothing.db"), join(folder, "copy.db"))).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(readFileSync(target, "utf8")).toBe("mine");
  });

  it("leaves nothing behind when the store is damaged", async () => {
    const folder = await newFolder();
    const file = join(folder, "store.db");
    const store = openForTest({ file });
    await fill(store);
    await store[Symbol.asyncDispose]();
    const db = new DatabaseSync(file);
    db.exec("UPDATE events SET at = at + 1 WHERE id = 1");
    db.close();
    const target = join(folder, "copy.db");
    await expect(backupStore(file, target)).rejects.toMatchObject({ code: "store_damaged" });
    expect(existsSync(target)).toBe(false);
  });
});

describe("exporting and importing runs", () => {
  it("carries journals, rows, waiting input and what was consumed to another store, where the runs go on", async () => {
    const folder = await newFolder();
    const store = openForTest({ file: join(folder, "from.db") });
    await fill(store);
    const target = openForTest({ file: join(folder, "to.db") });
    await target.runs.create(newRun("other"));
    expect(await importRuns(target, exportRuns(store, undefined, WITHOUT_BLOBS))).toEqual({
      imported: 3,
      skipped: 0,
      blobs: 0,
      deliveries: 0,
    });
    for (const run of ["live", "done", "asks"]) expect(await target.journal.read(run)).toEqual(await store.journal.read(run));
    const { owner: _, ...live } = (await store.runs.get("live")) ?? {};
    expect(await target.runs.get("live")).toEqual({ ...live, status: "interrupted" });
    expect(await target.runs.get("done")).toEqual(await store.runs.get("done"));
    expect(await target.runs.get("asks")).toEqual(await store.runs.get("asks"));
    expect((await target.inbox.pending("live")).map((entry) => entry.id)).toEqual(["s2"]);
    expect(await target.inbox.send("live", steer("s1"))).toBe("duplicate");
    expect(await target.inbox.send("done", steer("x"))).toBe("run_finished");
    expect(await target.owners.orphans(10)).toEqual(["live"]);
    const epoch = epochOf(await target.owners.claim("live"));
    expect(epoch).toBe(2);
    expect(await target.journal.append(batch("live", { seq: 3, epoch }))).toEqual({ ok: true });
    expect((await checkStore(target.file)).problems).toEqual([]);
  });

  it("leaves runs that are there already as they are, so that it can be repeated", async () => {
    const folder = await newFolder();
    const store = openForTest({ file: join(folder, "from.db") });
    await fill(store);
    const lines = await linesOf(exportRuns(store, ["done", "live"], WITHOUT_BLOBS));
    expect(lines).toHaveLength(2 + 2 + 3 + 3 + 1);
    const target = openForTest({ file: join(folder, "to.db") });
    expect(await importRuns(target, lines)).toEqual({ imported: 2, skipped: 0, blobs: 0, deliveries: 0 });
    expect(await importRuns(target, lines)).toEqual({ imported: 0, skipped: 2, blobs: 0, deliveries: 0 });
    expect(await linesOf(exportRuns(target, ["done"], WITHOUT_BLOBS))).toEqual(
      await linesOf(exportRuns(store, ["done"], WITHOUT_BLOBS)),
    );
    await expect(linesOf(exportRuns(store, ["nobody"], WITHOUT_BLOBS))).rejects.toMatchObject({
      code: "run_unknown",
      run: "nobody",
    });
  });

  it("takes the runs of a store in memory", async () => {
    const memory = createMemoryStore();
    await fill(memory);
    const target = openForTest({ file: join(await newFolder(), "to.db") });
    expect(await importRuns(target, exportRuns(memory, undefined, WITHOUT_BLOBS))).toEqual({
      imported: 3,
      skipped: 0,
      blobs: 0,
      deliveries: 0,
    });
    expect(await target.journal.read("live")).toEqual(await memory.journal.read("live"));
  });

  it("refuses lines that were damaged or cut on the way, run by run", async () => {
    const folder = await newFolder();
    const store = openForTest({ file: join(folder, "from.db") });
    await fill(store);
    const lines = await linesOf(exportRuns(store, ["done", "live"], WITHOUT_BLOBS));
    const damaged = (at: number, from: string, to: string): string[] => lines.with(at, lines[at]?.replace(from, to) ?? "");
    const cases: readonly [lines: readonly string[], error: object, imported: readonly string[]][] = [
      [damaged(7, '"s1"', '"s9"'), { run: "live", message: expect.stringContaining("seq 1 (line 8)") }, ["done"]],
      [damaged(3, '"at":1', '"at":2'), { run: "done", message: expect.stringContaining("seq 1") }, []],
      [damaged(1, '"events":3', '"events":2'), { message: expect.stringContaining("line 5") }, ["done"]],
      [lines.toSpliced(2, 1), { run: "done", message: expect.stringContaining("seq 0") }, []],
      [lines.slice(0, -1), { message: expect.stringContaining("too soon") }, ["done", "live"]],
      [lines.slice(0, 7), { run: "live" }, ["done"]],
      [lines.toSpliced(5, 5), { message: expect.stringContaining("2 runs were exported, 1 are here") }, ["done"]],
      [lines.slice(1), { code: "request_invalid", message: expect.stringContaining("not an export") }, []],
      [["", "{"], { code: "request_invalid", message: expect.stringContaining("not an export") }, []],
      [[], { code: "request_invalid", message: expect.stringContaining("not an export") }, []],
    ];
    for (const [i, [given, error, imported]] of cases.entries()) {
      const target = openForTest({ file: join(folder, `to${i}.db`) });
      await expect(importRuns(target, given), `case ${i}`).rejects.toMatchObject({ code: "journal_damaged", ...error });
      expect((await target.runs.list()).map((row) => row.run)).toEqual(imported);
    }
    const newer = lines.with(0, lines[0]?.replace('"version":2', '"version":3') ?? "");
    await expect(importRuns(openForTest({ file: join(folder, "to.db") }), newer)).rejects.toMatchObject({ code: "store_newer" });
  });
});

describe("pruning a store", () => {
  it("removes finished runs that are old, then the blobs that nothing refers to, and gives the space back", async () => {
    const file = join(await newFolder(), "store.db");
    const store = openForTest({ file });
    const blobs = createMemoryBlobs({ now: () => AT });
    const [kept, waiting, dropped] = await Promise.all([1, 2, 3].map((byte) => blobs.put(new Uint8Array([byte]))));
    const bulk = Array.from({ length: 40 }, (_, i) => event(`${i}`, "x".repeat(10_000)));
    await store.runs.create(newRun("old", { events: [...bulk, withBlob(dropped ?? ""), SETTLING, FINISHED] }));
    await store.runs.create(newRun("young", { at: AT + 1_000, events: [SETTLING, FINISHED] }));
    await store.runs.create(newRun("live", { events: [withBlob(kept ?? "")] }));
    const data = { type: "blob", hash: waiting ?? "", bytes: 1 } as const;
    await store.inbox.send("live", { id: "i", kind: "steer", content: [{ type: "file", mediaType: "image/png", data }] });
    const report = await pruneStore(store, { finishedBefore: AT + 1, blobs, blobGraceMs: -1 });
    expect(report).toEqual({ runs: 1, blobs: 1, windows: 0 });
    expect((await store.runs.list()).map((row) => row.run)).toEqual(["young", "live"]);
    await expect(blobs.get(dropped ?? "")).rejects.toMatchObject({ code: "blob_missing" });
    expect(await blobs.get(kept ?? "")).toHaveLength(1);
    expect(await blobs.get(waiting ?? "")).toHaveLength(1);
    await store[Symbol.asyncDispose]();
    expect(statSync(file).size).toBeLessThan(200_000);
    expect((await checkStore(file)).problems).toEqual([]);
  });

  it("removes what budgets counted in windows that ended as long ago, and nothing that is reserved or has no end", async () => {
    const store = openForTest({ file: join(await newFolder(), "store.db") });
    const { budgets } = store;
    const amount = { usd: 1, tokens: 0, seconds: 0, calls: 1 };
    const count = (effect: string, accounts: readonly LimitedAccount[], isOpen = false) =>
      budgets?.apply(
        "r",
        isOpen ? { reserve: { effect, amount, spare: amount, accounts } } : { settle: [{ effect, amount, accounts }] },
      );
    const window = (kind: BudgetWindow, since: string): LimitedAccount => {
      const key = `${kind} ${since}`;
      return { key, per: "caller", name: "ann", window: kind, since: Date.parse(since), limit: { usd: 9 } };
    };
    await count("1", [
      window("hour", "2026-03-30T23:00Z"),
      window("hour", "2026-03-31T00:00Z"),
      window("day", "2026-03-30"),
      window("day", "2026-03-31"),
      window("month", "2026-02-01"),
      window("month", "2026-03-01"),
      { ...window("run", "1970-01-01"), root: "r" },
    ]);
    await count("2", [window("day", "2026-01-05")], true);
    const report = await pruneStore(store, { finishedBefore: Date.parse("2026-03-31T00:00Z") });
    expect(report).toEqual({ runs: 0, blobs: 0, windows: 3 });
    expect((await budgets?.standings())?.map(({ key }) => key)).toEqual([
      "day 2026-01-05",
      "day 2026-03-31",
      "hour 2026-03-31T00:00Z",
      "month 2026-03-01",
      "run 1970-01-01",
    ]);
  });
});
