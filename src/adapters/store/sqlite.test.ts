import { statSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newFolder, openForTest, startChild } from "../../../test/support/sqlite-store.ts";
import type { EventBody } from "../../ports/events.ts";
import type { RunRowChange, Store } from "../../ports/store.ts";
import { ASKS, AT, batch, event, FINISHED, newRun, SETTLING } from "../../testing/store-conformance-data.ts";
import { storeConformance } from "../../testing/store-conformance.ts";
import { SYSTEM_CLOCK } from "./sqlite-processes.ts";
import { openSqliteStore, type SqliteStoreOptions } from "./sqlite.ts";

const HOUR_MS = 3_600_000;

storeConformance({ describe, it }, "SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "executus-store-"));
  const opened: Store[] = [];
  const open = (options: Partial<SqliteStoreOptions> = {}): Store => {
    const store = openSqliteStore({ file: join(folder, "deep", "er", "store.db"), pollMs: 5, ...options });
    opened.push(store);
    return store;
  };
  const store = open({ self: "here/1" });
  return {
    store,
    second: async () => open({ self: "there/2" }),
    crash: async () => open({ self: "there/3", clock: { uptime: () => SYSTEM_CLOCK.uptime() + HOUR_MS } }),
    reopen: async () => {
      await store[Symbol.asyncDispose]();
      return open({ self: "here/4" });
    },
    close: async () => {
      await Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true });
    },
  };
});

