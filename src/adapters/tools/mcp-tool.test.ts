import { expect, it } from "vitest";
import type { ToolEffect } from "../../ports/tools.ts";
import { McpConnection } from "./mcp-connection.ts";
import { toTool } from "./mcp-tool.ts";

const options = {
  server: "box",
  connection: new McpConnection({
    name: "box",
    server: { command: "none" },
    environment: {},
    connectTimeoutMs: 1,
    maxMessageBytes: 1,
  }),
  callTimeoutMs: 1,
  keep: async () => ({ type: "blob" as const, hash: "", bytes: 0 }),
};
const effectWith = (annotations?: object): ToolEffect =>
  toTool({ name: "t", inputSchema: { type: "object" }, ...(annotations === undefined ? {} : { annotations }) }, options).effect;

it("S15 a tool of a server is `once` unless the server says that it may be made again", () => {
  expect([effectWith(), effectWith({}), effectWith({ destructiveHint: false }), effectWith({ idempotentHint: false })]).toEqual([
    "once",
    "once",
    "once",
    "once",
  ]);
  expect([effectWith({ idempotentHint: true }), effectWith({ readOnlyHint: true })]).toEqual(["idempotent", "read"]);
});
