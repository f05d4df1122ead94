import { existsSync, globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExecutusError } from "../../kernel/errors.ts";
import { type AgentFile, readAgentFile } from "./markdown.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "executus-agents-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string, name = "clerk.md"): Promise<AgentFile> {
  await writeFile(join(folder, name), text);
  return readAgentFile(join(folder, name));
}

async function problemWith(text: string, name?: string): Promise<string> {
  const error: unknown = await read(text, name).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isExecutusError(error) && error.code === "agent_invalid") return `${error.message.replace(`${folder}/`, "")} ${error.hint}`;
  throw error ?? new Error("nothing was wrong");
}

function front(...lines: readonly string[]): string {
  return `---\n${lines.join("\n")}\n---\n\nKeep the notes tidy.\n`;
}

describe("readAgentFile", () => {
  it("reads every field that it knows", async () => {
    const text = front(
      "name: note-clerk",
      "description: Keeps notes",
      "tools: read_file, search_files , write_file",
      "disallowedTools: [write_file]",
      "model: smart",
      "maxTurns: 20",
      "effort: high",
      "temperature: 0.2",
      "top_p: 0.9",
      "executus:",
      "  limits:",
      "    time: 1h30m",
      "    toolTimeout: 500ms",
      "    tokens: 100000",
      "    costUsd: 0.5",
      "    toolErrors: .inf",
    );
    expect(await read(text)).toEqual({
      agent: {
        name: "note-clerk",
        description: "Keeps notes",
        instructions: "Keep the notes tidy.",
        tools: ["read_file", "search_files"],
        model: "smart",
        limits: { maxSteps: 20, timeMs: 5_400_000, toolTimeoutMs: 500, tokens: 100_000, costUsd: 0.5, toolErrors: Infinity },
        settings: { reasoning: "high", temperature: 0.2, topP: 0.9 },
        source: join(folder, "clerk.md"),
      },
      warnings: [],
    });
  });

  it("takes its name from the file and its model from whoever starts it", async () => {
    const { agent } = await read(front("model: inherit"), "night-clerk.md");
    expect(agent).toEqual({ name: "night-clerk", instructions: "Keep the notes tidy.", source: join(folder, "night-clerk.md") });
    expect((await read("Just do it.")).agent).toMatchObject({ name: "clerk", instructions: "Just do it." });
  });

  it("takes Windows line ends, a byte order mark, and rules in the body", async () => {
    const { agent } = await read("\uFEFF---\r\nname: x\r\n---\r\none\r\n---\r\ntwo\r\n");
    expect(agent).toMatchObject({ name: "x", instructions: "one\n---\ntwo" });
  });

  it("keeps commas in parentheses with the name", async () => {
    expect((await read(front("tools: Agent(a, b), Read,Read"))).agent.tools).toEqual(["Agent(a, b)", "Read"]);
  });

  it("warns of what it does not do, with file and line, and uses nothing of it", async () => {
    const { agent, warnings } = await read(
      front("name: x", "hooks: { a: b }", "memory: project", "isolation: worktree", "disallowedTools: Bash"),
    );
    expect(agent).toEqual({ name: "x", instructions: "Keep the notes tidy.", source: join(folder, "clerk.md") });
    expect(warnings.map((warning) => warning.replace(`${folder}/`, ""))).toEqual([
      "clerk.md:3: `hooks` is not supported and was not used",
      "clerk.md:4: `memory` is not supported and was not used",
      "clerk.md:5: `isolation` is not supported and was not used",
      "clerk.md:6: `disallowedTools` changes nothing without `tools`: an agent has only those it names",
    ]);
    expect((await read("---\nname: x\n---\n")).warnings).toHaveLength(1);
  });

  it.each<[string, string, string]>([
    [
      "a misspelt key",
      front("name: x", "discription: y"),
      "clerk.md:3: `discription` is not a known field. Did you mean `description`?",
    ],
    [
      "a misspelt limit",
      front("executus:", "  limits:", "    stps: 1"),
      "clerk.md:4: `stps` is not a known field. Did you mean `steps`?",
    ],
    ["a key that inherits", front("constructor: 1"), "clerk.md:2: `constructor` is not a known field."],
    [
      "a time without a unit",
      front("executus:", "  limits: { time: 90 }"),
      "clerk.md:3: `time` is 90. Write a time with its unit",
    ],
    ["steps that are no number", front("steps: many"), 'clerk.md:2: `steps` is "many". Write a number.'],
    ["steps given twice", front("steps: 3", "maxTurns: 4"), "clerk.md:3: the number of steps is given twice"],
    [
      "steps given twice, once in limits",
      front("steps: 3", "executus:", "  limits: { steps: 4 }"),
      "clerk.md:4: the number of steps is",
    ],
    ["an unknown effort", front("effort: huge"), 'clerk.md:2: `effort` is "huge". Use one of none'],
    ["tools that are no names", front("tools: [1]"), "clerk.md:2: `tools` is not a list of names"],
    ["a name that is none", front("name: Two Words"), 'clerk.md:2: "Two Words" is not a name for an agent. Use 1 to 128'],
    ["a colon in plain text", front("description: Use when: always"), "clerk.md:2: the frontmatter is not YAML: nested mappings"],
    ["a key given twice", front("name: x", "name: y"), "clerk.md:3: the frontmatter is not YAML: map keys must be unique"],
    ["a tag", front("name: !!js/function x"), "clerk.md:2: the frontmatter is not YAML: unresolved tag"],
    ["code", "---js\n{}\n---\nx", 'clerk.md:1: the frontmatter begins with "---js". Only YAML is read'],
    ["an open end", "---\nname: x\n", "clerk.md:1: the frontmatter is not closed. End it with a line `---`."],
    ["a list", "---\n- name\n---\n", "clerk.md:2: the frontmatter is not a list of `key: value`"],
  ])("says what is wrong with %s, and where", async (_what, text, message) => {
    expect(await problemWith(text)).toContain(message);
  });

  it("refuses aliases that would blow up, and a file name that is no name", async () => {
    const keys = ["b", "c", "d", "e", "f", "g"];
    const bomb = ["a: &a [1,1,1,1,1]", ...keys.map((key, i) => `${key}: &${key} [${`*${["a", ...keys][i]},`.repeat(9)}]`)];
    expect(await problemWith(front(...bomb))).toMatch(/^clerk\.md:\d: the YAML cannot be read: Excessive alias count/);
    expect(await problemWith("x", "two words.md")).toBe(
      'two words.md:1: "two words" is not a name for an agent. Give it a `name`.',
    );
  });

  it("names the nearest file when there is none", async () => {
    await writeFile(join(folder, "reviewer.md"), "x");
    const missing = readAgentFile(join(folder, "reveiwer.md"));
    await expect(missing).rejects.toMatchObject({ code: "agent_unknown", hint: `Did you mean ${join(folder, "reviewer.md")}?` });
    await expect(readAgentFile(folder)).rejects.toMatchObject({
      code: "agent_unknown",
      hint: expect.stringContaining("reviewer.md"),
    });
  });
});

