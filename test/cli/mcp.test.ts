import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCliFolder, type CliFolder } from "./cli-folder.ts";
import { agentFile } from "./cli-process.ts";

const filesystem = join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");

let folder: CliFolder;

beforeEach(async () => {
  folder = await createCliFolder();
  const notes = { command: "${NODE:-node}", args: [filesystem, "."] };
  writeFileSync(join(folder.path, ".mcp.json"), JSON.stringify({ mcpServers: { notes } }));
});

afterEach(() => folder[Symbol.asyncDispose]());

describe("MCP servers of a project", () => {
  it("S42 are not started without trust, and the message says how to give it", async () => {
    const { code, stderr } = await folder.run(["run", agentFile("mcp-notes"), "note it"]);
    expect(code).toBe(2);
    expect(stderr).toContain("wants the MCP servers notes, which start programs of this project");
    expect(stderr).toContain("--trust-mcp");
  });

  it("S42 are there with --trust-mcp", async () => {
    const { code, stdout } = await folder.run(["run", agentFile("mcp-notes"), "note it", "--trust-mcp"]);
    expect([code, stdout]).toEqual([0, "Noted.\n"]);
    expect(readFileSync(join(folder.path, "note.txt"), "utf8")).toBe("noted");
  });
});
