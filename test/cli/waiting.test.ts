/** Runs that wait, on the command line: parked, shown, answered by another command, and in the terminal. */
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile, type Finished } from "./cli-process.ts";

const MAIN = fileURLToPath(new URL("../../src/hosts/cli/main.ts", import.meta.url));

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

const cli = (...words: readonly string[]): Promise<Finished> => folder.run(words);

/** Starts a run that waits, away from any terminal. */
async function parked(input: string): Promise<Finished> {
  const ended = await cli("run", agentFile("waiting"), input, "--id", "r", "-q");
  expect(ended.code).toBe(4);
  return ended;
}

describe("a run that waits for approval", () => {
  it("parks with exit code 4 and the commands that answer; lists and pages show them too", async () => {
    const { stdout, stderr } = await parked("approval");
    expect(stdout).toBe("");
    expect(folder.plain(stderr)).toBe(
      "r waits for a person\nMay send ann run (it leaves the house)?\n  executus approve r   or deny\nThen it goes on with:\n  executus resume r\n",
    );
    expect((await cli("ls")).stdout).toMatch(/waiting.*1 call to approve/);
    expect(folder.plain((await cli("show", "r")).stdout)).toContain(
      "May send ann run (it leaves the house)? executus approve r   or deny\n",
    );
    const tail = await cli("tail", "r");
    expect(tail.stdout).toContain("send waits for approval: it leaves the house");
    expect(folder.plain(tail.stderr)).toContain("r waits:\n  May send run (it leaves the house)?\n    executus approve r");
  });

  it("goes on with what was approved", async () => {
    await parked("approval");
    const approved = await cli("approve", "r");
    expect([approved.code, folder.plain(approved.stderr)]).toEqual([
      0,
      "r: send approved; nobody drives it just now; it takes effect when the run goes on:\n  executus resume r\n",
    ]);
    expect(await cli("resume", "r", "-q")).toMatchObject({ code: 0, stdout: "sent to ann\n" });
    const again = await cli("approve", "r");
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("r waits for no approval")]);
  });

  it("runs with edited arguments, and refuses those that do not fit before anybody is told", async () => {
    await parked("approval");
    const wrong = await cli("approve", "r", "--edit", '{"too":"bob"}');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("these arguments do not fit send")]);
    expect((await cli("approve", "r", "--edit", "{bob}")).stderr).toContain("It is not JSON");
    expect((await cli("approve", "r", "0.0", "--edit", '{"to":"bob"}')).code).toBe(0);
    expect((await cli("resume", "r", "-q")).stdout).toBe("sent to bob\n");
  });

  it("is told why it was denied", async () => {
    await parked("approval");
    expect((await cli("deny", "r", "--note", "not today")).stderr).toContain("r: send denied");
    expect((await cli("resume", "r", "-q")).stdout).toContain("a person denied it. They said: not today");
  });

  it("is told once: who answers again before it goes on hears that the first answer counts", async () => {
    await parked("approval");
    expect((await cli("approve", "r")).code).toBe(0);
    const denied = await cli("deny", "r");
    expect([denied.code, denied.stderr]).toEqual([
      2,
      expect.stringMatching(/r was told "approve" about that.*the first answer counts/),
    ]);
    expect(denied.stderr).toContain("resume r");
    expect((await cli("steer", "r", "Be brief.")).code).toBe(0);
    expect((await cli("resume", "r", "-q")).stdout).toBe("sent to ann\n");
  });

  it("asks which call is meant where several wait", async () => {
    await parked("approval approval");
    const vague = await cli("approve", "r");
    expect([vague.code, vague.stderr]).toEqual([2, expect.stringContaining("Name one of them: 0.0 (send), 0.1 (send).")]);
    expect((await cli("approve", "r", "0.1")).code).toBe(0);
    expect((await cli("deny", "r", "0.0")).code).toBe(0);
    expect((await cli("resume", "r", "-q")).stdout).toMatch(/^Not run: .*; sent to ann\n$/);
  });
});

