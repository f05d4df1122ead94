/** Field by field, as files of several programs write them; the schema that is published; names of tools elsewhere. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../kernel/limits.ts";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import { AGENT_FIELDS } from "./agent-schema.ts";
import { defineAgent } from "./define-agent.ts";
import { agentFileSchema } from "./json-schema.ts";
import { type AgentFile, type AgentFileOptions, readAgentFile } from "./markdown.ts";
import { settleNames } from "./tool-names.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "executus-fields-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(lines: readonly string[], options?: AgentFileOptions): Promise<AgentFile> {
  const file = join(folder, "clerk.md");
  await writeFile(file, `---\n${lines.join("\n")}\n---\nTidy up.\n`);
  const { agent, warnings } = await readAgentFile(file, options);
  return { agent, warnings: warnings.map((warning) => warning.replace(`${folder}/`, "")) };
}

async function fieldsOf(...lines: string[]): Promise<Partial<Agent>> {
  const { name: _name, instructions: _instructions, source: _source, ...fields } = (await read(lines)).agent;
  return fields;
}

async function problemWith(...lines: string[]): Promise<string> {
  const reason: unknown = await read(lines).catch((error: unknown) => error);
  if (!isExecutusError(reason)) throw new Error("nothing was wrong", { cause: reason });
  return `${reason.message.replace(`${folder}/`, "")} ${reason.hint}`;
}

function problemOf(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    if (isExecutusError(error) && error.code === "agent_invalid") return `${error.message} ${error.hint}`;
    throw error;
  }
  return "nothing was wrong";
}

describe("fields of Claude Code", () => {
  it.each([
    ["haiku", "fast"],
    ["sonnet", "smart"],
    ["opus[1m]", "smart"],
    ["inherit", undefined],
    ["claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"],
    ["openai/gpt-6-luna", "openai/gpt-6-luna"],
  ])("model: %s is %s", async (model, tier) => {
    expect((await fieldsOf(`model: ${model}`)).model).toBe(tier);
  });

  it("carries skills, servers, colour, background and first prompt", async () => {
    expect(
      await fieldsOf(
        "skills: pdf, xlsx",
        "mcpServers:",
        "  - github",
        "  - local: { command: node, args: [server.js] }",
        "background: true",
        "color: blue",
        "initialPrompt: What is new?",
      ),
    ).toEqual({
      skills: ["pdf", "xlsx"],
      mcpServers: ["github", { name: "local", config: { command: "node", args: ["server.js"] } }],
      background: true,
      color: "blue",
      initialPrompt: "What is new?",
    });
    expect((await fieldsOf("mcpServers: { web: { type: http, url: 'http://127.0.0.1' } }")).mcpServers).toEqual([
      { name: "web", config: { type: "http", url: "http://127.0.0.1" } },
    ]);
  });

  it("turns a permission mode into rules", async () => {
    expect((await fieldsOf("permissionMode: plan", "executus: { tools: { look: { effect: read } } }")).permission).toEqual({
      "*": "deny",
      list_files: "allow",
      read_file: "allow",
      search_files: "allow",
      look: "allow",
    });
    expect((await fieldsOf("permissionMode: dontAsk", "permission: { '*': allow, pay: ask }")).permission).toEqual({
      "*": "allow",
      pay: "deny",
    });
    expect((await fieldsOf("permissionMode: acceptEdits")).permission).toEqual({ write_file: "allow", append_file: "allow" });
    expect((await fieldsOf("permissionMode: default")).permission).toBeUndefined();
    expect(await problemWith("permissionMode: bypassPermissions")).toMatch(/^clerk\.md:2: `bypassPermissions` is refused/);
    const bypassing = await read(["permissionMode: bypassPermissions"], { mayBypassPermissions: true });
    expect(bypassing.agent.permission).toEqual({ "*": "allow" });
    expect(await problemWith("permissionMode: paln")).toContain('`permissionMode` is "paln". Use one of default');
  });

  it("passes an effort in tokens on to the providers that take one", async () => {
    expect((await fieldsOf("effort: 8000")).settings).toEqual({
      providerOptions: {
        anthropic: { thinking: { type: "enabled", budgetTokens: 8000 } },
        google: { thinkingConfig: { thinkingBudget: 8000 } },
      },
    });
    expect((await fieldsOf("effort: max")).settings).toEqual({ reasoning: "max" });
  });
});

describe("fields of opencode", () => {
  it("reads permissions by glob, in order, for our tools too, and by arguments as the strictest", async () => {
    const { agent, warnings } = await read([
      "permission:",
      "  '*': ask",
      "  edit: deny",
      "  bash: { 'git log *': allow, 'git push': deny }",
      "  read: allow",
    ]);
    expect(Object.entries(agent.permission ?? {})).toEqual([
      ["*", "ask"],
      ["edit", "deny"],
      ["write_file", "deny"],
      ["append_file", "deny"],
      ["bash", "deny"],
      ["read", "allow"],
      ["read_file", "allow"],
    ]);
    expect(warnings).toEqual([
      "clerk.md:5: rules by the arguments of `bash` are not supported: `deny`, the strictest of them, holds for all",
    ]);
    expect((await fieldsOf("permission: ask")).permission).toEqual({ "*": "ask" });
    expect(await problemWith("permission:", "  pay: aks")).toContain('clerk.md:3: `pay` is "aks". Use one of allow, ask, deny.');
  });

  it("reads mode, hidden, disable, steps and a map of tools", async () => {
    expect(
      await fieldsOf("mode: subagent", "hidden: true", "disable: true", "steps: 4", "tools: { read: true, bash: false }"),
    ).toEqual({ mode: "subagent", hidden: true, disabled: true, limits: { maxSteps: 4 }, tools: ["read"] });
    expect((await fieldsOf("tools: { bash: false }")).tools).toBeUndefined();
    expect(await problemWith("mode: primry")).toContain('`mode` is "primry". Use one of primary, subagent, all.');
    expect(await problemWith("hidden: maybe")).toContain('`hidden` is "maybe". Write true or false.');
  });
});

describe("the executus block", () => {
  const lines = [
    "executus:",
    "  limits: { time: 10m, costUsd: 0.5 }",
    "  retry: { attempts: 5, base: 2s }",
    "  settings: { maxOutputTokens: 900, stopSequences: [END], providerOptions: { openai: { store: false } } }",
    "  phases:",
    "    - name: Plan",
    "      instructions: Make a plan.",
    "      steps: 3",
    "      tools: look, read_file",
    "    - { name: Do, instructions: 'Do {{Plan}}.', model: smart }",
    "  critic: { afterSteps: 3, deadline: 5s }",
    "  polling: [wait_for, '*_status']",
    "  compaction: { ratio: 0.8 }",
    "  output: { type: object }",
    "  delivery: [{ kind: file, id: out.json }]",
    "  attachments: { most: 3 }",
    "  onChange: ask",
    "  tools:",
    "    pay: { effect: once, onUnknown: ask, timeout: 90s, concurrency: 1 }",
  ];

  it("is carried whole", async () => {
    expect(await fieldsOf(...lines)).toEqual({
      limits: { timeMs: 600_000, costUsd: 0.5, modelAttempts: 5, retryBaseMs: 2_000 },
      settings: { maxOutputTokens: 900, stopSequences: ["END"], providerOptions: { openai: { store: false } } },
      phases: [
        { name: "Plan", instructions: "Make a plan.", maxSteps: 3, tools: ["look", "read_file"] },
        { name: "Do", instructions: "Do {{Plan}}.", model: "smart" },
      ],
      supervision: { afterSteps: 3, deadlineMs: 5_000 },
      polling: ["wait_for", "*_status"],
      compaction: { ratio: 0.8 },
      output: { type: "object" },
      delivery: [{ kind: "file", id: "out.json" }],
      attachments: { most: 3 },
      onChange: "ask",
      toolOptions: { pay: { effect: "once", onUnknown: "ask", timeoutMs: 90_000, concurrency: 1 } },
    });
  });

  it("says file, line and nearest name also deep inside", async () => {
    const phase = ["executus:", "  phases:", "    - name: Plan", "      instructions: x", "      modle: fast"];
    expect(await problemWith(...phase)).toBe("clerk.md:6: `modle` is not a known field. Did you mean `model`?");
    expect(await problemWith("executus:", "  phases:", "    - name: Plan")).toContain(
      "clerk.md:4: `phases` has no `instructions`",
    );
    expect(await problemWith("executus:", "  tools:", "    pay: { efect: once }")).toContain("Did you mean `effect`?");
    expect(await problemWith("executus:", "  comapction: {}")).toContain("Did you mean `compaction`?");
    expect(await problemWith("allowed-tools: Read")).toContain("Did you mean `tools`?");
  });
});

describe("lenient reading", () => {
  it("turns unknown fields and unquoted colons into warnings", async () => {
    const lines = ["description: Use when: always", "discription: x", "version: 2"];
    expect(await problemWith(...lines)).toContain("clerk.md:2: the frontmatter is not YAML");
    const { agent, warnings } = await read(lines, { lenient: true });
    expect(agent.description).toBe("Use when: always");
    expect(warnings).toEqual([
      "clerk.md:2: a colon in text without quotes: YAML would read a second key there; it was taken as text",
      "clerk.md:3: `discription` is not a known field and was not used. Did you mean `description`?",
      expect.stringContaining("clerk.md:4: `version` is not a known field and was not used."),
    ]);
  });
});

describe("AGENTS.md", () => {
  it("belongs to the instructions of agents that want it, the nearest one", async () => {
    const project = join(folder, "project/packages/app");
    await mkdir(project, { recursive: true });
    await writeFile(join(folder, "project/AGENTS.md"), "Run the tests.\n");
    const wanting = await read(["projectInstructions: true"], { project });
    expect(wanting.agent.instructions).toBe("Tidy up.\n\nRun the tests.");
    expect((await read(["name: x"], { project })).agent.instructions).toBe("Tidy up.");
    await writeFile(join(project, "AGENTS.md"), "Only the app.");
    expect((await read(["projectInstructions: true"], { project })).agent.instructions).toBe("Tidy up.\n\nOnly the app.");
  });

  it("is not passed over for another one because it is no text", async () => {
    await writeFile(join(folder, "AGENTS.md"), "Of somebody else.");
    const project = join(folder, "giant");
    await mkdir(project);
    await writeFile(join(project, "AGENTS.md"), "x".repeat(1_000_001));
    await expect(read(["projectInstructions: true"], { project })).rejects.toMatchObject({
      code: "agent_invalid",
      message: `${join(project, "AGENTS.md")} cannot be read: it is larger than 1 MB.`,
    });
    await rm(join(folder, "AGENTS.md"));
  });
});

describe("the same schema in code", () => {
  it.each<[object, string]>([
    [
      { phases: [{ name: "Plan", instruction: "x" }] },
      "`phases[0].instruction` is not a field of an agent. Did you mean `instructions`?",
    ],
    [{ toolOptions: { pay: { effect: "twice" } } }, '`toolOptions.pay.effect` is "twice". Use one of read, idempotent, once.'],
    [{ permission: { pay: "aks" } }, '`permission.pay` is "aks". Use one of allow, ask, deny.'],
    [{ onChange: "stay" }, '`onChange` is "stay". Use one of pin, adopt, ask.'],
    [{ hidden: "yes" }, '`hidden` is "yes".'],
    [{ critic: {} }, "Did you mean `supervision`?"],
    [{ limits: 3 }, "`limits` is 3. Use an object."],
  ])("refuses %o", (fields, message) => {
    const agent: Agent = { name: "x", instructions: "y", ...fields };
    expect(problemOf(() => defineAgent(agent))).toContain(message);
  });

  it("knows every limit", () => {
    const known = AGENT_FIELDS.map(({ at }) => at);
    expect([...Object.keys(DEFAULT_LIMITS), "tokens", "costUsd"].filter((name) => !known.includes(`limits.${name}`))).toEqual([]);
  });
});

describe("agent.schema.json", () => {
  const published = JSON.parse(readFileSync(join(import.meta.dirname, "../../../agent.schema.json"), "utf8")) as object;

  it("is what the schema generates (node --conditions=executus-source scripts/make-agent-schema.ts)", () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(agentFileSchema())));
  });

  it("accepts what the reader accepts and refuses what it refuses", () => {
    const validate = new Ajv2020({ strict: false }).compile(published);
    const good = [
      { name: "x", tools: "Read, Write", model: "inherit", permission: { "*": "ask", bash: { "git *": "allow" } }, effort: 800 },
      { tools: ["a"], mcpServers: ["github", { a: { command: "b" } }], executus: { limits: { time: "1h30m" }, phases: [] } },
      { hooks: { a: 1 }, memory: "user", description: null },
    ];
    for (const value of good) expect([validate(value), validate.errors]).toEqual([true, null]);
    const bad = [
      { tols: [] },
      { effort: "huge" },
      { executus: { limits: { time: 90 } } },
      { executus: { phases: [{ name: "x" }] } },
    ];
    for (const value of bad) expect(validate(value)).toBe(false);
  });
});

describe("settleNames", () => {
  it("takes our tool where it does the same, and says what is missing", () => {
    const available = ["read_file", "list_files", "search_files", "Bash"];
    expect(settleNames(["Read", "Grep", "Bash", "Edit", "WebFetch", "Write", "own"], available)).toEqual({
      names: ["read_file", "search_files", "Bash", "own"],
      absent: ["Edit", "WebFetch", "Write"],
    });
    expect(settleNames(["Read", "read_file", "Bash(git log:*)"], ["read_file"])).toEqual({
      names: ["read_file"],
      absent: ["Bash(git log:*)"],
    });
  });
});
