import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const inFolder = (...names: string[]): string => join(folder.path, ...names);

describe("--attach and artifacts", () => {
  it("S23 takes files along, shows images, and names what cannot be read", async () => {
    await writeFile(inFolder("notes.md"), "# Notes");
    await writeFile(inFolder("cat.png"), Buffer.from("89504e470d0a1a0a00", "hex"));
    const words = ["run", agentFile("drawing"), "Look", "--attach", "notes.md", "--attach", "cat.png", "-q"];
    const { code, stdout } = await folder.run(words);
    expect(code).toBe(0);
    expect(stdout).toContain("Look\n[ATTACHED FILES]\n- file-1: notes.md (text/markdown, 7 bytes)");
    expect(stdout).toContain("[image/png]");
    const missing = await folder.run(["run", agentFile("drawing"), "Look", "--attach", "nothing.md"]);
    expect(missing.stderr).toContain("nothing.md cannot be attached");
    expect(missing.code).not.toBe(0);
  }, 60_000);

  it("S30 lists what a run left behind, and writes it where no name leads out of the folder", async () => {
    await folder.run(["run", agentFile("drawing"), "Draw", "--id", "cat", "-q"]);
    const listed = await folder.run(["artifacts", "cat"]);
    expect(listed.stdout).toMatch(/pictures\/cat\.txt\s+text\/plain\s+5 bytes/);
    const written = await folder.run(["artifacts", "cat", "--out", "out"]);
    expect(written.stdout).toMatch(/^out\/_/);
    expect(await readFile(inFolder("out", "__pictures_cat.txt"), "utf8")).toBe("=^.^=");
  }, 60_000);
});

describe("audit verify", () => {
  it("S09 says that a run is as it was written, and of all runs which is not", async () => {
    await folder.run(["run", agentFile("drawing"), "Draw", "--id", "one", "-q"]);
    await folder.run(["run", agentFile("drawing"), "Draw", "--id", "two", "-q"]);
    const db = new DatabaseSync(inFolder(".executus/executus.db"));
    db.exec(
      "UPDATE events SET body = replace(body, 'drawn', 'never') WHERE place >> 24 = (SELECT id FROM runs WHERE run = 'two')",
    );
    db.close();
    const sound = await folder.run(["audit", "verify", "one"]);
    expect(sound.stdout).toMatch(/^one is as it was written: \d+ events, head [0-9a-f]{32}\n$/);
    expect(sound.code).toBe(0);
    const all = await folder.run(["audit", "verify", "--all", "--json"]);
    expect(JSON.parse(all.stdout)).toMatchObject({
      chains: [{ run: "one" }],
      problems: [{ run: "two", seq: expect.any(Number) as number }],
    });
    expect(all.code).toBe(7);
  }, 60_000);

  it("asks which run is meant", async () => {
    const { stderr, code } = await folder.run(["audit", "verify"]);
    expect(stderr).toContain("say which run to verify, or --all");
    expect(code).toBe(2);
  });
});
