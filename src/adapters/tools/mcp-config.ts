/** MCP servers as they are written down, and `.mcp.json`. */
import { readFile } from "node:fs/promises";
import { ExecutusError } from "../../kernel/errors.ts";

export interface McpStdioServer {
  readonly type?: "stdio";
  readonly command: string;
  readonly args?: readonly string[];
  /** What the server gets of the environment besides PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface McpHttpServer {
  readonly type: "http" | "streamable-http";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As in `.mcp.json`; `${VAR}` and `${VAR:-default}` are replaced when the server is started, not before. */
export type McpServer = McpStdioServer | McpHttpServer;

/**
 * The servers of a `.mcp.json`, by name. Rejects with `mcp_invalid`, naming the file and the server. Nothing is started and no
 * variable is read.
 */
export async function readMcpFile(file: string): Promise<Readonly<Record<string, McpServer>>> {
  const servers = asFields(await readJson(file))["mcpServers"];
  if (typeof servers !== "object" || servers === null || Array.isArray(servers)) {
    throw invalid(`${file} has no \`mcpServers\``, file, 'Write { "mcpServers": { "NAME": { "command": "..." } } }.');
  }
  return Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, checkServer(name, server, file)]));
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`${file} cannot be read: ${reason}`, file, "Give a JSON file with `mcpServers`.");
  }
}

const STDIO_KEYS = ["type", "command", "args", "env", "cwd"];
const HTTP_KEYS = ["type", "url", "headers"];

/** Throws `mcp_invalid`. */
export function checkServer(name: string, given: unknown, file?: string): McpServer {
  const server = asFields(given);
  const where = `the MCP server ${name}${file === undefined ? "" : ` in ${file}`}`;
  const isStdio = server["command"] !== undefined;
  const known = isStdio ? STDIO_KEYS : HTTP_KEYS;
  const unknown = Object.keys(server).find((key) => !known.includes(key));
  const problem = isStdio ? stdioProblem(server) : httpProblem(server);
  if (problem !== undefined) throw invalid(`${where}: ${problem}`, file, "Give `command` and `args`, or `type: http` and `url`.");
  if (unknown !== undefined) throw invalid(`${where}: \`${unknown}\` is not a field of it`, file, `Known: ${known.join(", ")}.`);
  return given as McpServer;
}

function stdioProblem({ type, command, args, env }: Fields): string | undefined {
  if (type !== undefined && type !== "stdio") return `it has a command and the type ${JSON.stringify(type)}`;
  if (typeof command !== "string" || command === "") return "`command` is not a text";
  if (args !== undefined && !(Array.isArray(args) && args.every((arg) => typeof arg === "string")))
    return "`args` is not a list of texts";
  return env !== undefined && !isTexts(env) ? "`env` is not a map of texts" : undefined;
}

function httpProblem({ type, url, headers }: Fields): string | undefined {
  if (type === "sse") return "servers of the type sse are not supported: their protocol was replaced by http";
  if (type !== "http" && type !== "streamable-http") return "it has neither a `command` nor the type http";
  if (typeof url !== "string" || url === "") return "`url` is not a text";
  return headers !== undefined && !isTexts(headers) ? "`headers` is not a map of texts" : undefined;
}

function isTexts(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

type Fields = Readonly<Record<string, unknown>>;

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function invalid(message: string, file: string | undefined, hint: string): ExecutusError {
  return new ExecutusError("mcp_invalid", message, { hint, ...(file === undefined ? {} : { file }) });
}

/** Replaces `${VAR}` and `${VAR:-default}`. Throws `mcp_invalid` for a variable that is not set and has no default. */
export function expandServer<Server extends McpServer>(name: string, server: Server, environment: NodeJS.ProcessEnv): Server {
  const expand = (value: unknown): unknown => {
    if (typeof value === "string") return expandText(name, value, environment);
    if (Array.isArray(value)) return value.map(expand);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, expand(field)]));
  };
  return expand(server) as Server;
}

function expandText(server: string, text: string, environment: NodeJS.ProcessEnv): string {
  return text.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_whole, variable: string, fallback?: string) => {
    const value = environment[variable];
    if (value !== undefined && value !== "") return value;
    if (fallback !== undefined) return fallback;
    const hint = `Set ${variable}, or write \${${variable}:-default}.`;
    throw new ExecutusError("mcp_invalid", `the MCP server ${server} needs ${variable}, which is not set`, { hint });
  });
}
