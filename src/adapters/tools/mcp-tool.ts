/** A tool of an MCP server as a tool of a run. */
import { createHash } from "node:crypto";
import type { CallToolResult, Client, Tool as McpTool } from "@modelcontextprotocol/client";
import { UnknownOutcomeError } from "../../kernel/unknown-outcome.ts";
import type { JsonObject, JsonValue } from "../../ports/json.ts";
import type { FilePart, TextPart, ToolOutput } from "../../ports/messages.ts";
import type { SourceContext } from "../../ports/tool-source.ts";
import type { Tool, ToolContext, ToolEffect } from "../../ports/tools.ts";
import { defineTool } from "./define-tool.ts";
import { withoutPatterns } from "./foreign-schema.ts";
import { checkAgainstSchema } from "./json-schema-validator.ts";
import type { McpConnection } from "./mcp-connection.ts";

export interface McpToolOptions {
  readonly server: string;
  readonly connection: McpConnection;
  readonly callTimeoutMs: number;
  /** Where images and files of results go. */
  readonly keep: SourceContext["keep"];
}

/** Providers take names of 64 letters, digits, hyphens and underscores. */
const LONGEST_NAME = 64;

export function toolName(server: string, tool: string): string {
  const name = `mcp__${server}__${tool}`.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  if (name.length <= LONGEST_NAME) return name;
  return `${name.slice(0, LONGEST_NAME - 9)}_${createHash("sha256").update(tool).digest("hex").slice(0, 8)}`;
}

export function toTool(tool: McpTool, options: McpToolOptions): Tool {
  const effect = effectOf(tool);
  const given = tool.description?.trim() ?? "";
  const { lateSchema: _late, ...made } = defineTool({
    name: toolName(options.server, tool.name),
    description: given === "" ? `${tool.title ?? tool.name}, a tool of ${options.server}.` : given,
    input: tool.inputSchema,
    effect,
    timeoutMs: options.callTimeoutMs,
    execute: (input, context) => call({ ...options, tool: tool.name, effect }, input as JsonObject, context),
    toOutput: (result: CallToolResult) => toOutput(result, options.keep),
  });
  const ours = withoutPatterns(made.inputSchema);
  // A server may have hundreds, and one that is broken is no reason to refuse the others: its schema is read when it is called.
  return { ...made, validate: (input) => checkAgainstSchema(ours, input, made.name) };
}

/** Only what the server says of itself: a tool that says nothing is never silently repeated. */
function effectOf({ annotations }: McpTool): ToolEffect {
  if (annotations?.readOnlyHint === true) return "read";
  return annotations?.idempotentHint === true ? "idempotent" : "once";
}

interface Target extends McpToolOptions {
  readonly tool: string;
  readonly effect: ToolEffect;
}

/** A call that may simply be made again is, once, when the connection was lost under it. */
async function call(target: Target, input: JsonObject, context: ToolContext): Promise<CallToolResult> {
  try {
    return await attempt(target, input, context);
  } catch (error) {
    if (!(error instanceof ConnectionLost) || error.mayHaveHappened || context.signal.aborted) throw error;
    return attempt(target, input, context);
  }
}

class ConnectionLost extends UnknownOutcomeError {
  readonly mayHaveHappened: boolean;

  constructor(message: string, mayHaveHappened: boolean) {
    super(message);
    this.mayHaveHappened = mayHaveHappened;
  }
}

/** Our own timeout holds: the signal is aborted when it is over. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

async function attempt(target: Target, input: JsonObject, { signal }: ToolContext): Promise<CallToolResult> {
  const { connection, tool, server } = target;
  const client = await connection.client(signal);
  try {
    return await callOn(client, { name: tool, arguments: { ...input } }, signal);
  } catch (error) {
    if (isAnswer(error) || signal.aborted) throw error;
    const message = `the MCP server ${server} was lost during ${tool}: ${connection.describe(error)}`;
    await connection.drop();
    throw new ConnectionLost(message, target.effect === "once");
  }
}

function callOn(
  client: Client,
  params: { name: string; arguments: Record<string, unknown> },
  signal: AbortSignal,
): Promise<CallToolResult> {
  return client.callTool(params, { signal, timeout: NO_TIMEOUT_MS });
}

/** The server answered, with an error of the protocol, so it has not run the call. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && (error.name === "ProtocolError" || ("code" in error && typeof error.code === "number"));
}

// --- results ---------------------------------------------------------------------------------------------------------

type Content = CallToolResult["content"][number];

async function toOutput(result: CallToolResult, keep: SourceContext["keep"]): Promise<ToolOutput> {
  const { content, structuredContent, isError = false } = result;
  const parts = await Promise.all(content.map((part) => toPart(part, keep)));
  const text = parts.map((part) => (part.type === "text" ? part.text : `[${part.mediaType}]`)).join("\n");
  if (isError) return { type: "error-text", value: text === "" ? "The tool failed without a message." : text };
  const hasFiles = parts.some((part) => part.type === "file");
  if (structuredContent !== undefined && !hasFiles) return { type: "json", value: structuredContent as JsonValue };
  return hasFiles ? { type: "content", value: parts } : { type: "text", value: text };
}

async function toPart(part: Content, keep: SourceContext["keep"]): Promise<TextPart | FilePart> {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
    case "audio":
      return toFile(part.mimeType, part.data, keep);
    case "resource_link": {
      const about = [part.name, part.description].filter((text) => text !== undefined && text !== "").join(": ");
      return { type: "text", text: `[${about}] ${part.uri}` };
    }
    case "resource": {
      const { resource } = part;
      if ("text" in resource) return { type: "text", text: `${resource.uri}\n${resource.text}` };
      return toFile(resource.mimeType ?? "application/octet-stream", resource.blob, keep);
    }
    default:
      return { type: "text", text: JSON.stringify(part) };
  }
}

async function toFile(mediaType: string, base64: string, keep: SourceContext["keep"]): Promise<FilePart> {
  return { type: "file", mediaType, data: await keep(Buffer.from(base64, "base64")) };
}
