/** Where an answer goes: files of every kind, and places that take nothing. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile, type Finished } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const ANSWER = "You asked for tea.\n";
const at = (name: string): string => join(folder.path, name);
const tea = (...words: string[]): Promise<Finished> => folder.run(["run", agentFile("quick"), "tea", "-q", ...words]);

describe("-o FILE", () => {
  it("refuses a folder and an empty name before anything is run", async () => {
    await mkdir(at("answers"));
    const { code, stdout, stderr } = await tea("-o", "answers");
    expect(folder.plain(stderr)).toBe(
      "executus: FOLDER/answers cannot be written: it is a folder\n  Name another file with -o.\n",
    );
    expect([code, stdout]).toEqual([2, ""]);
    const unnamed = await tea("-o", "");
    expect(unnamed.stderr).toBe("executus: -o names no file\n  Name one: -o answer.txt\n");
    expect(unnamed.code).toBe(2);
    expect(existsSync(at(".executus"))).toBe(false);
  });

  it("writes what a link points to, and leaves the link and the rights of the file as they were", async () => {
    await writeFile(at("real.txt"), "old", { mode: 0o600 });
    await symlink("real.txt", at("link.txt"));
    expect((await tea("-o", "link.txt")).code).toBe(0);
    expect((await lstat(at("link.txt"))).isSymbolicLink()).toBe(true);
    expect(await readFile(at("real.txt"), "utf8")).toBe(ANSWER);
    expect((await stat(at("real.txt"))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder.path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("writes into a pipe instead of putting a file in its place", async () => {
    await promisify(execFile)("mkfifo", [at("pipe")]);
    const reader = spawn("cat", [at("pipe")]);
    let read = "";
    reader.stdout.on("data", (data: Buffer) => (read += data.toString()));
    expect((await tea("-o", "pipe")).code).toBe(0);
    expect((await lstat(at("pipe"))).isFIFO()).toBe(true);
    await expect.poll(() => read).toBe(ANSWER);
    reader.kill();
  });

  it("prints the answer all the same when the file cannot be written in the end", async () => {
    await symlink("/dev/full", at("full"));
    const { code, stdout, stderr } = await tea("-o", "full");
    expect(stdout).toBe(ANSWER);
    expect(folder.plain(stderr)).toMatch(
      /^executus: the answer could not be written to FOLDER\/full: ENOSPC[^\n]*\nThe answer is kept with the run: executus show run_\w+\n$/,
    );
    expect(code).toBe(1);
    const json = await tea("-o", "full", "--new", "--output-format", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({ status: "completed", result: ANSWER.trim() });
    expect(json.code).toBe(1);
  });

  it("is written for a run that had ended before, too", async () => {
    await tea("--id", "tea-1");
    const { stdout, code } = await tea("--id", "tea-1", "-o", "answer.txt");
    expect([stdout, code]).toEqual([ANSWER, 0]);
    expect(await readFile(at("answer.txt"), "utf8")).toBe(ANSWER);
  });

  it("is not taken for all runs together", async () => {
    await tea();
    const { code, stderr } = await folder.run(["resume", "--all", "-o", "answer.txt"]);
    expect(stderr).toBe("executus: -o takes the answer of one run, and --all is given\n  Give one of them.\n");
    expect(code).toBe(2);
  });
});

describe("a place that takes nothing", () => {
  const shell = async (command: string): Promise<Finished> => {
    const main = join(import.meta.dirname, "../../src/hosts/cli/main.ts");
    const script = command.replaceAll("executus", `"${process.execPath}" --conditions=executus-source "${main}"`);
    const child = spawn("sh", ["-c", script], { cwd: folder.path, stdio: ["ignore", "pipe", "pipe"] });
    const texts = [child.stdout, child.stderr].map(async (stream) => (await stream.setEncoding("utf8").toArray()).join(""));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    return { code, signal: null, stdout, stderr };
  };
  const NO_SPACE = "executus: standard output could not be written: ENOSPC: no space left on device, write\n";

  it("does not make a lost answer look like one that was given", async () => {
    const { code, stderr } = await shell(`executus run ${agentFile("quick")} tea -q > /dev/full`);
    expect([code, stderr]).toEqual([1, NO_SPACE]);
    const listed = await shell("executus ls --all --json > /dev/full");
    expect([listed.code, listed.stderr]).toEqual([1, NO_SPACE]);
    const version = await shell("executus --version > /dev/full");
    expect([version.code, version.stderr]).toEqual([1, ""]);
  });

  it("does not stop a run whose progress nobody can be shown", async () => {
    const { code, stdout } = await shell(`executus run ${agentFile("quick")} tea 2> /dev/full`);
    expect([code, stdout]).toEqual([0, ANSWER]);
  });
});
