import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { storeConformance } from "../../testing/store-conformance.ts";
import type { Store } from "../../ports/store.ts";
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
