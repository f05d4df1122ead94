/** One connection to an MCP server: made when it is needed, made again when it was lost, shut down at the end. */
import type { Client, Transport } from "@modelcontextprotocol/client";
import { ExecutusError } from "../../kernel/errors.ts";
import { expandServer, type McpHttpServer, type McpServer, type McpStdioServer } from "./mcp-config.ts";
import { boundedFetch } from "./mcp-http.ts";

export interface ConnectionOptions {
  readonly name: string;
  readonly server: McpServer;
  readonly environment: NodeJS.ProcessEnv;
  readonly connectTimeoutMs: number;
  /** Longest message that is taken from the server. */
  readonly maxMessageBytes: number;
}

/** What is kept of what a server writes to its standard error. */
const LAST_WORDS = 2_000;

interface Live {
  readonly client: Client;
  readonly transport: Transport & { readonly pid?: number | null };
}

export class McpConnection {
  readonly #options: ConnectionOptions;
  #live: Promise<Live> | undefined;
  #current: Client | undefined;
  #pid: number | undefined;
  #lastWords = "";
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Of the server's process, while there is one. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** The connected client. Rejects with what the server said last. */
  async client(signal?: AbortSignal): Promise<Client> {
    if (this.#isClosed) throw new Error(`the MCP server ${this.#options.name} was shut down`);
    this.#live ??= this.#connect(signal);
    try {
      return (await this.#live).client;
    } catch (error) {
      this.#live = undefined;
      throw error;
    }
  }

  /** The connection is of no use any more: the next call makes a new one. */
  async drop(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    await closeQuietly(live);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drop();
  }

  /** An error in the server's own words. */
  describe(error: unknown): string {
    const message = error instanceof Error ? error.message : String(error);
    const said = this.#lastWords.trim();
    return said === "" ? message : `${message}. The server said: ${said}`;
  }

  async #connect(signal: AbortSignal | undefined): Promise<Live> {
    const { name, connectTimeoutMs: timeout } = this.#options;
    const { Client } = await importClient();
    const transport = await this.#transport();
    const client = new Client({ name: "executus", version: "1" });
    this.#lastWords = "";
    this.#current = client;
    Object.assign(client, { onclose: () => this.#lost(client) });
    try {
      await client.connect(transport, { timeout, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      await client.close().catch(() => {});
      throw new Error(`the MCP server ${name} does not answer: ${this.describe(error)}`, { cause: error });
    }
    this.#pid = ("pid" in transport ? transport.pid : undefined) ?? undefined;
    return { client, transport };
  }

  /** One that was dropped before says nothing about the one that took its place. */
  #lost(client: Client): void {
    if (this.#current !== client) return;
    this.#pid = undefined;
    this.#live = undefined;
  }

  async #transport(): Promise<Live["transport"]> {
    const { name, server, environment } = this.#options;
    return "command" in server
      ? this.#stdio(expandServer(name, server, environment))
      : httpTransport(expandServer(name, server, environment), this.#options.maxMessageBytes);
  }

  /** Of the environment the server gets what it names, PATH and HOME. Its standard error is not the user's terminal. */
  async #stdio({ command, args = [], env, cwd }: McpStdioServer): Promise<Live["transport"]> {
    const { StdioClientTransport, DEFAULT_INHERITED_ENV_VARS } = await import("@modelcontextprotocol/client/stdio");
    const { environment, maxMessageBytes } = this.#options;
    const allowed: Record<string, string | undefined> = {};
    // Windows starts no process without some of the variables that the transport hands on by itself.
    if (process.platform !== "win32") for (const variable of DEFAULT_INHERITED_ENV_VARS) allowed[variable] = undefined;
    const { PATH, HOME } = environment;
    const transport = new StdioClientTransport({
      command,
      args: [...args],
      env: { ...allowed, PATH, HOME, ...env } as Record<string, string>,
      stderr: "pipe",
      maxBufferSize: maxMessageBytes,
      ...(cwd === undefined ? {} : { cwd }),
    });
    transport.stderr?.on("data", (chunk: unknown) => {
      this.#lastWords = `${this.#lastWords}${String(chunk)}`.slice(-LAST_WORDS);
    });
    return transport;
  }
}

async function httpTransport({ url, headers }: McpHttpServer, maxMessageBytes: number): Promise<Transport> {
  const { StreamableHTTPClientTransport } = await importClient();
  const requestInit = headers === undefined ? {} : { requestInit: { headers } };
  return new StreamableHTTPClientTransport(new URL(url), { fetch: boundedFetch(maxMessageBytes), ...requestInit });
}

async function closeQuietly(live: Promise<Live> | undefined): Promise<void> {
  try {
    const known = await live;
    await known?.client.close();
  } catch {
    // It never came to be, or it is gone already.
  }
}

async function importClient(): Promise<typeof import("@modelcontextprotocol/client")> {
  try {
    return await import("@modelcontextprotocol/client");
  } catch (cause) {
    const hint = "Install it: npm install @modelcontextprotocol/client";
    throw new ExecutusError("mcp_missing", `MCP servers need the package @modelcontextprotocol/client. ${hint}`, { cause, hint });
  }
}
