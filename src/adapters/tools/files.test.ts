import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toolContext } from "../../../test/support/tool-context.ts";
import type { JsonValue } from "../../ports/json.ts";
import type { Reconciliation, ToolContext } from "../../ports/tools.ts";
import { fileTools } from "./files.ts";

let outside: string;
let root: string;

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "executus-files-"));
  root = join(outside, "shop");
  await mkdir(join(root, "notes"), { recursive: true });
  await writeFile(join(root, "notes", "anna.md"), "eggs: 4\nmilk: 2\nEggs again\n");
  await writeFile(join(root, "prices.csv"), "sku,price\n");
  await writeFile(join(outside, "secret.txt"), "do not read");
});

afterEach(() => rm(outside, { recursive: true, force: true }));

async function use(name: string, input: JsonValue, call: Partial<ToolContext> = {}): Promise<unknown> {
  const tool = fileTools({ root }).find((tool) => tool.name === name);
  const check = await tool?.validate(input);
  if (tool === undefined || check?.ok !== true) throw new Error(`invalid: ${JSON.stringify(check)}`);
  return tool.execute(check.value, toolContext(call));
}

async function reconcile(input: JsonValue, call: string): Promise<Reconciliation | undefined> {
  const tool = fileTools({ root }).find((tool) => tool.name === "append_file");
  return tool?.reconcile?.(input, toolContext({ call }));
}

