/** Recorded conversations through the real kernel and the real store, also under kill -9. */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const own = join(root, "examples/recordings/garden.jsonl");
const corpus = join(process.env["EXECUTUS_CORPUS"] ?? resolve(root, "../shared/corpus"), "open/runs");
const open = existsSync(corpus) ? globSync("*.jsonl", { cwd: corpus }).map((name) => join(corpus, name)) : [];

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-play-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function node(script: string, args: readonly string[]): Promise<Ended> {
  const all = ["--conditions=executus-source", "--no-warnings", join(root, script), ...args];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { cwd: folder, maxBuffer: 1e8 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}

const play = (...args: string[]): Promise<Ended> => node("src/hosts/cli/main.ts", ["play", ...args]);

const lines = (file: string): string[] => readFileSync(join(folder, file), "utf8").split("\n").slice(0, -1);

describe("executus play", () => {
  it("plays every kind of recording and executes each answered call once", async () => {
    const { code, stdout } = await play(own, "--effects", "effects.txt");
    expect(stdout).toBe("8 passed, 0 failed\n");
    expect(code).toBe(0);
    const executed = lines("effects.txt");
    expect(new Set(executed).size).toBe(executed.length);
    expect(executed.filter((line) => line.startsWith("play_garden-parallel ")).toSorted()).toEqual(
      ["0.0", "0.1", "0.2", "0.3", "0.4", "1.0", "1.1", "2.0"].map((call) => `play_garden-parallel ${call}`),
    );
    // The valve's call was left unanswered: it is played as interrupted, and leaves no line.
    expect(executed.filter((line) => line.startsWith("play_garden-interrupted "))).toEqual(
      expect.arrayContaining(["play_garden-interrupted 0.1", "play_garden-interrupted 1.0"]),
    );
    expect(executed).not.toContain("play_garden-interrupted 0.0");
  });

  it("skips what has ended when it is started again", async () => {
    await play(own, "--effects", "effects.txt");
    const before = lines("effects.txt");
    const again = await play(own, "--effects", "effects.txt");
    expect(again.stdout).toBe("8 passed, 0 failed\n");
    expect(again.stderr).toContain("had ended, compared only");
    expect(lines("effects.txt")).toEqual(before);
  });

  it("says what differs, and fails", async () => {
    await play(own, "--id", "garden-simple");
    const changed = readFileSync(own, "utf8").split("\n")[0]?.replaceAll("18", "81") ?? "";
    writeFileSync(join(folder, "changed.jsonl"), changed);
    const { code, stdout, stderr } = await play("changed.jsonl");
    expect([code, stdout]).toEqual([1, "0 passed, 1 failed\n"]);
    expect(stderr).toMatch(/FAIL {2}garden-simple.*: entry 2: expected .*81.*, got .*18/);
  });

  it("names file and line of what is no recording", async () => {
    writeFileSync(join(folder, "bad.jsonl"), `{"id":"a","turns":[{"assistant":{"text":"x"}}]}\n{"id":"b"}\n`);
    const { code, stderr } = await play("bad.jsonl");
    expect(code).toBe(2);
    expect(stderr).toContain("bad.jsonl:2: b has no turns");
    expect(stderr).not.toContain("ok ");
    expect((await play("nowhere.jsonl")).stderr).toContain("cannot read nowhere.jsonl");
  });

  it("makes no store when there is nothing to play", async () => {
    writeFileSync(join(folder, "bad.jsonl"), `{"id":"b"}\n`);
    writeFileSync(join(folder, "none.jsonl"), "\n");
    expect(await play("bad.jsonl")).toMatchObject({ code: 2 });
    expect(await play("none.jsonl")).toMatchObject({ code: 2, stderr: "There is no recording in these files.\n" });
    expect(await play(own, "--effects", "none/effects.txt")).toMatchObject({ code: 2 });
    expect(await play(own, "--id", "nobody", "--effects", "effects.txt")).toMatchObject({
      code: 2,
      stderr: "There is no recording with the id nobody in these files.\n",
    });
    expect(readdirSync(folder)).toEqual(["bad.jsonl", "none.jsonl"]);
  });

  it.each([
    ['{"id":"a","turns":[{"assistant":{"toolCalls":{}}}]}', "turns[0].assistant.toolCalls is {}, not a list"],
    ['{"id":"a","turns":[{"assistant":{"toolCalls":[null]}}]}', "turns[0].assistant.toolCalls[0] is null, not an object"],
    [
      '{"id":"a","turns":[{"assistant":{"toolCalls":[{"id":"1"}]}}]}',
      "turns[0].assistant.toolCalls[0].name is missing, not a text",
    ],
    ['{"id":"a","turns":[{"assistant":{"text":["x"]}}]}', 'turns[0].assistant.text is ["x"], not a text'],
    ['{"id":"a","turns":[{"assistant":{}}],"tools":[null]}', "tools[0] is null, not an object"],
    ['{"id":"a","turns":[{"assistant":null}]}', "turn 0 of a has no assistant answer"],
  ])("names what is wrong in %s", async (line, problem) => {
    writeFileSync(join(folder, "bad.jsonl"), `${line}\n`);
    const { code, stderr } = await play("bad.jsonl");
    expect(stderr).toContain(`executus: bad.jsonl:1: ${problem}\n`);
    expect(code).toBe(2);
  });

  const call = (input: string): string =>
    `{"id":"a","user":"Go.","turns":[{"assistant":{"text":null,"usage":null,"toolCalls":[{"id":"1","name":"dig","input":${input}}]},` +
    `"toolResults":[{"id":"1","output":null,"isError":false}]},{"user":null,"compactionBefore":null,"assistant":{"text":"Done."}}],"system":null}\n`;

  it("takes null for what is not there, numbers that a journal writes otherwise, and a byte order mark", async () => {
    writeFileSync(join(folder, "odd.jsonl"), `\u{feff}${call('{"down":-0,"far":1e400}')}`);
    expect(await play("odd.jsonl")).toMatchObject({ code: 0, stdout: "1 passed, 0 failed\n" });
  });

  it("refuses two recordings of one id, and what can be read only once", async () => {
    writeFileSync(join(folder, "a.jsonl"), call("null"));
    writeFileSync(join(folder, "b.jsonl"), call("{}").replace("Done.", "Done!"));
    const { code, stderr } = await play("a.jsonl", "b.jsonl");
    expect(stderr).toContain("executus: a.jsonl and b.jsonl both have a recording with the id a\n");
    expect(code).toBe(2);
    expect((await play("/dev/null")).stderr).toContain("executus: cannot read /dev/null: it is no file\n");
  });

  it("refuses effects that cannot be written down before a run is spoilt by it", async () => {
    writeFileSync(join(folder, "a.jsonl"), call("null"));
    const { code, stderr } = await play("a.jsonl", "--effects", "none/effects.txt");
    expect(stderr).toMatch(/^executus: the effects cannot be written to none\/effects.txt: ENOENT/);
    expect(code).toBe(2);
    expect(await play("a.jsonl", "--effects", "effects.txt")).toMatchObject({ code: 0, stdout: "1 passed, 0 failed\n" });
  });

  it("puts an effect on a line of its own in a file whose last line has no end", async () => {
    writeFileSync(join(folder, "a.jsonl"), call("null"));
    writeFileSync(join(folder, "effects.txt"), "of another program");
    await play("a.jsonl", "--effects", "effects.txt");
    expect(lines("effects.txt")).toEqual(["of another program", "play_a 0.0"]);
  });

  it.skipIf(open.length === 0)(
    `plays the whole open corpus${open.length === 0 ? " (skipped: there is no corpus)" : ""}`,
    async () => {
      const { code, stdout, stderr } = await play(...open, "--effects", "effects.txt");
      expect(stderr.split("\n").filter((line) => line.startsWith("FAIL"))).toEqual([]);
      expect(stdout).toMatch(/^\d+ passed, 0 failed\n$/);
      expect(code).toBe(0);
      expect(new Set(lines("effects.txt")).size).toBe(lines("effects.txt").length);
    },
  );
});

describe("kill -9 at random moments", () => {
  const killLoop = (files: readonly string[], args: readonly string[]): Promise<Ended> =>
    node("scripts/kill-loop.ts", [...args, ...files]);
  const problems = ({ stdout }: Ended): string[] => stdout.split("\n").filter((line) => line.startsWith("  "));

  it("repeats nothing and loses nothing of the example recordings", async () => {
    const ended = await killLoop([own], ["--kills", "10", "--min", "200", "--max", "700", "--delay", "60"]);
    expect(problems(ended)).toEqual([]);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/\d+ passed, 0 failed\n$/) });
  }, 120_000);

  it.skipIf(open.length === 0)(
    `repeats nothing and loses nothing of the open corpus${open.length === 0 ? " (skipped: there is no corpus)" : ""}`,
    async () => {
      const ended = await killLoop(open, ["--kills", "25", "--min", "300", "--max", "1200"]);
      expect(problems(ended)).toEqual([]);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/\d+ passed, 0 failed\n$/) });
    },
    240_000,
  );
});
