/** Runs that are carried to another store: what waits to be delivered, places in lanes, bytes. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { newFolder, openForTest } from "../../../test/support/sqlite-store.ts";
import { makeAgent } from "../../../test/support/world.ts";
import { createExecutor } from "../../create-executor.ts";
import type { DeliveryAdapter } from "../../ports/delivery.ts";
import type { DeliveryRow, Store } from "../../ports/store.ts";
import { scriptedModel } from "../../testing/scripted-model.ts";
import type { Executor } from "../../run/types.ts";
import { checkStore, exportRuns, type ExportOptions, importRuns } from "./sqlite-maintenance.ts";

async function linesOf(store: Store, options?: ExportOptions): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportRuns(store, undefined, options)) lines.push(line);
  return lines;
}

/** Two stores, an executor on each, and what each of them sent. */
async function world() {
  const folder = await newFolder();
  const make = (name: string, accepts: boolean) => {
    const sent: string[] = [];
    const adapter: DeliveryAdapter = {
      kind: "post",
      deliver: async ({ id }) => {
        if (!accepts) return { outcome: "failed", error: "closed on Sundays" };
        sent.push(id);
        return { outcome: "delivered" };
      },
    };
    const store = openForTest({ file: join(folder, `${name}.db`) });
    const executor = createExecutor({
      models: scriptedModel(() => ({ text: "Done." })),
      store,
      wakes: false,
      delivery: { adapters: [adapter], scheduleMs: [0, 0, 0, 0, 0, 0] },
    });
    return { store, executor, sent, adapter };
  };
  return { from: make("from", false), to: make("to", true), folder };
}

const delivery = [{ kind: "post", id: "box" }];
const statusOf = async (executor: Executor): Promise<readonly unknown[]> =>
  (await executor.deliveries()).map(({ id, status, error }) => [id, status, ...(error === undefined ? [] : [error])]);

it("S32 S37 a delivery that waits is handed over with its run, and sent once, by the store that imports it", async () => {
  const { from, to } = await world();
  await from.executor.run(makeAgent([]), { id: "r", input: "go", delivery });
  await from.executor.shutdown();
  const [before] = await from.store.outbox.list({ withBody: true });
  expect(before).toMatchObject({ status: "pending" });
  const handed: DeliveryRow[] = [];
  const lines = await linesOf(from.store, { handOver: (row) => void handed.push(row) });
  expect(handed.map(({ id }) => id)).toEqual(["r.d0"]);
  expect(await statusOf(from.executor)).toEqual([["r.d0", "dead", "handed over to the store that imports it"]]);
  expect(await importRuns(to.store, lines)).toMatchObject({ imported: 1, deliveries: 1 });
  const { updatedAt: _updated, ...rest } = before ?? { updatedAt: 0 };
  expect((await to.store.outbox.list({ withBody: true }))[0]).toMatchObject(rest);
  await to.executor.deliver();
  await to.executor.deliver();
  expect(to.sent).toEqual(["r.d0"]);
  expect(await statusOf(to.executor)).toEqual([["r.d0", "delivered"]]);
  expect(await importRuns(to.store, lines)).toMatchObject({ imported: 0, skipped: 1, deliveries: 0 });
  expect(to.sent).toEqual(["r.d0"]);
});

it("S32 S37 a delivery that is not handed over stays with the store that exported it, and the other one can be told to send it", async () => {
  const { from, to } = await world();
  await from.executor.run(makeAgent([]), { id: "r", input: "go", delivery });
  await from.executor.shutdown();
  expect(await importRuns(to.store, await linesOf(from.store))).toMatchObject({ imported: 1, deliveries: 0 });
  expect((await statusOf(from.executor))[0]).toEqual(["r.d0", "pending", expect.anything()]);
  await to.executor.deliver();
  expect(to.sent).toEqual([]);
  expect(await statusOf(to.executor)).toEqual([["r.d0", "dead", "the store that it was exported from sends it"]]);
  await to.executor.redeliver("r.d0");
  await to.executor.deliver();
  expect(to.sent).toEqual(["r.d0"]);
});

it("S32 a delivery that is being sent just then is not handed over", async () => {
  const { from } = await world();
  await from.executor.run(makeAgent([]), { id: "r", input: "go", delivery });
  await from.executor.shutdown();
  const at = Date.now() + 1_000;
  expect(await from.store.outbox.claim({ kinds: ["post"], at, until: at + 60_000, limit: 1 })).toHaveLength(1);
  const handed: DeliveryRow[] = [];
  await linesOf(from.store, { handOver: (row) => void handed.push(row) });
  expect(handed).toEqual([]);
});

it("S36 S37 a run that waits in its lane is queued in the store that imports it", async () => {
  const { from, to } = await world();
  const lane = { key: "mail", concurrency: 1, priority: 3 };
  const agent = { name: "a", instructions: "", tier: "fast", settings: {}, tools: [], fingerprint: "", ownTools: 0 };
  const { DEFAULT_LIMITS: limits } = await import("../../kernel/limits.ts");
  const started = { type: "run.started", run: "q", agent, request: { input: [], lane }, limits, models: ["m"] } as const;
  await from.store.runs.create({ run: "q", agent: "a", at: 1, events: [started], lane, row: { status: "queued" } });
  await importRuns(to.store, await linesOf(from.store));
  expect(await to.store.lanes.heads({ limit: 10 })).toEqual(await from.store.lanes.heads({ limit: 10 }));
  expect(await to.store.lanes.heads({ limit: 10 })).toMatchObject([{ run: "q", place: lane, running: 0 }]);
});

it("S23 S37 blobs come along, each once, and are checked by their name", async () => {
  const { from, to, folder } = await world();
  const attachments = [{ bytes: new Uint8Array(300_000).fill(7), name: "seven.bin", mediaType: "application/octet-stream" }];
  for (const id of ["r", "s"]) await from.executor.run(makeAgent([]), { id, input: "go", attachments });
  const lines = await linesOf(from.store);
  expect(lines.filter((line) => line.startsWith('{"blob"'))).toHaveLength(1);
  const damaged = lines.map((line) => (line.startsWith('{"blob"') ? line.replace("BwcHBw", "BwcHBx") : line));
  const other = openForTest({ file: join(folder, "damaged.db") });
  await expect(importRuns(other, damaged)).rejects.toMatchObject({ code: "journal_damaged" });
  expect(await importRuns(to.store, lines)).toMatchObject({ imported: 2, blobs: 1 });
  const { blobsReferenced, problems } = await checkStore(to.store.file);
  expect([blobsReferenced.size, problems]).toEqual([1, []]);
  for (const hash of blobsReferenced)
    expect(Buffer.from(await to.store.blobs.get(hash)).equals(Buffer.alloc(300_000, 7))).toBe(true);
  expect((await linesOf(from.store, { blobs: false })).filter((line) => line.startsWith('{"blob"'))).toEqual([]);
});
