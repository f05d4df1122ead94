import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkServer, expandServer, readMcpFile } from "./mcp-config.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "executus-mcp-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(content: unknown): string {
  const path = join(folder, ".mcp.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe(".mcp.json", () => {
  it("S42 holds servers on standard input and output, and over HTTP", async () => {
    const servers = {
      files: { command: "npx", args: ["-y", "server"], env: { TOKEN: "${TOKEN}" } },
      web: { type: "http", url: "https://example.org/mcp", headers: { Authorization: "Bearer ${TOKEN}" } },
    };
    expect(await readMcpFile(file({ mcpServers: servers }))).toEqual(servers);
  });

  it.each([
    ["{", "cannot be read"],
    [{ servers: {} }, "has no `mcpServers`"],
    [{ mcpServers: { a: {} } }, "the MCP server a in"],
    [{ mcpServers: { a: { command: 7 } } }, "`command` is not a text"],
    [{ mcpServers: { a: { command: "x", args: "y" } } }, "`args` is not a list of texts"],
    [{ mcpServers: { a: { command: "x", arg: [] } } }, "`arg` is not a field of it"],
    [{ mcpServers: { a: { type: "sse", url: "x" } } }, "type sse are not supported"],
  ])("%j is refused by name", async (content, message) => {
    await expect(readMcpFile(file(content))).rejects.toMatchObject({
      code: "mcp_invalid",
      message: expect.stringContaining(message),
    });
  });
});

describe("variables", () => {
  const expand = (text: string, environment: NodeJS.ProcessEnv = {}): unknown =>
    expandServer("s", { command: text, args: [text], env: { A: text } }, environment);

  it("S42 are replaced in every text of a server, with defaults where they are not set", () => {
    expect(expand("${A}-${B:-b}-$C", { A: "1" })).toEqual({ command: "1-b-$C", args: ["1-b-$C"], env: { A: "1-b-$C" } });
    expect(expand("${A:-}")).toMatchObject({ command: "" });
  });

  it("S42 that are not set and have no default are an error", () => {
    expect(() => expand("${TOKEN}")).toThrow("the MCP server s needs TOKEN, which is not set");
  });
});

it("a server in code is checked like one in a file", () => {
  expect(() => checkServer("s", { command: "" })).toThrow("the MCP server s: `command` is not a text");
});
