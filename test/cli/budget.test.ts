import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  await using store = openSqliteStore({ file: join(folder.path, ".executus/executus.db") });
  const models = scriptedModel([{ text: "x", usage: { inputTokens: 4_000, outputTokens: 0 } }]);
  const budgets = [
    { per: "tenant", window: "day", limit: { tokens: 10_000, calls: 4 } },
    { per: "tree", window: "run", limit: { calls: 9 } },
  ] as const;
  await using executor = createExecutor({ models, store, budgets });
  await executor.run({ name: "a", instructions: "a" }, { input: "x", id: "one", tenant: "acme" });
});

afterEach(() => folder[Symbol.asyncDispose]());

it("S06 shows what is used of each budget, its window and its limit", async () => {
  const { code, stdout } = await folder.run(["budget", "ls"]);
  expect(code).toBe(0);
  const day = new Date().toISOString().slice(0, 10);
  const lines = folder
    .plain(stdout)
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " ").trim());
  expect(lines).toEqual([
    "BUDGET WINDOW UNIT USED RESERVED LIMIT",
    `tenant acme day ${day} tokens 4k 10k 40 %`,
    `tenant acme day ${day} calls 1 4 25 %`,
    "tree one run calls 1 9 11 %",
    "",
  ]);
});

it("S06 shows some of them, as JSON too, and says when there are none", async () => {
  const { stdout } = await folder.run(["budget", "ls", "--per", "tenant", "--name", "acme", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject([{ per: "tenant", name: "acme", window: "day", used: { tokens: 4_000, calls: 1 } }]);
  expect((await folder.run(["budget", "ls", "--name", "nobody"])).stderr).toContain("Nothing is counted");
  expect(await folder.run(["budget", "ls", "--per", "team"])).toMatchObject({ code: 2 });
});
