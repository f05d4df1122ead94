/** What a person sees, on a terminal made by `script` (util-linux). */
import { execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

const MAIN = fileURLToPath(new URL("../../src/hosts/cli/main.ts", import.meta.url));

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

function hasScript(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

/** Everything that was written to the terminal. */
async function onTerminal(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const command = ["stty cols 60 rows 20;", process.execPath, "--conditions=executus-source", MAIN, ...words].join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: folder.path,
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  await new Promise((resolve) => child.once("close", resolve));
  return written;
}

const ESCAPE = "\u001B";
const COLOUR = new RegExp(`${ESCAPE}\\[\\d+m`);
const MOVES = new RegExp(`${ESCAPE}\\[\\d+A`);

describe.skipIf(!hasScript())("on a terminal (skipped where there is no `script` of util-linux)", () => {
  it("steps are redrawn in place, in colour, and the place is clean at the end", async () => {
    const written = await onTerminal(["run", agentFile("quick"), "tea"]);
    expect(written).toMatch(COLOUR);
    expect(written).toContain("record one");
    expect(written.split("Kill it at any moment: the same command continues it.")).toHaveLength(2);
    expect(written.endsWith(`${ESCAPE}[J${ESCAPE}[?2026lYou asked for tea.\r\n`)).toBe(true);
  });

  it("NO_COLOR takes the colours away, and a locale without Unicode the marks", async () => {
    const written = await onTerminal(["run", agentFile("quick"), "tea"], { NO_COLOR: "1", LC_ALL: "C" });
    expect(written).not.toMatch(COLOUR);
    expect(written).toContain("1 + record one");
    expect(written).not.toMatch(/[✓·…]/);
  });

  it("a terminal that cannot move its cursor gets plain lines", async () => {
    const written = await onTerminal(["run", agentFile("quick"), "tea"], { TERM: "dumb" });
    expect(written).not.toMatch(MOVES);
    expect(written).toContain("1 ✓ record one");
  });

  it("-q says nothing but the answer", async () => {
    expect(await onTerminal(["run", agentFile("quick"), "tea", "-q"])).toBe("You asked for tea.\r\n");
  });

  it("nothing that a tool brings reaches the terminal as a command", async () => {
    const written = await onTerminal(["run", agentFile("chatty"), "--max-steps", "3"]);
    expect(written).not.toContain("\u001B[2J");
    expect(written).toContain("chatter");
    expect(written).toContain("As far as I got.\r\n");
  });
});