describe("fileTools", () => {
  it("declares what a crash means for each tool", () => {
    const classes = fileTools({ root }).map((tool) => `${tool.name} ${tool.effect}${"reconcile" in tool ? " reconciles" : ""}`);
    expect(classes).toEqual([
      "list_files read",
      "read_file read",
      "search_files read",
      "write_file idempotent",
      "append_file once reconciles",
    ]);
  });

  it("takes a folder per call", async () => {
    const tools = fileTools({ root: ({ run }) => join(root, run) });
    await mkdir(join(root, "run_7"));
    await tools[3]?.execute({ path: "a.txt", text: "a" }, toolContext({ run: "run_7" }));
    expect(await readdir(join(root, "run_7"))).toEqual(["a.txt"]);
  });

  it("lists files with their sizes and leaves its own and foreign folders out", async () => {
    for (const folder of [".executus", ".git", "node_modules"]) {
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, "x"), "x");
    }
    expect(await use("list_files", {})).toEqual({
      files: [
        { path: "notes/anna.md", bytes: 27 },
        { path: "prices.csv", bytes: 10 },
      ],
    });
    expect(await use("list_files", { folder: "notes" })).toEqual({ files: [{ path: "notes/anna.md", bytes: 27 }] });
  });

  it("reads whole files, parts of them, and long ones with a note that says how to go on", async () => {
    expect(await use("read_file", { path: "notes/anna.md" })).toBe("eggs: 4\nmilk: 2\nEggs again");
    expect(await use("read_file", { path: "notes/anna.md", offset: 2, limit: 1 })).toBe(
      "milk: 2\n[lines 2-2 of 3; go on with offset 3]",
    );
    await writeFile(join(root, "long.txt"), "x\n".repeat(5_000));
    expect(await use("read_file", { path: "long.txt" })).toMatch(/\[lines 1-2000 of 5000; go on with offset 2001\]$/);
    await writeFile(join(root, "wide.txt"), `${"y".repeat(200_000)}\n${"z".repeat(1_500)}\n`.repeat(50));
    expect(String(await use("read_file", { path: "wide.txt" })).length).toBeLessThan(62_000);
    await writeFile(join(root, "empty.txt"), "");
    expect(await use("read_file", { path: "empty.txt" })).toBe("[empty.txt is empty]");
    await expect(use("read_file", { path: "notes/anna.md", offset: 9 })).rejects.toThrow("notes/anna.md: has 3 lines");
  });

  it("says what is wrong with a path in words for the model, without paths of the machine", async () => {
    await writeFile(join(root, "photo.bin"), Buffer.from([1, 0, 2]));
    const wrong: readonly [string, string][] = [
      ["notes/ana.md", "notes/ana.md: is not there; did you mean notes/anna.md?"],
      ["nothing/here.md", "nothing/here.md: is not there; list_files shows what there is"],
      ["notes", "notes: is a folder; give the path of a file"],
      ["prices.csv/x", "prices.csv/x: a part of the path is a file, not a folder"],
      ["photo.bin", "photo.bin: is not a text file"],
    ];
    for (const [path, message] of wrong) await expect(use("read_file", { path })).rejects.toThrow(new Error(message));
  });

  it("finds lines by literal text", async () => {
    expect(await use("search_files", { text: "eggs" })).toEqual({
      matches: [{ path: "notes/anna.md", line: 1, text: "eggs: 4" }],
    });
    const found = (await use("search_files", { text: "EGGS", ignoreCase: true })) as { matches: readonly { line: number }[] };
    expect(found.matches.map(({ line }) => line)).toEqual([1, 3]);
    expect(await use("search_files", { text: ".*" })).toEqual({ matches: [] });
    await writeFile(join(root, "many.txt"), "hit\n".repeat(500));
    await writeFile(join(root, "photo.bin"), Buffer.from([104, 105, 116, 0]));
    const many = (await use("search_files", { text: "hit" })) as { matches: readonly unknown[]; cut: boolean };
    expect(many.matches).toHaveLength(100);
    expect(many.cut).toBe(true);
    expect(await use("search_files", { text: "price" })).toMatchObject({ skipped: ["photo.bin"] });
  });

  it("stops looking when the call is aborted", async () => {
    const signal = AbortSignal.abort(new Error("cancelled"));
    await expect(use("search_files", { text: "x" }, { signal })).rejects.toThrow("cancelled");
    await expect(use("list_files", {}, { signal })).rejects.toThrow("cancelled");
  });

  it("replaces a file as a whole, links included, and leaves nothing behind", async () => {
    expect(await use("write_file", { path: "out/report.md", text: "done" })).toEqual({
      path: "out/report.md",
      bytes: 4,
      sha256: createHash("sha256").update("done").digest("hex"),
    });
    await symlink("report.md", join(root, "out", "latest.md"));
    expect(await use("write_file", { path: "out/latest.md", text: "again" })).toMatchObject({ path: "out/report.md" });
    expect(await readFile(join(root, "out", "report.md"), "utf8")).toBe("again");
    expect((await readdir(join(root, "out"))).sort()).toEqual(["latest.md", "report.md"]);
    await expect(use("write_file", { path: "notes", text: "" })).rejects.toThrow("notes: is a folder");
    await expect(use("write_file", { path: "prices.csv/x", text: "" })).rejects.toThrow("a part of the path is a file");
  });

  it("leaves nothing behind when the call runs again after a crash in the middle of it", async () => {
    await use("write_file", { path: "a.txt", text: "one" }, { call: "3.0" });
    // What the first try would have left: its half-written copy, under the name that belongs to the call.
    const copy = `.a.txt.${createHash("sha256").update("run_1:3.0").digest("hex").slice(0, 12)}.tmp`;
    await writeFile(join(root, copy), "on");
    await use("write_file", { path: "a.txt", text: "one" }, { call: "3.0" });
    expect((await readdir(root)).sort()).toEqual(["a.txt", "notes", "prices.csv"]);
  });

  it.skipIf(process.getuid?.() === 0)("says that a file is protected (nothing is for root)", async () => {
    await chmod(join(root, "prices.csv"), 0o000);
    await expect(use("read_file", { path: "prices.csv" })).rejects.toThrow("prices.csv: permission denied");
  });
});

