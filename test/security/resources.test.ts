/** What is too much: always a clear error, or a bounded result, from a process that goes on. */
import { describe, expect, it } from "vitest";
import { parseFrontmatter } from "../../src/adapters/agents/frontmatter.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { createExecutor } from "../../src/create-executor.ts";
import { matchesPattern } from "../../src/kernel/patterns.ts";
import type { JsonValue } from "../../src/ports/json.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { RunResult } from "../../src/run/types.ts";
import { type Script, scriptedModel } from "../../src/testing/scripted-model.ts";
import { localServer } from "../delivery/local-server.ts";
import { makeTool } from "../support/world.ts";

function deep(depth: number): JsonValue {
  let value: JsonValue = "end";
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

async function run(tools: readonly Tool[], script: Script): Promise<{ readonly result: RunResult; readonly bytes: number }> {
  const store = createMemoryStore();
  const executor = createExecutor({ models: scriptedModel(script), store });
  const result = await executor.run(
    { name: "a", instructions: "", tools, limits: { toolErrors: 5_000 } },
    { input: "go", id: "r" },
  );
  return { result, bytes: JSON.stringify(await store.journal.read("r")).length };
}

const once =
  (name: string, input: JsonValue = {}): Script =>
  ({ step }) =>
    step === 0 ? { calls: [{ name, input }] } : { text: "end" };

describe("files of agents", () => {
  const bombs: Readonly<Record<string, string>> = {
    "aliases of aliases": [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ..."bcdefghi".split("").map((name, i) => {
        const before = "abcdefgh"[i] ?? "a";
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`;
      }),
    ].join("\n"),
    "lists in lists": `name: ${"[".repeat(50_000)}${"]".repeat(50_000)}`,
    "maps in maps": Array.from({ length: 3_000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
    "an alias of itself": "name: &a [*a]",
    "one key over and over": Array.from({ length: 10_000 }, () => "a: 1").join("\n"),
  };

  it.each(Object.entries(bombs))("%s are refused by name of the file", async (_name, yaml) => {
    const error: unknown = await parseFrontmatter("bomb.md", `---\n${yaml}\n---\nx`).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "agent_invalid", message: expect.stringMatching(/^bomb\.md:\d+: /) });
  });
});

describe("data", () => {
  it("that is nested too deeply is no result and no argument, and the run goes on", async () => {
    const given: unknown[] = [];
    const tool = makeTool("nest", async (input) => (given.push(input), deep(20_000)));
    const { result, bytes } = await run([tool], once("nest"));
    expect(result).toMatchObject({
      status: "completed",
      steps: [{ calls: [{ outcome: "error", output: expect.stringContaining("too deeply") }] }, {}],
    });
    expect(bytes).toBeLessThan(10_000);
    const strict = defineTool({
      name: "strict",
      description: "x",
      input: { type: "object" },
      execute: (input) => (given.push(input), "ran"),
    });
    const asked = await run([strict], once("strict", { a: deep(20_000) }));
    expect(asked.result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "invalid" }] }, {}] });
    expect(given.length).toBe(1);
  });

  it("with a field __proto__ is kept as it is, and gives nobody fields that it has not", async () => {
    const seen: unknown[] = [];
    const result: unknown = JSON.parse('{"a":1,"__proto__":{"isAdmin":true}}');
    const store = createMemoryStore();
    const models = scriptedModel(once("give", JSON.parse('{"__proto__":{"isAdmin":true}}') as JsonValue));
    const tools = [makeTool("give", async (input) => (seen.push((input as { isAdmin?: true }).isAdmin), result))];
    for (const secrets of [[], ["isAdmin-1"]]) {
      const executor = createExecutor({ models, store, secrets });
      await executor.run({ name: "a", instructions: "", tools }, { input: "go", id: `r${secrets.length}` });
      const ended = (await store.journal.read(`r${secrets.length}`)).find((event) => event.type === "tool.ended");
      expect(JSON.stringify(ended)).toContain('"__proto__":{"isAdmin":true}');
    }
    expect(seen).toEqual([undefined, undefined]);
    expect(({} as { isAdmin?: true }).isAdmin).toBeUndefined();
  });

  it("of a tool may have 50 MB: the model gets its beginning, the journal where the rest is", async () => {
    const { result, bytes } = await run([makeTool("flood", async () => "x".repeat(50_000_000))], once("flood"));
    expect(result.steps[0]?.calls).toMatchObject([{ outcome: "ok", output: expect.stringContaining("50000000 bytes") }]);
    expect(bytes).toBeLessThan(100_000);
  });

  it("of a request is bounded where it is a file, and taken where it is text", async () => {
    const models = scriptedModel(() => ({ text: "end" }));
    const executor = createExecutor({ models });
    const agent = { name: "a", instructions: "" };
    const large = { bytes: new Uint8Array(26 * 1024 * 1024), name: "large.bin" };
    expect(await executor.run(agent, { input: "go", attachments: [large] })).toMatchObject({
      error: { code: "attachment_too_large" },
    });
    const many = Array.from({ length: 21 }, (_, i) => ({ text: "x", name: `${i}.txt` }));
    expect(await executor.run(agent, { input: "go", attachments: many })).toMatchObject({ status: "failed" });
    expect(await executor.run(agent, { input: "x".repeat(20_000_000) })).toMatchObject({ status: "completed" });
  });
});

describe("what a run is told", () => {
  it.each([
    ["signal", (payload: JsonValue) => ({ kind: "signal", name: "news", payload }) as const],
    ["answer", (answer: JsonValue) => ({ kind: "answer", question: "q", answer }) as const],
    ["resolve", (output: JsonValue) => ({ kind: "resolve", call: "0.0", outcome: "done", output }) as const],
    ["approve", (input: JsonValue) => ({ kind: "approve", approval: "q", input }) as const],
    ["deny", (note: JsonValue) => ({ kind: "deny", approval: "q", note: note as string }) as const],
  ])("by %s has at most 256 KB, and is not nested without end", async (kind, toCommand) => {
    const store = createMemoryStore();
    const executor = createExecutor({ models: scriptedModel(() => ({ hang: true })), store });
    await executor.start({ name: "a", instructions: "", limits: { graceMs: 10 } }, { input: "go", id: "r" });
    await expect(executor.send("r", toCommand("x".repeat(256 * 1024)))).rejects.toMatchObject({
      code: "request_invalid",
      message: expect.stringMatching(new RegExp(`what r is told \\(${kind}\\) cannot be taken: it has \\d+ bytes`)),
    });
    await expect(executor.send("r", toCommand(deep(20_000)))).rejects.toThrow("nested too deeply");
    expect(await store.inbox.pending("r")).toEqual([]);
    expect(await executor.send("r", toCommand("x".repeat(200 * 1024)))).toBe("accepted");
    await executor.shutdown({ graceMs: 10 });
  });
});

describe("calls", () => {
  it("may be 2,000 in one answer: each runs once, and has its result", async () => {
    let ran = 0;
    let underWay = 0;
    let most = 0;
    const tool = makeTool("count", async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return ++ran;
    });
    const calls = Array.from({ length: 2_000 }, (_, n) => ({ name: "count", input: { n } }));
    const { result } = await run([tool], ({ step }) => (step === 0 ? { calls } : { text: "end" }));
    expect(result).toMatchObject({ status: "completed", toolCalls: 2_000 });
    expect(ran).toBe(2_000);
    expect(most).toBeLessThan(100);
  });
});

describe("patterns", () => {
  it("of permissions know only *, and cost no more than a look at the name", () => {
    const name = "a".repeat(50_000);
    expect(matchesPattern("a*".repeat(5_000) + "b", name)).toBe(false);
    expect(matchesPattern("*a".repeat(5_000), name)).toBe(true);
    expect(matchesPattern("(a+)+$", name)).toBe(false);
    expect(matchesPattern("(a+)+$", "(a+)+$")).toBe(true);
  });

  it("of a foreign server's schema are not run here; its other rules are", async () => {
    const inputSchema = {
      type: "object",
      properties: { q: { type: "string", pattern: "^(a+)+$" }, pattern: { type: "string", const: "x" } },
      patternProperties: { "^(b+)+$": { type: "number" } },
      required: ["q"],
      additionalProperties: false,
    };
    await using web = await localServer(({ json }) => {
      const { id, method, params } = json as { id?: number; method?: string; params?: { protocolVersion?: string } };
      if (id === undefined) return { status: 202, body: "" };
      const serverInfo = { name: "web", version: "1" };
      const hello = { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
      const tools = { tools: [{ name: "look", inputSchema }] };
      const result =
        method === "initialize" ? hello : method === "tools/list" ? tools : { content: [{ type: "text", text: "ran" }] };
      return { headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id, result }) };
    });
    const evil = "a".repeat(24) + "!";
    const calls = [{ q: evil }, { q: 1 }, {}, { q: "a", pattern: "y" }].map((input) => ({ name: "mcp__web__look", input }));
    const models = scriptedModel(({ step }) => (step === 0 ? { calls } : { text: "end" }));
    const sources = [mcpServer("web", { type: "http", url: `${web.url}/mcp` })];
    const agent = { name: "a", instructions: "", mcpServers: ["web"] };
    const result = await createExecutor({ models, sources }).run(agent, "go");
    expect(result.steps[0]?.calls.map(({ outcome }) => outcome)).toEqual(["ok", "invalid", "invalid", "invalid"]);
    expect(JSON.stringify(models.calls[0]?.tools[0]?.inputSchema)).toContain("(a+)+");
  });
});