describe("a SQLite store", () => {
  it("says so when it is used after it was closed, and can be closed twice", async () => {
    const file = join(await newFolder(), "store.db");
    const store = openSqliteStore({ file });
    await store.runs.create(newRun("r"));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    const closed = { code: "store_unavailable", retryable: false, file, message: expect.stringContaining("closed") };
    await expect(store.journal.append(batch("r"))).rejects.toMatchObject(closed);
    await expect(store.journal.read("r")).rejects.toMatchObject(closed);
    await expect(store.runs.get("r")).rejects.toMatchObject(closed);
  });

  it("writes what was asked for before it closes, and leaves one file", async () => {
    const folder = await newFolder();
    const store = openSqliteStore({ file: join(folder, "store.db") });
    await store.runs.create(newRun("r"));
    const append = store.journal.append(batch("r"));
    await store[Symbol.asyncDispose]();
    expect(await append).toEqual({ ok: true });
    expect(await readdir(folder)).toEqual(["store.db"]);
    expect(await openForTest({ file: join(folder, "store.db") }).journal.read("r")).toHaveLength(2);
  });

  it("writes few pages for a commit of a run that just goes on, and its row is as it was said to be", async () => {
    const file = join(await newFolder(), "store.db");
    const store = openForTest({ file });
    const row = { status: "running", waitingFor: null, dueAt: null, costUsd: 0.5 } as const;
    await store.runs.create(newRun("r", { row: { ...row, step: 0, tokens: 0 } }));
    let seq = 1;
    const append = async (more: RunRowChange): Promise<void> => {
      const events = [event("0", "x".repeat(1_000)), event("1", "y".repeat(180))];
      expect(await store.journal.append(batch("r", { seq, events, row: { ...row, ...more } }))).toEqual({ ok: true });
      seq += 2;
    };
    await append({ step: 1 });
    const before = statSync(`${file}-wal`).size;
    for (let step = 2; step < 42; step++) await append({ step, tokens: step * 10 });
    const pages = (statSync(`${file}-wal`).size - before) / (4_096 + 24) / 40;
    expect(pages).toBeLessThan(3.5);
    expect(await store.runs.get("r")).toMatchObject({ status: "running", step: 41, tokens: 410, costUsd: 0.5 });
    await append({ status: "waiting", waitingFor: ASKS, dueAt: AT + 5 });
    expect(await store.runs.get("r")).toMatchObject({ status: "waiting", waitingFor: ASKS, dueAt: AT + 5, step: 41 });
    await append({ step: 42 });
    expect(await store.runs.get("r")).toMatchObject({ status: "running", step: 42 });
    expect(await store.runs.get("r")).not.toHaveProperty("waitingFor");
    expect(await store.runs.get("r")).not.toHaveProperty("dueAt");
    await append({ step: 43 });
    expect(await store.runs.get("r")).toMatchObject({ status: "running", step: 43 });
  });

  it("refuses an event that is not JSON, and takes the next", async () => {
    const store = openForTest({ file: join(await newFolder(), "store.db") });
    await store.runs.create(newRun("r"));
    const odd = { type: "tool.ended", call: "0.1", outcome: "ok", output: { type: "json", value: 1n } } as unknown as EventBody;
    const outcomes = await Promise.allSettled([
      store.journal.append(batch("r", { events: [odd] })),
      store.journal.append(batch("r")),
    ]);
    expect(outcomes).toMatchObject([{ reason: { code: "port_failed", run: "r" } }, { value: { ok: true } }]);
  });

  it("keeps a process that is silent for less than the lease, and takes its runs after it", async () => {
    const file = join(await newFolder(), "store.db");
    let uptime = 1_000_000;
    let now = AT;
    const clock = { now: () => now, uptime: () => uptime };
    const store = openForTest({ file, clock });
    await store.runs.create(newRun("r", { at: AT }));
    const other = openForTest({ file, clock });
    uptime += 15_000;
    expect(await other.owners.claim("r")).toMatchObject({ reason: "owned" });
    now += 86_400_000;
    expect(await other.owners.claim("r")).toMatchObject({ reason: "owned" });
    expect(await other.owners.orphans(10)).toEqual([]);
    uptime += 1;
    expect(await store.owners.claim("r")).toMatchObject({ reason: "owned" });
    expect(await other.owners.orphans(10)).toEqual(["r"]);
    expect(await other.owners.claim("r")).toEqual({ ok: true, epoch: 2, after: "crash", activeMs: 0 });
  });

  it("charges nobody for the time in which nobody had the run, also when whoever took it died before it wrote anything", async () => {
    const file = join(await newFolder(), "store.db");
    let passed = 0;
    const clock = { now: () => AT + passed, uptime: () => 1_000_000 + passed };
    const next = (): Store => {
      passed += HOUR_MS;
      return openForTest({ file, clock });
    };
    await openForTest({ file, clock }).runs.create(newRun("r", { at: AT }));
    expect(await next().owners.claim("r")).toMatchObject({ after: "crash", activeMs: 0 });
    const third = next();
    expect(await third.owners.claim("r")).toMatchObject({ epoch: 3, after: "crash", activeMs: 0 });
    await third.owners.release("r", 3);
    expect(await next().owners.claim("r")).toMatchObject({ after: "released", activeMs: 0 });
    expect(await next().owners.claim("r")).toMatchObject({ after: "crash", activeMs: 0 });
  });

  it("keeps its runs for as long as it says that it is alive, though it writes nothing else", async () => {
    const file = join(await newFolder(), "store.db");
    let uptime = 1_000_000;
    const clock = { uptime: () => uptime };
    const store = openForTest({ file, clock, heartbeatMs: 5 });
    await store.runs.create(newRun("r"));
    const db = new DatabaseSync(file, { readOnly: true });
    const beat = db.prepare("SELECT heartbeat_up AS up FROM processes");
    for (let i = 0; i < 3; i++) {
      uptime += 14_000;
      for (let looks = 0; looks < 500 && beat.get()?.["up"] !== uptime; looks++) await delay(5);
    }
    db.close();
    expect(await openForTest({ file, clock }).owners.claim("r")).toMatchObject({ reason: "owned", owner: store.owners.self });
  });

  it("never gives a key of a removed run to another, so that a process that slept cannot write into it", async () => {
    const file = join(await newFolder(), "store.db");
    const sleeper = openForTest({ file });
    await sleeper.runs.create(newRun("old"));
    const later = () => SYSTEM_CLOCK.uptime() + HOUR_MS;
    const other = openForTest({ file, clock: { uptime: later } });
    await other.owners.claim("old");
    await other.journal.append(batch("old", { epoch: 2, events: [SETTLING, FINISHED] }));
    await other.runs.remove(["old"]);
    await other.runs.create(newRun("new"));
    expect(await sleeper.journal.append(batch("old"))).toEqual({ ok: false, reason: "fenced" });
    expect(await other.journal.read("new")).toHaveLength(1);
  });

  it("is seen as alive again when it goes on after others had forgotten it", async () => {
    const file = join(await newFolder(), "store.db");
    let uptime = 1_000_000;
    const clock = { uptime: () => uptime };
    const sleeper = openForTest({ file, clock });
    await sleeper.runs.create(newRun("r"));
    uptime += HOUR_MS;
    const other = openForTest({ file, clock });
    await other.owners.claim("r");
    await other.runs.create(newRun("q"));
    await sleeper.runs.create(newRun("new"));
    expect(await other.owners.claim("new")).toMatchObject({ reason: "owned", owner: sleeper.owners.self });
  });

  it("forgets dead processes once nothing is theirs", async () => {
    const file = join(await newFolder(), "store.db");
    for (let i = 0; i < 3; i++) {
      const child = startChild(`
        const store = openSqliteStore({ file: ${JSON.stringify(file)} });
        for (const run of await store.owners.orphans(10)) await store.owners.claim(run);
        await store.runs.create(newRun("r${i}"));
        say("made");
        await hear();
      `);
      await child.line();
      child.process.kill("SIGKILL");
      await child.ended;
    }
    const store = openForTest({ file });
    await store.owners.claim("r0");
    await store.runs.create(newRun("last"));
    const db = new DatabaseSync(file, { readOnly: true });
    expect(db.prepare("SELECT count(*) AS n FROM processes").get()).toEqual({ n: 2 });
    db.close();
  });
});
