/** Over 200 hostile names, through every place where a name becomes a path: nothing outside is read or written. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFolderBlobs } from "../../src/adapters/blobs/folder.ts";
import { file } from "../../src/adapters/delivery/file.ts";
import { delegatesInFolders } from "../../src/adapters/delegates/folders.ts";
import { skillFiles } from "../../src/adapters/skills/skill-files.ts";
import { importRuns } from "../../src/adapters/store/sqlite-maintenance.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { confinedFolder } from "../../src/adapters/tools/confined-folder.ts";
import { NotThatFile, openInside } from "../../src/adapters/tools/open-inside.ts";
import { fileTools } from "../../src/adapters/tools/files.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { safeNames } from "../../src/hosts/cli/safe-names.ts";
import { isExecutusError } from "../../src/kernel/errors.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { deliveryOf, patience } from "../delivery/local-server.ts";
import { hostileNames } from "../support/hostile-names.ts";
import { toolContext } from "../support/tool-context.ts";

const OURS = [".git", ".executus"];

const CANARY = "canary-outside-the-root";

let outer: string;
let root: string;
let names: readonly string[];

beforeEach(() => {
  outer = realpathSync(mkdtempSync(join(tmpdir(), "executus-paths-")));
  root = join(outer, "inner", "root");
  mkdirSync(join(root, "a"), { recursive: true });
  for (const reserved of OURS) {
    mkdirSync(join(root, reserved));
    writeFileSync(join(root, reserved, "config"), CANARY);
  }
  for (const folder of [outer, join(outer, "inner")]) writeFileSync(join(folder, "secret.txt"), CANARY);
  names = hostileNames(join(outer, "secret.txt"));
});

afterEach(() => rmSync(outer, { recursive: true, force: true }));

/** Everything that must stay as it is: what lies beside the root, and what is in it and not for tools. */
function untouchable(): readonly string[] {
  const all = readdirSync(outer, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
  const kept = files.filter((path) => !path.startsWith(`${root}/`) || OURS.some((name) => path === join(root, name, "config")));
  return [...kept.map((path) => `${path}: ${readFileSync(path, "utf8")}`), ...readdirSync(join(root, ".git"))].toSorted();
}

async function said(work: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await work()) ?? "";
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe("file tools", () => {
  const toolOf = (name: string): Tool => fileTools({ root }).find((tool) => tool.name === name) ?? expect.fail(name);

  it.each(["read_file", "list_files", "search_files", "write_file", "append_file"])("%s", async (name) => {
    expect(names.length).toBeGreaterThan(200);
    const before = untouchable();
    const tool = toolOf(name);
    const inputOf = (path: string): object => {
      if (name === "list_files") return { folder: path };
      return name === "search_files" ? { text: "canary", folder: path } : { path, text: "x" };
    };
    const call = (path: string, i: number): Promise<string> =>
      said(() => tool.execute(inputOf(path), toolContext({ run: `run_${i}` })));
    const answers = await Promise.all(names.map(call));
    expect(answers.filter((answer) => answer.includes(CANARY) || answer.includes("root:x:"))).toEqual([]);
    // What may be said of this machine is what the model itself has named.
    expect(answers.filter((answer, i) => answer.includes(outer) && !(names[i] ?? "").includes(outer))).toEqual([]);
    expect(untouchable()).toEqual(before);
  });

  it("files that turn into links, pipes and folders that move away meanwhile", async () => {
    const before = untouchable();
    const [write, append, read] = [toolOf("write_file"), toolOf("append_file"), toolOf("read_file")];
    mkdirSync(join(root, "inside"));
    writeFileSync(join(root, "inside/secret.txt"), "mine");
    symlinkSync(join(root, "inside"), join(root, "moving"));
    let isOver = false;
    const swap = async (): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        symlinkSync(i % 2 === 0 ? outer : join(root, "inside"), join(root, "next"));
        await rename(join(root, "next"), join(root, "moving"));
      }
    };
    const swapping = swap();
    const answers: string[] = [];
    for (let i = 0; i < 150; i++) {
      const path = i % 3 === 0 ? "moving/new.txt" : "moving/secret.txt";
      const tool = [write, append, read][i % 3] ?? read;
      answers.push(await said(() => tool.execute({ path, text: "x" }, toolContext({ run: `run_${i}` }))));
    }
    isOver = true;
    await swapping;
    expect(answers.filter((answer) => answer.includes(CANARY))).toEqual([]);
    // A name may appear outside for a moment; nothing is ever written to it.
    const after = untouchable().filter((line) => !line.endsWith(".tmp: "));
    expect(after).toEqual(before);
  });

  it.each(["read", "create", "append"] as const)(
    "a folder that became a link between the check and the opening, %s",
    async (how) => {
      const folder = await confinedFolder(root);
      mkdirSync(join(root, "inside"));
      const path = how === "create" ? "inside/new.txt" : "inside/secret.txt";
      if (how !== "create") writeFileSync(join(root, path), "mine");
      const real = how === "create" ? await folder.writable(path) : await folder.existing(path);
      rmSync(join(root, "inside"), { recursive: true });
      symlinkSync(outer, join(root, "inside"));
      await expect(openInside(real, how)).rejects.toBeInstanceOf(NotThatFile);
      await expect(openInside(join(root, "inside"), how)).rejects.toThrow(/link|EISDIR|EEXIST/);
      expect(readFileSync(join(outer, "secret.txt"), "utf8")).toBe(CANARY);
    },
  );

  it.runIf(process.platform === "linux")("a pipe is no file, and nobody waits at it", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect(await said(() => toolOf("read_file").execute({ path: "pipe" }, toolContext()))).toContain("it is no file");
  });

  it("a ledger folder that leads out is not written to", async () => {
    rmSync(join(root, ".executus"), { recursive: true });
    symlinkSync(outer, join(root, ".executus"));
    const before = readdirSync(outer);
    const answer = await said(() => toolOf("append_file").execute({ path: "notes.txt", text: "x" }, toolContext()));
    expect(answer).toContain("is a link");
    expect(readdirSync(outer)).toEqual(before);
  });
});

