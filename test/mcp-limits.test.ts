/** What an MCP server can take of a run: time, bytes, and nothing where it is not installed. Real servers on standard input and output. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../src/adapters/store/memory.ts";
import { mcpServer, type McpOptions } from "../src/adapters/tools/mcp.ts";
import { createExecutor } from "../src/create-executor.ts";
import type { RunResult } from "../src/run/types.ts";
import { type ScriptedModel, scriptedModel } from "../src/testing/scripted-model.ts";

const program = join(import.meta.dirname, "support/odd-mcp-server.ts");
const root = join(import.meta.dirname, "..");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-mcp-limits-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const agent = { name: "tester", instructions: "Use it.", mcpServers: ["odd"] };

/** One call of one of its tools, then the end. */
function using(tool: string, input: { readonly bytes?: number } = {}): ScriptedModel {
  return scriptedModel(({ step }) => (step === 0 ? { calls: [{ name: `mcp__odd__${tool}`, input }] } : { text: "done" }));
}

async function run(oddity: string, models: ScriptedModel, options: McpOptions = {}): Promise<RunResult> {
  const odd = mcpServer("odd", { command: process.execPath, args: [program, oddity] }, options);
  return createExecutor({ models, sources: [odd] }).run(agent, "go");
}

describe("the time of a server", () => {
  it("S42 that does not list its tools is over after listTimeoutMs, and the run says so", async () => {
    const result = await run("no-list", using("say"), { listTimeoutMs: 200 });
    expect(result).toMatchObject({ status: "failed", error: { code: "source_failed" } });
    expect(result.error?.message).toMatch(/mcp__odd could not be opened: it did not list its tools: .*timed out/i);
  });

  it("S42 whose tool hangs is over after callTimeoutMs; the model is told, and the server is there for the next call", async () => {
    const models = scriptedModel(({ step }) =>
      step < 2 ? { calls: [{ name: step === 0 ? "mcp__odd__hang" : "mcp__odd__say" }] } : { text: "done" },
    );
    const result = await run("", models, { callTimeoutMs: 200 });
    expect(result.status).toBe("completed");
    expect(result.steps.flatMap(({ calls }) => calls)).toMatchObject([
      { outcome: "error", output: expect.stringContaining("200 ms") },
      { outcome: "ok", output: "said" },
    ]);
  });
});

describe("the bytes of a server", () => {
  it("S42 are 10 MB for one message: a longer one loses the connection, is repeated once, and then is an error for the model", async () => {
    const models = using("flood", { bytes: 10_000_001 });
    const result = await run("", models);
    expect(result.status).toBe("completed");
    expect(result.steps[0]?.calls).toMatchObject([
      { outcome: "error", output: expect.stringMatching(/the MCP server odd was lost during flood/) },
    ]);
    expect(JSON.stringify(models.calls[1]?.messages).length).toBeLessThan(10_000);
  });

  it("S42 below that are cut for the model and kept as a file", async () => {
    const models = using("flood", { bytes: 1_000_000 });
    const store = createMemoryStore();
    const odd = mcpServer("odd", { command: process.execPath, args: [program, ""] });
    const result = await createExecutor({ models, store, sources: [odd] }).run(agent, { input: "go", id: "r" });
    expect(result.steps[0]?.calls).toMatchObject([
      { outcome: "ok", output: expect.stringContaining("the whole result has 1000000 bytes") },
    ]);
    expect(JSON.stringify(await store.journal.read("r")).length).toBeLessThan(100_000);
  });
});

it("S42 without @modelcontextprotocol/client, the run fails with the command that installs it", () => {
  const absent = `
    import { registerHooks } from "node:module";
    registerHooks({ resolve: (name, context, next) => {
      if (name.startsWith("@modelcontextprotocol/")) throw Object.assign(new Error("Cannot find package " + name), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    } });`;
  const code = `
    import { createExecutor } from "executus";
    import { mcpServer } from "executus/mcp";
    import { scriptedModel } from "executus/testing";
    const sources = [mcpServer("odd", { command: "node" })];
    const result = await createExecutor({ models: scriptedModel([]), sources }).run({ name: "a", instructions: "", mcpServers: ["odd"] }, "go");
    console.log(JSON.stringify(result.error));`;
  const words = ["--conditions=executus-source", "--import", `data:text/javascript,${encodeURIComponent(absent)}`];
  const { stdout, stderr } = spawnSync(process.execPath, [...words, "--input-type=module", "-e", code], {
    cwd: root,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    code: "source_failed",
    message: expect.stringMatching(
      /need the package @modelcontextprotocol\/client\. Install it: npm install @modelcontextprotocol\/client/,
    ),
  });
});
