/** MCP servers as tool sources: started for a run, shut down with it. */
import type { Tool as McpTool } from "@modelcontextprotocol/client";
import type { ChangePolicy } from "../../ports/definition.ts";
import type { OpenedSource, SourceContext, ToolSource } from "../../ports/tool-source.ts";
import { checkServer, type McpServer, readMcpFile } from "./mcp-config.ts";
import { descriptorOf, endLeftovers } from "./mcp-leftovers.ts";
import { fileMemory } from "./mcp-memory.ts";
import { McpConnection } from "./mcp-connection.ts";
import { toTool } from "./mcp-tool.ts";

export interface McpOptions {
  /** Until the server is there and has answered. Default 30,000. */
  readonly connectTimeoutMs?: number;
  /** For its list of tools. Default 30,000. */
  readonly listTimeoutMs?: number;
  /** For each call of a tool. Default 60,000. */
  readonly callTimeoutMs?: number;
  /** Longest message that is taken from a server. Default 10 MB. */
  readonly maxMessageBytes?: number;
  /**
   * When a resumed run finds other descriptions or schemas than those it began with. Default `ask`: the run waits until a person has
   * looked at them, because a description is read by the model like an instruction.
   */
  readonly changes?: ChangePolicy;
  /**
   * Folder that keeps, from run to run, the tools each server had when somebody took them, one file per server. A new run that is
   * offered others, or new ones, then begins as `changes` says: by default it waits for a person. The first list is taken as it is.
   * Default: none, each run takes what it finds.
   */
  readonly knownTools?: string;
  /** Runs go on without a server that cannot be started. Default false. */
  readonly optional?: boolean;
  /** Open it for every run of the executor, not only for those that name it. Default false. */
  readonly everyRun?: boolean;
  /** Where `${VAR}`, PATH and HOME are taken from. Default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * One MCP server as a tool source named `mcp__NAME`; its tools are `mcp__NAME__TOOL`. Nothing is started before a run opens it. Needs
 * the package `@modelcontextprotocol/client`. Throws ExecutusError `mcp_invalid` for a server that cannot be understood.
 *
 * @example
 * const files = mcpServer("files", { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "notes"] });
 * const executor = createExecutor({ models, sources: [files] });
 */
export function mcpServer(name: string, server: McpServer, options: McpOptions = {}): ToolSource {
  const { changes = "ask", optional = false, everyRun = false, knownTools } = options;
  const config = checkServer(name, server);
  return {
    name: sourceName(name),
    changes,
    ...(knownTools === undefined ? {} : { memory: fileMemory(knownTools, sourceName(name)) }),
    optional,
    everyRun,
    open: (context) => open(name, config, { options, context }),
    cleanup: async ({ left }) => endLeftovers(left),
  };
}

/**
 * The servers of a `.mcp.json` as tool sources. It starts nothing, but whoever opens them runs the commands in the file: read it only
 * where you trust it. Rejects with `mcp_invalid`.
 *
 * @example
 * const executor = createExecutor({ models, sources: await mcpServersFrom(".mcp.json") });
 */
export async function mcpServersFrom(file: string, options: McpOptions = {}): Promise<readonly ToolSource[]> {
  return Object.entries(await readMcpFile(file)).map(([name, server]) => mcpServer(name, server, options));
}

export function sourceName(server: string): string {
  return `mcp__${server}`.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
}

interface Opening {
  readonly options: McpOptions;
  readonly context: SourceContext;
}

async function open(name: string, server: McpServer, { options, context }: Opening): Promise<OpenedSource> {
  const { connectTimeoutMs = 30_000, callTimeoutMs = 60_000, maxMessageBytes = 10_000_000 } = options;
  const { environment = process.env } = options;
  endLeftovers(context.left);
  const connection = new McpConnection({ name, server, environment, connectTimeoutMs, maxMessageBytes });
  try {
    const listed = await list(connection, { options, context });
    const tools = listed.map((tool) =>
      toTool(tool, { server: name, connection, callTimeoutMs, keep: (bytes) => context.keep(bytes) }),
    );
    const { pid } = connection;
    return { tools, ...(pid === undefined ? {} : { cleanup: descriptorOf(pid) }), close: () => connection.close() };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** All pages, in the order in which the server lists them. */
async function list(connection: McpConnection, { options, context }: Opening): Promise<readonly McpTool[]> {
  const client = await connection.client(context.signal);
  const { listTimeoutMs = 30_000 } = options;
  try {
    const { tools } = await client.listTools(undefined, { signal: context.signal, timeout: listTimeoutMs });
    return tools;
  } catch (error) {
    throw new Error(`it did not list its tools: ${connection.describe(error)}`, { cause: error });
  }
}
