import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

async function put(path: string, ...lines: readonly string[]): Promise<void> {
  await mkdir(join(folder.path, path, ".."), { recursive: true });
  await writeFile(join(folder.path, path), lines.join("\n"));
}

it("ls shows the agents of all usual folders, without hidden ones and project files", async () => {
  await put("agents/clerk.md", "---", "model: smart", "description: Tidies up.", "---", "Tidy up.");
  await put(".claude/agents/reviewer.md", "---", "model: sonnet", "tools: Read, Bash", "---", "Review.");
  await put(".claude/agents/clerk.md", "Another clerk, found later.");
  await put(".opencode/agent/quiet.md", "---", "hidden: true", "---", "Shh.");
  await put(".agents/AGENTS.md", "No agent.");
  await put(".agents/broken.md", "---", "nmae: x", "---", "y");
  const { code, stdout } = await folder.run(["agents", "ls"]);
  expect([
    code,
    folder
      .plain(stdout)
      .split("\n")
      .map((line) => line.replaceAll(/  +/g, "  ")),
  ]).toEqual([
    0,
    [
      "AGENT  MODEL  FILE  WHAT FOR",
      "clerk  smart  agents/clerk.md  Tidies up.",
      "reviewer  smart  .claude/agents/reviewer.md",
      expect.stringMatching(/^\(unreadable\)  \.agents\/broken\.md  .*broken\.md:2: `nmae`/),
      "",
    ],
  ]);
  const listed = JSON.parse((await folder.run(["agents", "ls", "--all", "--json"])).stdout) as { agents: { name?: string }[] };
  expect(listed.agents.map(({ name }) => name)).toEqual(["clerk", "reviewer", "quiet", undefined]);
});

it("check says file, line and what to do, and fails", async () => {
  await put("agents/good.md", "---", "memory: user", "---", "x");
  expect((await folder.run(["agents", "check"])).code).toBe(0);
  await put("agents/bad.md", "---", "name: bad", "dscription: y", "---", "x");
  const { code, stdout, stderr } = await folder.run(["agents", "check"]);
  expect(code).toBe(2);
  expect(stdout).toMatch(/^error {2}.*agents\/bad\.md:3: `dscription` is not a known field\. Did you mean `description`\?$/m);
  expect(stdout).toMatch(/^note {3}.*agents\/good\.md:2: `memory` is not supported and was not used$/m);
  expect(stderr).toContain("2 agents read, 1 sound, 1 not");
  expect((await folder.run(["agents", "check", "bad", "--lenient"])).code).toBe(0);
});

it("run takes our tools for those of other programs and says what is missing", async () => {
  await put(".claude/agents/reader.md", "---", "tools: Read, Bash, WebFetch", "---", "Read.");
  const { code, stderr } = await folder.run(["run", "reader", "x"]);
  expect(stderr).toContain("reader.md: there is no Bash, WebFetch here: the agent goes without");
  expect(code).toBe(6);
  await put("agents/own.md", "---", "tools: Raed", "---", "Read.");
  expect((await folder.run(["run", "own", "x"])).stderr).toContain("names the tool Raed, which is not there");
});

it("a disabled agent is refused", async () => {
  await put("agents/off.md", "---", "disable: true", "---", "x");
  const env = { EXECUTUS_BASE_URL: "http://127.0.0.1:9/v1", EXECUTUS_MODEL: "m" };
  const { code, stderr } = await folder.run(["run", "off", "x"], { env });
  expect([code, stderr]).toEqual([2, expect.stringContaining("agent off is disabled")]);
});