describe("deliveries to files", () => {
  it("by name", async () => {
    const before = untouchable();
    const adapter = file({ root: join(root, "out") });
    const deliver = async (id: string, i: number): Promise<void> => {
      const target = { kind: "file", id, options: i % 2 === 0 ? {} : { append: true } };
      await said(() => adapter.check?.(target));
      await said(() => adapter.deliver(deliveryOf(target, "x", { id: `r${i}.d0` }), patience()));
    };
    await Promise.all(names.map(deliver));
    expect(untouchable()).toEqual(before);
  });

  it.each([{}, { append: true }])("through links that are there before, %j: nothing is even made outside", async (options) => {
    const target = join(outer, "target");
    mkdirSync(target);
    writeFileSync(join(target, "log.jsonl"), "");
    symlinkSync(target, join(root, "folder"));
    symlinkSync(join(target, "log.jsonl"), join(root, "log.jsonl"));
    symlinkSync(join(target, "new.jsonl"), join(root, "new.jsonl"));
    symlinkSync(join(target, "nowhere"), join(root, "broken"));
    for (const id of [
      "folder/x.json",
      "folder/deep/er/x.json",
      "log.jsonl",
      "new.jsonl",
      "broken/x.json",
      "broken/deep/x.json",
    ]) {
      await said(() => file({ root }).deliver(deliveryOf({ kind: "file", id, options }), patience()));
    }
    expect([readdirSync(target), readFileSync(join(target, "log.jsonl"), "utf8")]).toEqual([["log.jsonl"], ""]);
  });
});

describe("names that are looked up", () => {
  it("of blobs, of files of a skill and of delegates", async () => {
    const before = untouchable();
    const blobs = openFolderBlobs(join(root, "blobs"));
    mkdirSync(join(root, ".agents/skills/s"), { recursive: true });
    writeFileSync(join(root, ".agents/skills/s/SKILL.md"), "---\nname: s\ndescription: d\n---\nx\n");
    const delegates = delegatesInFolders({ agents: [join(root, "a")], project: root, home: false, trust: true });
    for (const name of names) {
      expect(await said(() => blobs.get(name))).toMatch(/^error: /);
      expect(await said(() => skillFiles(join(root, ".agents/skills/s")).read(name, 1))).toMatch(/^error: /);
      for (const prefix of ["agent__", "skill__", ""]) {
        expect(await said(() => delegates.resolve([prefix + name], {}))).toMatch(/^error: /);
      }
    }
    expect(untouchable()).toEqual(before);
  });

  it("of attachments: a run reads its own, whatever a model asks for", async () => {
    const calls = names.map((name) => ({ name: "read_attachment", input: { file: name } }));
    const models = scriptedModel(({ step }) => (step === 0 ? { calls } : { text: "end" }));
    const executor = createExecutor({ models });
    const attachments = [{ name: "own.txt", text: "mine" }];
    const result = await executor.run(
      { name: "reader", instructions: "" },
      { input: "go", attachments, limits: { toolErrors: 1_000 } },
    );
    const outcomes = result.steps[0]?.calls ?? [];
    expect(outcomes.length).toBe(names.length);
    expect(outcomes.filter(({ outcome }) => outcome === "ok")).toEqual([]);
    expect(JSON.stringify(result)).not.toContain(CANARY);
  });
});

describe("names that become names of files", () => {
  it("ids of runs are taken as they are or refused; what is taken holds no separator", async () => {
    const executor = createExecutor({ models: scriptedModel(() => ({ text: "end" })) });
    for (const id of names) {
      const outcome = await said(() =>
        executor.start({ name: "a", instructions: "" }, { input: "go", id }).then((handle) => handle.run),
      );
      expect(outcome.startsWith("error: ") || /^"[A-Za-z0-9_.:-]{1,128}"$/.test(outcome), outcome).toBe(true);
    }
  });

  it("ids of runs that are imported are refused like others", async () => {
    await using store = openSqliteStore({ file: join(root, "runs.db") });
    for (const run of names.filter((name) => !/^[A-Za-z0-9_.:-]{1,128}$/.test(name))) {
      const lines = [{ format: "executus.runs", version: 1 }, { run: { run }, events: 0, entries: 0 }, { end: 1 }];
      const outcome = await importRuns(
        store,
        lines.map((line) => JSON.stringify(line)),
      ).catch((error: unknown) => error);
      expect(isExecutusError(outcome), run).toBe(true);
    }
    expect(await store.runs.list({ limit: 10 })).toEqual([]);
  });

  it("names of MCP servers name no folder", () => {
    const sources = names
      .filter((name) => name !== "")
      .map((name) => mcpServer(name, { command: "x" }, { knownTools: root }).name);
    expect(sources.filter((name) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))).toEqual([]);
  });

  it("artifacts get names on a disk that are all different and lead nowhere", () => {
    const out = safeNames(names);
    expect(new Set(out.map((name) => name.toLowerCase())).size).toBe(names.length);
    mkdirSync(join(root, "out"));
    for (const name of out) writeFileSync(join(root, "out", name), "x", { flag: "wx" });
    expect(readdirSync(join(root, "out")).length).toBe(names.length);
    expect(out.filter((name) => /[/\\:\p{Cc}\p{Cf}]|^\.|[. ]$/u.test(name))).toEqual([]);
  });
});
