import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createExecutor } from "../../src/create-executor.ts";
import { openSqliteStore, type SqliteStore } from "../../src/adapters/store/sqlite.ts";
import { ExecutusError } from "../../src/kernel/errors.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Executor } from "../../src/run/types.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { agent, tool } from "../support/driver-world.ts";

let folder: string;
let store: SqliteStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-durability-"));
  store = openSqliteStore({ file: join(folder, "runs.db") });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const echo = tool("echo", async () => "echoed");
const models = () => scriptedModel([{ calls: [{ name: "echo" }] }, { text: "done" }]);
const executor = (given: Store | undefined, warnings: string[] = []): Executor =>
  createExecutor({
    models: models(),
    agents: [agent([echo])],
    observers: [{ warning: (_run, message) => void warnings.push(message) }],
    ...(given === undefined ? {} : { store: given }),
  });

/** As on a disk that has no room for one run more. */
const full = (): Store => {
  const error = new ExecutusError("store_unavailable", "The disk of runs.db is full", { retryable: true });
  return faultyStore(store, [{ method: "runs.create", error }]);
};

describe("durability", () => {
  it("S03 is one line: the same agent runs in memory without a store, and is kept with one", async () => {
    const inMemory = await executor(undefined).run(agent([echo]), { input: "go", id: "a" });
    expect(inMemory).toMatchObject({ status: "completed", output: "done" });
    expect(await store.runs.list()).toEqual([]);
    const kept = await executor(store).run(agent([echo]), { input: "go", id: "a" });
    expect({ ...kept, activeMs: 0 }).toEqual({ ...inMemory, activeMs: 0, steps: kept.steps });
    expect(await store.runs.get("a")).toMatchObject({ status: "completed" });
  });

  it("S03 touches no file without a store", async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      await executor(undefined).run(agent([echo]), "go");
      expect(existsSync(join(folder, ".executus"))).toBe(false);
    } finally {
      process.chdir(before);
    }
  });

  it("S11 is decided per run: one that is not to be kept leaves nothing behind, and is there while its process is", async () => {
    const both = executor(store);
    const handle = await both.start(agent([echo]), { input: "go", id: "here", durability: "none" });
    expect((await handle.result).status).toBe("completed");
    expect(await store.runs.get("here")).toBeUndefined();
    expect(await store.journal.read("here")).toEqual([]);
    expect((await both.result("here")).output).toBe("done");
    expect((await both.status("here"))?.status).toBe("completed");
    await both.run(agent([echo]), { input: "go", id: "there" });
    expect(await store.runs.get("there")).toMatchObject({ status: "completed" });
  });

  it("S11 is one id, wherever the run lives", async () => {
    const both = executor(store);
    await both.run(agent([echo]), { input: "go", id: "same" });
    const again = await both.start(agent([echo]), { input: "go", id: "same", durability: "none" });
    expect((await again.result).status).toBe("completed");
    expect((await store.journal.read("same")).filter((event) => event.type === "run.started")).toHaveLength(1);
  });

  it("S11 required: a run that cannot be kept is refused, before any model call", async () => {
    const result = await executor(full()).run(agent([echo]), { input: "go", id: "r" });
    expect(result).toMatchObject({ status: "failed", error: { code: "store_unavailable" }, steps: [] });
  });

  it("S11 best-effort: it runs all the same, and its journal, its watchers and nobody's disk know of it", async () => {
    const warnings: string[] = [];
    const trying = executor(full(), warnings);
    const result = await trying.run(agent([echo]), { input: "go", id: "r", durability: "best-effort" });
    expect(result).toMatchObject({ status: "completed", output: "done" });
    const events = [];
    for await (const event of trying.events("r")) events.push(event);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
    expect(events.find((event) => event.type === "durability.lost")).toMatchObject({ reason: "The disk of runs.db is full" });
    expect(warnings).toEqual(["this run is not kept: The disk of runs.db is full"]);
    expect(await store.runs.get("r")).toBeUndefined();
  });

  it("S11 best-effort: it is kept where that can be done", async () => {
    await executor(store).run(agent([echo]), { input: "go", id: "r", durability: "best-effort" });
    expect(await store.runs.get("r")).toMatchObject({ status: "completed" });
  });

  it("S11 a run that is not to be kept has no lane in a store: its limit could not hold over both", async () => {
    const lanes = createExecutor({ models: models(), agents: [agent([echo])], store, lanes: { "*": { concurrency: 1 } } });
    const refused = await lanes.run(agent([echo]), { input: "go", id: "r", durability: "none", lane: "x" });
    expect(refused).toMatchObject({ status: "failed", error: { code: "request_invalid" } });
    expect(refused.error?.message).toContain("run r cannot wait in the lane x");
    const lost = await createExecutor({ models: models(), store: full(), lanes: { "*": { concurrency: 1 } } }).run(
      agent([echo]),
      {
        input: "go",
        id: "b",
        durability: "best-effort",
        lane: "x",
      },
    );
    expect(lost).toMatchObject({ status: "failed", error: { code: "store_unavailable" } });
  });

  it("S11 S28 a run that is not kept delivers all the same, and its deliveries are listed and asked for again", async () => {
    const sent: string[] = [];
    const box: DeliveryAdapter = {
      kind: "box",
      deliver: async ({ id }) => {
        sent.push(id);
        return { outcome: "delivered" };
      },
    };
    const shop = createExecutor({
      models: scriptedModel(({ step }) => (step === 0 ? { calls: [{ name: "echo" }] } : { text: "done" })),
      agents: [agent([echo])],
      store,
      delivery: { adapters: [box] },
    });
    const request = { input: "go", delivery: { kind: "box" } } as const;
    await shop.run(agent([echo]), { ...request, id: "here", durability: "none" });
    await shop.run(agent([echo]), { ...request, id: "there" });
    await shop.deliver();
    const rows = await shop.deliveries();
    expect(rows.map(({ run, status }) => [run, status])).toEqual([
      ["here", "delivered"],
      ["there", "delivered"],
    ]);
    expect(sent.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
    expect((await store.outbox.list()).map(({ run }) => run)).toEqual(["there"]);
    await shop.redeliver(rows[0]?.id ?? "");
    await shop.deliver();
    expect(sent.filter((id) => id === rows[0]?.id)).toHaveLength(2);
  });
});