const corpus = process.env["EXECUTUS_CORPUS"] ?? fileURLToPath(new URL("../../../../shared/corpus/open", import.meta.url));

describe.skipIf(!existsSync(join(corpus, "agents")))("agent files that people have published (needs the corpus)", () => {
  it("are read, at least 95 of 100, and the others say file, line and what to do", async () => {
    const files = globSync("agents/**/*.md", { cwd: corpus });
    const reasons: string[] = [];
    let lenient = 0;
    for (const file of files) {
      lenient += await readAgentFile(join(corpus, file), { lenient: true }).then(
        () => 1,
        () => 0,
      );
      try {
        const { agent } = await readAgentFile(join(corpus, file));
        expect(agent.instructions).not.toBe("");
      } catch (error) {
        if (!isExecutusError(error)) throw error;
        reasons.push(`${error.message} ${error.hint}`);
      }
    }
    process.stdout.write(
      `agent files of the corpus: ${files.length - reasons.length} of ${files.length} read, leniently ${lenient}\n`,
    );
    for (const reason of reasons) expect(reason).toMatch(/\.md:\d+: .+\. [A-Z].+\.$/);
    expect(files.length).toBeGreaterThan(200);
    expect(lenient).toBe(files.length);
    expect(reasons.length / files.length).toBeLessThanOrEqual(0.05);
  });
});
