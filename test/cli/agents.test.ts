import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
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

it("check tells of tools that are not here, and of no others", async () => {
  const github = { mcpServers: { github: { command: "github-mcp" }, "my files": { command: "files-mcp" } } };
  await put(".mcp.json", JSON.stringify(github));
  const known = "read_file, Read, run_status, mcp__github__*, mcp__my_files__list, agent__other, skill__x";
  await put("agents/known.md", "---", `tools: ${known}`, "mcpServers: [{ own: { command: own-mcp } }]", "---", "x");
  expect((await folder.run(["agents", "check"])).stdout).not.toContain("note");
  await put("agents/slips.md", "---", "tools: raed_file, Bash, mcp__gitlab__list, mcp__github__list", "---", "x");
  const { code, stdout, stderr } = await folder.run(["agents", "check", "slips"]);
  const lines = folder
    .plain(stdout)
    .replaceAll(/ \S*agents\//g, " ")
    .trim()
    .split("\n");
  expect(lines).toEqual([
    "note   slips.md: there is no Bash here: the agent goes without",
    "note   slips.md: there is no raed_file here (did you mean read_file?): `executus run` refuses this agent",
    "note   slips.md: mcp__gitlab__list is of no MCP server that the agent or .mcp.json names",
  ]);
  expect([code, stderr]).toEqual([0, "1 agent read, 1 sound\n"]);
  const listed = JSON.parse((await folder.run(["agents", "check", "slips", "--json"])).stdout) as {
    agents: { warnings: string[] }[];
  };
  expect(listed.agents[0]?.warnings).toHaveLength(3);
});

it("check and run refuse a tool whose JSON Schema is broken, before there is a store", async () => {
  await put(
    "agents/broken.ts",
    `import { defineAgent, defineTool } from "executus";`,
    `const input = { type: "object", properties: { id: { type: "string", pattern: "[" } } };`,
    `const find = defineTool({ name: "find", description: "Finds.", input, execute: () => "found" });`,
    `export const agent = defineAgent({ name: "broken", instructions: "x", tools: [find] });`,
  );
  await mkdir(join(folder.path, "node_modules"));
  await symlink(join(import.meta.dirname, "../.."), join(folder.path, "node_modules/executus"));
  const problem = "Tool find: its input is not a valid JSON Schema: properties.id.pattern: Invalid regular expression: /[/";
  const checked = await folder.run(["agents", "check"]);
  expect([checked.code, checked.stdout]).toEqual([2, expect.stringContaining(problem)]);
  const env = { EXECUTUS_BASE_URL: "http://127.0.0.1:9/v1", EXECUTUS_MODEL: "m" };
  const { code, stderr } = await folder.run(["run", "broken", "x"], { env });
  expect([code, stderr]).toEqual([2, expect.stringContaining(problem)]);
  expect(await readdir(folder.path)).not.toContain(".executus");
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
