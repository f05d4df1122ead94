/** The project's own tools pass the suite for them, and so do tools made from those of others. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { tool } from "ai";
import { describe, it } from "vitest";
import { z } from "zod";
import { fromAiSdkTool } from "../../src/adapters/tools/ai-sdk-tool.ts";
import { askTool } from "../../src/adapters/tools/ask-tool.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { fileTools } from "../../src/adapters/tools/files.ts";
import { mcpServer } from "../../src/adapters/tools/mcp.ts";
import { statusTool } from "../../src/adapters/tools/status-tool.ts";
import type { JsonValue } from "../../src/ports/json.ts";
import type { Tool } from "../../src/ports/tools.ts";
import * as kit from "../../src/testing/index.ts";
import { add, where } from "../support/isolated-tools.ts";

const api = { describe, it };

function folder(): { readonly path: string; readonly close: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), "executus-tools-"));
  return { path, close: async () => rmSync(path, { recursive: true, force: true }) };
}

interface Files {
  readonly input: JsonValue;
  readonly wrong: JsonValue;
  readonly failing?: JsonValue;
}

/** What is in a folder, with what is in its files; the tools' own ledger left out. */
function contents(path: string): Readonly<Record<string, string>> {
  const files = readdirSync(path, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).filter((file) => !file.includes(".executus"));
  return Object.fromEntries(paths.map((file) => [file, readFileSync(file, "utf8")]));
}

const OF_FILES: Readonly<Record<string, Files>> = {
  list_files: { input: {}, wrong: { folder: 1 }, failing: { folder: "../elsewhere" } },
  read_file: { input: { path: "notes/a.md" }, wrong: { path: "" }, failing: { path: "notes/b.md" } },
  search_files: { input: { text: "moss" }, wrong: { text: "moss", where: "there" }, failing: { text: "a", folder: "nowhere" } },
  write_file: { input: { path: "new/b.md", text: "moss" }, wrong: { path: "b.md" }, failing: { path: "../b.md", text: "moss" } },
  append_file: { input: { path: "notes/a.md", text: "more" }, wrong: { text: "more" }, failing: { path: "notes", text: "moss" } },
};

for (const [name, given] of Object.entries(OF_FILES)) {
  kit.toolConformance(api, name, async () => {
    const { path, close } = folder();
    mkdirSync(join(path, "notes"));
    writeFileSync(join(path, "notes/a.md"), "About moss.\n");
    const found = fileTools({ root: path }).find((tool) => tool.name === name);
    if (found === undefined) throw new Error(`there is no tool ${name}`);
    return { tool: found, ...given, outside: async () => contents(path), close };
  });
}

kit.toolConformance(api, "a tool with a zod schema, a policy, and a result that it shows in its own way", async () => {
  const sent = new Map<string, string>();
  const mail = defineTool({
    name: "mail",
    description: "Sends a mail.",
    input: z.object({ to: z.email(), at: z.iso.datetime().transform((text) => new Date(text)), text: z.string().default("") }),
    approval: ({ to }) => ({ required: !to.endsWith("@example.org"), reason: "it leaves the house" }),
    execute: async ({ to, at }, { idempotencyKey, signal }) => {
      if (to.startsWith("slow")) await pause(5_000, undefined, { signal });
      if (to.startsWith("nobody")) throw new Error(`${to} is unknown`);
      sent.set(idempotencyKey, to);
      return { to, at };
    },
    reconcile: (input, { idempotencyKey }) => {
      const to = sent.get(idempotencyKey);
      return to === undefined ? { outcome: "not-done" } : { outcome: "done", result: { to, at: input.at } };
    },
    toOutput: ({ to }) => ({ type: "text", value: `sent to ${to}` }),
  });
  const at = "2026-01-01T00:00:00Z";
  return {
    tool: mail,
    input: { to: "anna@example.org", at },
    wrong: { to: "anna", at },
    failing: { to: "nobody@example.org", at },
    slow: { to: "slow@example.org", at },
    outside: async () => [...sent],
  };
});

kit.toolConformance(api, "a tool of the AI SDK", async () => {
  const searched = tool({
    description: "Searches the archive.",
    inputSchema: z.object({ text: z.string() }),
    needsApproval: async ({ text }) => text.length > 100,
    execute: async ({ text }, { abortSignal }) => {
      if (text === "everything") await pause(5_000, undefined, abortSignal && { signal: abortSignal });
      if (text === "") throw new Error("nothing to search for");
      return { found: [`nothing about ${text}`] };
    },
    toModelOutput: ({ output }) => ({ type: "content", value: output.found.map((text) => ({ type: "text", text })) }),
  });
  return {
    tool: fromAiSdkTool("search", searched, { effect: "read" }),
    input: { text: "moss" },
    wrong: { text: 1 },
    failing: { text: "" },
    slow: { text: "everything" },
    outside: async () => "the same",
  };
});

kit.toolConformance(api, "a tool of an MCP server", async () => {
  const script = join(import.meta.dirname, "../support/small-mcp-server.ts");
  const source = mcpServer("small", { command: process.execPath, args: [script] });
  const identity = { run: "r", source: source.name, key: "r.small", left: [], signal: new AbortController().signal };
  const opened = await source.open({ ...identity, attempt: 1, keep: () => Promise.reject(new Error("it has no files")) });
  const [first] = opened.tools;
  if (first === undefined) throw new Error("it has no tools");
  return { tool: first, input: {}, wrong: "text", close: async () => opened.close?.() };
});

const isolated = (tool: Tool, more: Omit<kit.ToolUnderTest, "tool">): (() => Promise<kit.ToolUnderTest>) => {
  return async () => ({ tool, ...more });
};
kit.toolConformance(api, "a tool in a thread", isolated(add, { input: { n: 1 }, wrong: { n: "one" } }));
kit.toolConformance(api, "a tool that waits in a thread", isolated(where, { input: {}, wrong: [] }));

kit.toolConformance(api, "the tool with which a run asks where it stands", async () => ({ tool: statusTool(), input: {} }));
kit.toolConformance(api, "the tool with which a model asks a person", async () => ({
  tool: askTool(),
  input: { question: "May I?", choices: ["yes", "no"] },
  wrong: { question: "" },
}));
