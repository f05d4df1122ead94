import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { batch, event, newRun } from "../../testing/store-conformance-data.ts";
import { checkVersion, networkFileSystem, openWriter } from "./sqlite-connection.ts";
import { checkStore } from "./sqlite-maintenance.ts";
import { pragma } from "./sqlite-schema.ts";
import { newFolder, openForTest, startChild } from "../../../test/support/sqlite-store.ts";
import { openSqliteStore } from "./sqlite.ts";

describe("what a SQLite store has acknowledged", () => {
  it("is seen by an independent connection when the promise resolves", async () => {
    const file = join(await newFolder(), "store.db");
    const store = openForTest({ file });
    await store.runs.create(newRun("r"));
    const other = new DatabaseSync(file, { readOnly: true });
    const count = other.prepare("SELECT count(*) AS n FROM events");
    for (let seq = 1; seq < 5; seq++) {
      await store.journal.append(batch("r", { seq }));
      expect(count.get()).toEqual({ n: seq + 1 });
    }
    other.close();
  });

  it("is written by a connection that flushes every commit and trusts nothing", async () => {
    const db = openWriter(join(await newFolder(), "store.db"));
    const settings = ["synchronous", "foreign_keys", "trusted_schema", "cell_size_check", "auto_vacuum", "application_id"];
    expect(settings.map((name) => pragma(db, name))).toEqual([2, 1, 0, 1, 2, 0x45584543]);
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(pragma(db, "busy_timeout")).toBeGreaterThan(0);
    expect(() => db.exec("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")).toThrow(/may not be modified/);
    db.close();
  });

  const hasStrace = spawnSync("strace", ["-e", "trace=none", "true"]).status === 0;
  it.skipIf(!hasStrace)("was flushed to disk before the acknowledgement (needs strace)", { timeout: 60_000 }, async () => {
    const folder = await newFolder();
    const trace = join(folder, "trace");
    const child = startChild(
      `
      const store = openSqliteStore({ file: ${JSON.stringify(join(folder, "store.db"))} });
      await store.runs.create(newRun("r"));
      for (let seq = 1; seq <= 5; seq++) {
        await store.journal.append(batch("r", seq));
        say("acknowledged " + seq);
      }
      process.exit(0);
    `,
      { under: ["strace", "-f", "-y", "-qq", "-s", "60", "-o", trace, "-e", "trace=write,pwrite64,fsync,fdatasync"] },
    );
    await child.ended;
    const calls = readFileSync(trace, "utf8").split("\n");
    for (let seq = 1; seq <= 5; seq++) {
      const acknowledged = calls.findIndex((call) => call.includes(`"acknowledged ${seq}`));
      const before = calls.slice(0, acknowledged);
      const written = before.findLastIndex((call) => /pwrite64\(.*store\.db-wal/.test(call));
      const flushed = before.findLastIndex((call) => /f(data)?sync\(.*store\.db-wal/.test(call));
      const previous = before.findLastIndex((call) => call.includes("acknowledged"));
      expect(acknowledged).toBeGreaterThan(0);
      expect(written).toBeGreaterThan(previous);
      expect(flushed).toBeGreaterThan(written);
    }
  });
});

describe("a SQLite store on a disk that is full", () => {
  const canMount = process.getuid?.() === 0 && mountWorks();
  it.skipIf(!canMount)("rejects what it cannot keep, loses nothing, and goes on when there is room (needs a mount)", async () => {
    const folder = await newFolder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
    onTestFinished(() => {
      execFileSync("umount", ["-l", folder]);
    });
    const file = join(folder, "store.db");
    const store = openSqliteStore({ file });
    await store.runs.create(newRun("r"));
    await store.runs.create(newRun("q"));
    writeFileSync(join(folder, "ballast"), Buffer.alloc(600_000));
    let seq = 0;
    const appendNext = (): Promise<unknown> =>
      store.journal.append(batch("r", { seq: ++seq, events: [event(`${seq}.0`, "x".repeat(5_000))] })).then(
        () => undefined,
        (error: unknown) => error,
      );
    let refusal = await appendNext();
    while (refusal === undefined) refusal = await appendNext();
    expect(refusal).toMatchObject({ code: "store_unavailable", retryable: true, file, message: expect.stringContaining("full") });
    const large = [event("0.1", "x".repeat(900_000))];
    const both = [store.journal.append(batch("q", { events: large })), store.journal.append(batch("r", { seq, events: large }))];
    for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe("rejected");
    expect(await store.journal.read("r")).toHaveLength(seq);
    expect(await store.journal.read("q")).toHaveLength(1);

    rmSync(join(folder, "ballast"));
    expect(await store.journal.append(batch("r", { seq, events: [event(`${seq}.0`)] }))).toEqual({ ok: true });
    expect(await store.journal.append(batch("q"))).toEqual({ ok: true });
    await store[Symbol.asyncDispose]();
    expect((await checkStore(file)).problems).toEqual([]);
  });
});

describe("a SQLite store that cannot be written", () => {
  it("opens for reading without making or changing anything", async () => {
    const folder = await newFolder();
    const file = join(folder, "store.db");
    expect(() => openSqliteStore({ file, readOnly: true })).toThrow(
      expect.objectContaining({ code: "store_unavailable", file, hint: expect.stringContaining("--db") }),
    );
    await openSqliteStore({ file })[Symbol.asyncDispose]();
    const writer = openForTest({ file });
    await writer.runs.create(newRun("r"));
    const reader = openForTest({ file, readOnly: true });
    expect((await reader.runs.get("r"))?.status).toBe("running");
    expect(await reader.journal.read("r")).toHaveLength(1);
    const refused = { code: "store_unavailable", file };
    await expect(reader.journal.append(batch("r"))).rejects.toMatchObject(refused);
    await expect(reader.runs.create(newRun("q"))).rejects.toMatchObject(refused);
    await expect(reader.inbox.send("r", { id: "i", kind: "kill" })).rejects.toMatchObject(refused);
    await expect(reader.owners.claim("r")).rejects.toMatchObject(refused);
  });

  // Root may write anywhere, so root lets nobody look; nobody must be able to read this code for that.
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const canRead = spawnSync(
    process.execPath,
    ["-e", `require("node:fs").readFileSync(${JSON.stringify(import.meta.filename)})`],
    asNobody,
  );
  it.skipIf(canRead.status !== 0)(
    "can be looked at by a user who may not write in its folder, and tells why writing fails (needs a second user who may read this)",
    async () => {
      const folder = await newFolder();
      const place = join(folder, "place");
      mkdirSync(place);
      const file = join(place, "store.db");
      const store = openSqliteStore({ file });
      await store.runs.create(newRun("r"));
      await store[Symbol.asyncDispose]();
      chmodSync(folder, 0o755);
      chmodSync(file, 0o444);
      chmodSync(place, 0o555);
      onTestFinished(() => chmodSync(place, 0o755));
      const child = startChild(
        `
      const file = ${JSON.stringify(file)};
      const reader = openSqliteStore({ file, readOnly: true });
      say(JSON.stringify((await reader.runs.list()).map((row) => row.run)));
      say(String((await reader.journal.read("r")).length));
      await reader[Symbol.asyncDispose]();
      try { openSqliteStore({ file }); say("opened"); } catch (error) { say(error.code + " " + error.file + " " + error.message); }
    `,
        asNobody,
      );
      expect(await child.line()).toBe('["r"]');
      expect(await child.line()).toBe("1");
      expect(await child.line()).toMatch(new RegExp(`^store_unavailable ${file} .*(read-only|may not|could not)`));
      expect(statSync(place).mode & 0o777).toBe(0o555);
    },
  );

  it("is refused where its folder cannot be made, on network disks, and with an old SQLite", async () => {
    const folder = await newFolder();
    const blocker = join(folder, "file");
    writeFileSync(blocker, "");
    const file = join(blocker, "store.db");
    expect(() => openSqliteStore({ file })).toThrow(expect.objectContaining({ code: "store_unavailable", file }));
    expect([0x6969, 0xff534d42, -11317950].map(networkFileSystem)).toEqual(["NFS", "SMB", "SMB"]);
    expect([0xef53, 0x01021994, 0x65735546].map(networkFileSystem)).toEqual([undefined, undefined, undefined]);
    for (const old of ["3.51.2", "3.50.9", "2.99.99", undefined]) {
      expect(() => checkVersion(old)).toThrow(expect.objectContaining({ code: "not_supported" }));
    }
    for (const good of ["3.51.3", "3.53.4", "4.0.0"]) expect(() => checkVersion(good)).not.toThrow();
  });
});

function mountWorks(): boolean {
  const tried = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]);
  return tried.status === 0;
}