describe("the folder of the file tools", () => {
  const READERS = ["read_file", "write_file", "append_file"] as const;
  const input = (tool: string, path: string): JsonValue => (tool === "read_file" ? { path } : { path, text: "x" });

  it.each(READERS)("cannot be left by %s with .. or an absolute path", async (tool) => {
    for (const path of [
      "../secret.txt",
      "notes/../../secret.txt",
      join(outside, "secret.txt"),
      "..\\secret.txt",
      "C:\\x",
      "a\0b",
      "..",
    ]) {
      await expect(use(tool, input(tool, path))).rejects.toThrow(/not allowed|relative to the folder|NUL/);
    }
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("do not read");
  });

  it.each(READERS)("cannot be left by %s through a link", async (tool) => {
    await symlink(join(outside, "secret.txt"), join(root, "file-link"));
    await symlink(outside, join(root, "folder-link"));
    await symlink(join(outside, "new.txt"), join(root, "broken-link"));
    await symlink(join(outside, "new"), join(root, "broken-folder"));
    for (const path of [
      "file-link",
      "folder-link/secret.txt",
      "folder-link/new.txt",
      "folder-link/a/b",
      "broken-link",
      "broken-folder/x",
    ]) {
      await expect(use(tool, input(tool, path))).rejects.toThrow(/leads out|broken link|is not there; list_files/);
    }
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("do not read");
    expect((await readdir(outside)).sort()).toEqual(["secret.txt", "shop"]);
  });

  it("shows nothing of what is outside in lists, searches and suggestions", async () => {
    await symlink(join(outside, "secret.txt"), join(root, "file-link"));
    await symlink(outside, join(root, "folder-link"));
    expect(JSON.stringify(await use("list_files", {}))).not.toContain("link");
    expect(await use("search_files", { text: "do not read" })).toEqual({ matches: [] });
    await expect(use("read_file", { path: "folder-link/secrets.txt" })).rejects.toThrow("leads out of the folder");
    await expect(use("list_files", { folder: "folder-link" })).rejects.toThrow("leads out");
  });

  it("keeps its journals, and those of git, to itself", async () => {
    await mkdir(join(root, ".executus"));
    await writeFile(join(root, ".executus", "executus.db"), "journal");
    await symlink(".executus", join(root, "back-door"));
    for (const path of [
      ".executus/executus.db",
      ".EXECUTUS/executus.db",
      "./.executus/x",
      "back-door/executus.db",
      ".git/hooks/x",
      "sub/.Git/config",
    ]) {
      await expect(use("write_file", { path, text: "x" })).rejects.toThrow("not for tools");
    }
    expect(await readFile(join(root, ".executus", "executus.db"), "utf8")).toBe("journal");
    await expect(use("read_file", { path: ".executus/executus.db" })).rejects.toThrow("not for tools");
  });

  it("has to be there", async () => {
    await rm(root, { recursive: true });
    await expect(use("list_files", {})).rejects.toThrow(/the folder of the file tools is not there/);
  });
});

