import { afterEach, beforeEach, expect, it } from "vitest";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import type { DeliveryAdapter } from "../../src/ports/delivery.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { localServer } from "../delivery/local-server.ts";
import { makeAgent } from "../support/world.ts";
import { type CliFolder, createCliFolder } from "./cli-folder.ts";

let folder: CliFolder;
beforeEach(async () => {
  folder = await createCliFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A run with one delivery that arrived and one that was given up. */
async function prepare(): Promise<void> {
  const adapter: DeliveryAdapter = {
    kind: "post",
    deliver: async ({ target }) =>
      target.id === "shut"
        ? { outcome: "failed", error: "no such box", permanent: true }
        : { outcome: "delivered", receipt: { n: 1 } },
  };
  await using store = openSqliteStore({ file: join(folder.path, ".executus/executus.db") });
  const executor = createExecutor({ models: scriptedModel([{ text: "Done." }]), store, delivery: { adapters: [adapter] } });
  const delivery = [
    { kind: "post", id: "open" },
    { kind: "post", id: "shut" },
  ];
  await executor.run(makeAgent([]), { id: "run_1", input: "go", delivery });
  await executor.deliver();
  await executor.shutdown();
}

it("S32 deliveries go with their runs to another store when they are handed over, and stay otherwise", async () => {
  await prepare();
  await folder.run(["redeliver", "run_1.d1"]);
  const kept = await folder.run(["store", "export", "-o", "kept.jsonl"]);
  expect([kept.code, kept.stderr]).toEqual([0, expect.stringContaining("1 delivery pending: this store goes on sending")]);
  const handed = await folder.run(["store", "export", "--hand-over", "-o", "handed.jsonl"]);
  expect([handed.code, handed.stderr]).toEqual([0, "handed.jsonl: 1 run, 1 delivery handed over\n"]);
  expect((await folder.run(["deliveries"])).stdout).toMatch(
    /run_1\.d1 +post shut +dead .*handed over to the store that imports it/,
  );
  const taken = await folder.run(["store", "import", "handed.jsonl", "--db", "other.db"]);
  expect(taken.stdout).toBe("other.db: 1 run imported, 0 there already; with 1 delivery to send\n");
  expect((await folder.run(["deliveries", "--db", "other.db"])).stdout).toMatch(/run_1\.d1 +post shut +pending/);
  // What cannot be written hands nothing over.
  await folder.run(["redeliver", "run_1.d1"]);
  const failed = await folder.run(["store", "export", "--hand-over", "-o", "no/such/folder/x.jsonl"]);
  expect(failed.code).toBe(2);
  expect((await folder.run(["deliveries"])).stdout).toMatch(/run_1\.d1 +post shut +pending/);
});

it("S32 deliveries are listed, shown with their run, and sent again", async () => {
  await prepare();
  const listed = await folder.run(["deliveries"]);
  expect(listed.code).toBe(0);
  expect(listed.stdout).toMatch(/run_1\.d1 +post shut +dead +1 .*no such box/);
  expect(listed.stdout).not.toContain("run_1.d0");
  expect(listed.stderr).toContain("redeliver run_1.d1");
  const all = await folder.run(["deliveries", "ls", "run_1", "--all", "--json"]);
  expect((JSON.parse(all.stdout) as { id: string; status: string }[]).map(({ id, status }) => [id, status])).toEqual([
    ["run_1.d1", "dead"],
    ["run_1.d0", "delivered"],
  ]);
  const shown = await folder.run(["show", "run_1"]);
  expect(shown.stdout).toContain("run_1.d0 to post open: delivered");
  expect(shown.stdout).toContain("run_1.d1 to post shut: dead, no such box");
  const again = await folder.run(["redeliver", "run_1.d1"]);
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("run_1.d1 is due now")]);
  expect((await folder.run(["deliveries"])).stdout).toMatch(/run_1\.d1 +post shut +pending/);
  const nobody = await folder.run(["redeliver", "run_9.d0"]);
  expect(nobody.code).not.toBe(0);
  expect(nobody.stderr).toContain("there is no delivery run_9.d0");
});

it("S41 webhook test sends a signed message and says what came back", async () => {
  await using server = await localServer(({ path }) => ({ status: path === "/in" ? 204 : 500, body: "" }));
  const made = await folder.run(["webhook", "secret"]);
  const secret = made.stdout.trim();
  const env = { ...process.env, EXECUTUS_DELIVERY_WEBHOOK: secret };
  const arrived = await folder.run(["webhook", "test", `${server.url}/in`], { env });
  expect([arrived.code, arrived.stderr]).toEqual([0, expect.stringContaining("arrived")]);
  const [asked] = server.asked;
  expect(new Webhook(secret).verify(asked?.body ?? "", asked?.headers as Record<string, string>)).toMatchObject({
    type: "executus.test",
  });
  const failed = await folder.run(["webhook", "test", `${server.url}/out`], { env });
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain("the answer was 500");
  const unsigned = await folder.run(["webhook", "test", server.url]);
  expect(unsigned.stderr).toContain("Set EXECUTUS_DELIVERY_WEBHOOK.");
});