describe("a run that waits for something else", () => {
  it("takes an answer to its question", async () => {
    expect((await parked("answer")).stderr).toContain("ask_person asks: Which colour? (red, blue)");
    expect((await cli("ls")).stdout).toContain("1 question");
    const green = await cli("answer", "r", "green");
    expect([green.code, green.stderr]).toEqual([2, expect.stringContaining('not told "green": the answer is one of red, blue')]);
    expect((await cli("answer", "r", "blue")).stderr).toContain("r: answered");
    expect((await cli("resume", "r", "-q")).stdout).toBe("blue\n");
  });

  it("takes a signal with what comes with it", async () => {
    expect(folder.plain((await parked("event")).stderr)).toContain("build waits for built.\n  executus signal r built\n");
    expect((await cli("signal", "r", "built", "not json")).stderr).toContain("is not JSON");
    expect(await cli("signal", "r", "")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the event has no name") as string,
    });
    expect(await cli("steer", "r", " ")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nothing in the message") as string,
    });
    expect((await cli("signal", "r", "built", '{"ok":true}')).code).toBe(0);
    expect((await cli("resume", "r", "-q")).stdout).toBe('{"ok":true}\n');
  });

  it("says until when it sleeps, and parks again when it is resumed too early", async () => {
    expect((await parked("time")).stderr).toMatch(/^r waits\nnap sleeps until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\n/);
    expect((await cli("resume", "r", "-q")).code).toBe(4);
  });

  it("shows all of it", async () => {
    await parked("approval answer event time");
    expect((await cli("ls")).stdout).toMatch(/1 call to approve, 1 question, waits for built, sleeps until/);
    const page = (await cli("show", "r")).stdout;
    const open = [...page.matchAll(/ → (\w+) .*?((?:waits|sleeps) .*) \(id (0\.\d)\)/g)].map((match) => match.slice(1));
    expect(open).toEqual([
      ["send", "waits for approval", "0.0"],
      ["ask_person", "waits for an answer", "0.1"],
      ["build", "waits for built", "0.2"],
      ["nap", expect.stringMatching(/^sleeps until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/), "0.3"],
    ]);
  });
});

function hasScript(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

/** A person at a terminal: types each line once the prompt before it is there. */
async function atTerminal(
  words: readonly string[],
  talk: readonly (readonly [RegExp, string])[],
): Promise<{ written: string; code: number }> {
  const command = ["stty cols 100 rows 40;", process.execPath, "--conditions=executus-source", MAIN, ...words].join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: folder.path,
    env: { PATH: process.env["PATH"] ?? "", TERM: "dumb", LANG: "C.UTF-8" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  let from = 0;
  const left = [...talk];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    const [next] = left;
    const found = next && next[0].exec(written.slice(from));
    if (next === undefined || found === null || found === undefined) return;
    from += found.index + found[0].length;
    left.shift();
    child.stdin.write(next[1]);
  });
  const code = await new Promise<number>((resolve) => child.once("close", (exit) => resolve(exit ?? -1)));
  return { written, code };
}

describe.skipIf(!hasScript())("at a terminal (skipped where there is no `script` of util-linux)", () => {
  it("asks for approval right there, and goes on", async () => {
    const { written, code } = await atTerminal(["run", agentFile("waiting"), "approval"], [[/\[l\]ater: /, "y\r"]]);
    expect(written).toContain('"to": "ann"');
    expect(written).toContain("sent to ann");
    expect(code).toBe(0);
  });

  it("takes edited arguments, a denial with its reason, and answers, all before anything runs", async () => {
    const { written, code } = await atTerminal(
      ["run", agentFile("waiting"), "'approval approval answer'"],
      [
        [/\[l\]ater: /, "e\r"],
        [/Arguments \(JSON\): .*\}/, '\u0001\u000b{"to":"bob"}\r'],
        [/\[l\]ater: /, "n\r"],
        [/left out\): /, "enough\r"],
        [/later\): /, "2\r"],
      ],
    );
    expect(written).toContain("sent to bob; Not run: a person denied it. They said: enough; blue");
    expect(code).toBe(0);
  });

  it("leaves for later what the person has no answer to", async () => {
    const { written, code } = await atTerminal(["run", agentFile("waiting"), "approval"], [[/\[l\]ater: /, "l\r"]]);
    expect(written).toContain("waits for a person");
    expect(code).toBe(4);
  });

  it("leaves it for later on Ctrl-C", async () => {
    const { code } = await atTerminal(["run", agentFile("waiting"), "answer"], [[/later\): /, "\u0003"]]);
    expect(code).toBe(4);
  });
});