describe("append_file", () => {
  const LINE = { path: "out/ledger.csv", text: "a,1" };
  const file = (): string => join(root, "out", "ledger.csv");

  it("adds a block with a newline at the end and says where it is", async () => {
    expect(await use("append_file", LINE)).toMatchObject({ path: "out/ledger.csv", offset: 0, bytes: 4 });
    expect(await use("append_file", { ...LINE, text: "b,2\n" }, { call: "1.0" })).toMatchObject({ offset: 4, bytes: 4 });
    expect(await readFile(file(), "utf8")).toBe("a,1\nb,2\n");
  });

  it("finds a finished append again, with the same result", async () => {
    const done = await use("append_file", LINE);
    await use("append_file", LINE, { call: "0.1" });
    expect(await reconcile(LINE, "0.0")).toEqual({ outcome: "done", result: done });
    expect(await reconcile(LINE, "0.1")).toMatchObject({ outcome: "done", result: { offset: 4 } });
  });

  it("knows that an append never happened: no record, or a record and a file that ends before it", async () => {
    expect(await reconcile(LINE, "0.0")).toEqual({ outcome: "not-done" });
    await use("append_file", LINE);
    await use("append_file", LINE, { call: "0.1" });
    // What a crash between the record and the append leaves behind.
    await truncate(file(), 4);
    expect(await reconcile(LINE, "0.1")).toEqual({ outcome: "not-done" });
    expect(await reconcile(LINE, "0.0")).toMatchObject({ outcome: "done" });
  });

  it("finds the second try at a call whose first try never happened", async () => {
    await use("append_file", LINE);
    await truncate(file(), 0);
    await use("append_file", { ...LINE, text: "other" }, { call: "0.1" });
    await use("append_file", LINE);
    expect(await reconcile(LINE, "0.0")).toMatchObject({ outcome: "done", result: { offset: 6 } });
  });

  it("says unknown for a torn block, a file that was replaced, and a block that somebody else may have written", async () => {
    await use("append_file", LINE);
    await truncate(file(), 2);
    expect(await reconcile(LINE, "0.0")).toEqual({ outcome: "unknown" });

    await use("write_file", { path: "b.csv", text: "header\n" });
    await use("append_file", { path: "b.csv", text: "x" }, { call: "1.0" });
    for (const text of ["something else\n", "HEADER\n", "HEADER\nx\n", ""]) {
      await use("write_file", { path: "b.csv", text });
      expect(await reconcile({ path: "b.csv", text: "x" }, "1.0")).toEqual({ outcome: "unknown" });
    }

    await use("append_file", { path: "c.csv", text: "x" }, { call: "2.0" });
    await truncate(join(root, "c.csv"), 0);
    await use("append_file", { path: "c.csv", text: "x" }, { call: "2.1" });
    expect(await reconcile({ path: "c.csv", text: "x" }, "2.0")).toEqual({ outcome: "unknown" });
  });

  it("appends nothing that it could not put on record first", async () => {
    await use("write_file", { path: LINE.path, text: "header\n" });
    await writeFile(join(root, ".executus"), "a file where the ledger's folder should be");
    await expect(use("append_file", LINE)).rejects.toThrow("out/ledger.csv: a part of the path is a file");
    expect(await readFile(file(), "utf8")).toBe("header\n");
  });

  it("reads its ledger past a record that a crash tore", async () => {
    await use("append_file", LINE);
    await appendFile(join(root, ".executus", "appends.jsonl"), '\n{"key":"run_1:0.1","path":"out/led');
    await use("append_file", LINE, { call: "0.2" });
    expect(await reconcile(LINE, "0.1")).toEqual({ outcome: "not-done" });
    expect(await reconcile(LINE, "0.2")).toMatchObject({ outcome: "done" });
  });

  it("keeps parallel appends whole and knows each one's place", async () => {
    const calls = Array.from({ length: 20 }, (_, i) => `0.${i}`);
    await Promise.all(calls.map((call) => use("append_file", { ...LINE, text: `line of ${call}` }, { call })));
    const lines = (await readFile(file(), "utf8")).trimEnd().split("\n");
    expect(lines.toSorted()).toEqual(calls.map((call) => `line of ${call}`).toSorted());
    for (const call of calls) {
      expect(await reconcile({ ...LINE, text: `line of ${call}` }, call)).toMatchObject({ outcome: "done" });
    }
  });

  it("tells the truth about every append of a process that is killed in the middle of one", async () => {
    const program = fileURLToPath(new URL("../../../test/support/appending-process.ts", import.meta.url));
    let rounds = 0;
    let started = 0;
    while (rounds < 8) {
      const child = spawn(process.execPath, [program, root, String(rounds)], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = new Promise((resolve) => child.once("exit", resolve));
      const calls: string[] = [];
      for await (const call of createInterface({ input: child.stdout })) {
        calls.push(call);
        if (calls.length === 5 + rounds) child.kill("SIGKILL");
      }
      await exited;
      expect(calls.length).toBeGreaterThan(4);
      const text = await readFile(file(), "utf8");
      for (const call of calls) {
        const times = text.split(`line of ${call}\n`).length - 1;
        const found = await reconcile({ ...LINE, text: `line of ${call}` }, call);
        expect(`${call} ${found?.outcome}`).toBe(`${call} ${times === 1 ? "done" : "not-done"}`);
      }
      started += calls.length;
      rounds++;
    }
    expect(started).toBeGreaterThan(40);
    expect((await stat(file())).size).toBeGreaterThan(0);
  });
});
