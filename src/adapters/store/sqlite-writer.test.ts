import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { newFolder, startChild } from "../../../test/support/sqlite-store.ts";
import { createWriter } from "./sqlite-writer.ts";

interface Subject {
  readonly db: DatabaseSync;
  readonly afterCommit: (then: () => void) => void;
  readonly file: string;
  readonly rollbacks: () => number;
  readonly write: <T>(operation: () => T) => Promise<T>;
  readonly insert: (value: string) => () => string;
  /** What an independent connection sees. */
  readonly seen: () => readonly unknown[];
}

async function open({ isAlone = false } = {}): Promise<Subject> {
  const file = join(await newFolder(), "store.db");
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5; CREATE TABLE t (value TEXT NOT NULL UNIQUE)");
  const other = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => {
    db.close();
    other.close();
  });
  let rollbacks = 0;
  const writer = createWriter({ db, file, isAlone: () => isAlone, onRollback: () => rollbacks++ });
  const statement = db.prepare("INSERT INTO t VALUES (?)");
  return {
    db,
    file,
    write: (operation) => writer.write(operation),
    afterCommit: (then) => writer.afterCommit(then),
    rollbacks: () => rollbacks,
    insert: (value) => () => {
      statement.run(value);
      return value;
    },
    seen: () =>
      other
        .prepare("SELECT value FROM t ORDER BY rowid")
        .all()
        .map((row) => row["value"]),
  };
}

describe("the writer", () => {
  it("commits what arrives in one turn together, and tells each once it is durable", async () => {
    const { write, insert, seen } = await open();
    const seenAt: (readonly unknown[])[] = [];
    const writes = ["a", "b", "c"].map((value) => write(insert(value)).then(() => seenAt.push(seen())));
    expect(seen()).toEqual([]);
    await Promise.all(writes);
    expect(seenAt).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });

  it("commits at once for a run that is alone, and still lets the event loop have its turn", async () => {
    const { write, insert, seen } = await open({ isAlone: true });
    let turns = 0;
    const count = (): NodeJS.Immediate => setImmediate(() => turns++ < 1_000 && count());
    count();
    await write(insert("first"));
    expect(turns).toBe(0);
    expect(seen()).toEqual(["first"]);
    for (let i = 0; turns < 3; i++) await write(insert(`${i}`));
    turns = 1_000;
  });

  it("lets one that fails fail alone", async () => {
    const { write, insert, seen, rollbacks } = await open();
    await write(insert("a"));
    const outcomes = await Promise.allSettled([
      write(insert("b")),
      write(insert("a")),
      write(() => {
        throw new TypeError("a mistake in an operation");
      }),
      write(insert("c")),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled", value: "b" },
      { status: "rejected", reason: { code: "port_failed", retryable: false } },
      { status: "rejected", reason: { name: "TypeError" } },
      { status: "fulfilled", value: "c" },
    ]);
    expect(seen()).toEqual(["a", "b", "c"]);
    expect(rollbacks()).toBeGreaterThan(0);
  });

  it("keeps nothing of a batch when the file is full, rejects all of it as worth another try, and goes on later", async () => {
    const { db, write, insert, seen, file } = await open();
    await write(insert("a"));
    const pages = db.prepare("PRAGMA page_count").get()?.["page_count"];
    db.exec(`PRAGMA max_page_count = ${String(pages)}`);
    const big = "x".repeat(100_000);
    const outcomes = await Promise.allSettled([write(insert("b")), write(insert(big)), write(insert("c"))]);
    const refused = { status: "rejected", reason: { code: "store_unavailable", retryable: true, file } };
    expect(outcomes).toMatchObject([refused, refused, refused]);
    expect(seen()).toEqual(["a"]);
    db.exec("PRAGMA max_page_count = 100000");
    await Promise.all([write(insert(big)), write(insert("b"))]);
    expect(seen()).toEqual(["a", big, "b"]);
  });

  it("calls what waits for the commit after it, and not when it was rolled back", async () => {
    const { write, afterCommit, insert, seen } = await open();
    const told: string[] = [];
    const tell = (name: string, operation: () => unknown) => () => {
      afterCommit(() => told.push(`${name} ${seen().length}`));
      return operation();
    };
    await Promise.allSettled([write(tell("a", insert("a"))), write(tell("again", insert("a")))]);
    await write(tell("b", insert("b")));
    expect(told).toEqual(["a 1", "b 2"]);
  });

  it("ends a long batch early, so that the event loop gets its turn, and keeps the order", async () => {
    const { write, insert, seen } = await open();
    const slowly = (value: string) => () => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      return insert(value)();
    };
    const values = Array.from({ length: 40 }, (_, i) => `v${i}`);
    const all = Promise.all(values.map((value) => write(slowly(value))));
    await nextTurn();
    await nextTurn();
    const early = seen().length;
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(values.length);
    expect(await all).toEqual(values);
    expect(seen()).toEqual(values);
  });

  it("waits for another process's write without holding up the event loop", async () => {
    const { write, insert, seen, file } = await open();
    const child = startChild(`
      import { DatabaseSync } from "node:sqlite";
      const db = new DatabaseSync(${JSON.stringify(file)});
      db.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES ('other')");
      say("locked");
      await hear();
      db.exec("COMMIT");
      db.close();
    `);
    await child.line();
    const mine = write(insert("mine"));
    let turns = 0;
    while (turns < 50) {
      await nextTurn();
      turns++;
    }
    expect(seen()).toEqual([]);
    child.tell("go on");
    await mine;
    expect(seen()).toEqual(["other", "mine"]);
  });

  const hasStrace = spawnSync("strace", ["-e", "trace=none", "true"]).status === 0;
  it.skipIf(!hasStrace)(
    "rejects when the flush fails, and acknowledges nothing (needs strace)",
    { timeout: 60_000 },
    async () => {
      const file = join(await newFolder(), "store.db");
      const child = startChild(
        `
      const store = openSqliteStore({ file: ${JSON.stringify(file)} });
      await store.runs.create(newRun("r"));
      for (let seq = 1; seq < 40; ) {
        await store.journal.append(batch("r", seq)).then(() => seq++, (error) => say(error.code + " " + error.retryable));
      }
      say(String((await store.journal.read("r")).length));
      process.exit(0);
    `,
        {
          under: [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-P",
            `${file}-wal`,
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "inject=fsync,fdatasync:error=EIO:when=12+20",
          ],
        },
      );
      expect(await child.line()).toBe("store_unavailable true");
      let last = await child.line();
      while (last.startsWith("store_unavailable")) last = await child.line();
      expect(last).toBe("40");
    },
  );
});
