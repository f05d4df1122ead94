/** The whole kernel on a real store in a temporary folder, its providers talking HTTP to servers of this test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FixtureResponse, LLMock } from "@copilotkit/aimock";
import { openFolderBlobs } from "../../src/adapters/blobs/folder.ts";
import type { ModelOverrides } from "../../src/adapters/models/catalog.ts";
import type { ModelsOptions } from "../../src/adapters/models/create-models.ts";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import {
  type Agent,
  createExecutor,
  createModels,
  defineAgent,
  defineTool,
  type Executor,
  type LimitsInput,
  type RunEvent,
  type RunResult,
  type Tool,
} from "../../src/index.ts";
import type { EndToEndWire } from "./end-to-end-wires.ts";
import { type FaultServer, startFaultServer } from "./fault-server.ts";

export interface ScriptedCall {
  readonly id: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** One answer of the model behind the server; its calls are all to one tool. */
export interface ScriptedAnswer {
  readonly text: string;
  readonly reasoning?: string;
  readonly signature?: string;
  readonly tool?: string;
  readonly calls?: readonly ScriptedCall[];
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

/** A model server that knows how far a conversation is by the tool results in it. */
export async function startScriptedServer(script: readonly ScriptedAnswer[]): Promise<LLMock> {
  const server = new LLMock({ port: 0, chunkSize: 8, logLevel: "silent" });
  server.on({}, ({ messages }) => {
    let results = messages.filter((message) => message.role === "tool").length;
    const answer = script.find((candidate) => {
      const isNext = results === 0;
      results -= candidate.calls?.length ?? 0;
      return isNext;
    });
    if (answer === undefined) throw new Error("the script has no answer to this conversation");
    return toResponse(answer);
  });
  await server.start();
  return server;
}

function toResponse({ text, reasoning, signature, tool = "add", calls = [], usage }: ScriptedAnswer): FixtureResponse {
  const toolCalls = calls.map(({ id, input }) => ({ id, name: tool, arguments: JSON.stringify(input) }));
  return {
    content: text,
    usage,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(signature === undefined ? {} : { reasoningSignature: signature }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

/** Two steps of additions in parallel, then the answer. Every figure of usage is another one. */
export const ADDITIONS: readonly ScriptedAnswer[] = [
  {
    text: "Adding the numbers.",
    reasoning: "Three sums are asked for.",
    signature: "c2lnbmF0dXJlIG9mIHN0ZXAgMA==",
    calls: [
      { id: "call_a", input: { a: 1, b: 2 } },
      { id: "call_b", input: { a: 3, b: 4 } },
      { id: "call_c", input: { a: 5, b: 6 } },
    ],
    usage: { input_tokens: 1000, output_tokens: 50 },
  },
  {
    text: "Adding the sums.",
    reasoning: "Their sums are left.",
    signature: "c2lnbmF0dXJlIG9mIHN0ZXAgMQ==",
    calls: [
      { id: "call_d", input: { a: 3, b: 7 } },
      { id: "call_e", input: { a: 10, b: 11 } },
    ],
    usage: { input_tokens: 1200, output_tokens: 30 },
  },
  { text: "The sum is 21.", usage: { input_tokens: 1300, output_tokens: 7 } },
];

/** What the model of ADDITIONS was told by its last request. */
export const SENT_ADDITIONS = [
  { id: "call_a", name: "add", input: { a: 1, b: 2 }, result: "3" },
  { id: "call_b", name: "add", input: { a: 3, b: 4 }, result: "7" },
  { id: "call_c", name: "add", input: { a: 5, b: 6 }, result: "11" },
  { id: "call_d", name: "add", input: { a: 3, b: 7 }, result: "10" },
  { id: "call_e", name: "add", input: { a: 10, b: 11 }, result: "21" },
] as const;

/** A tool with an effect that can be counted: what it was really called with, in the order it was. */
export function addingTool(): { readonly tool: Tool; readonly executed: readonly string[] } {
  const executed: string[] = [];
  const tool = defineTool({
    name: "add",
    description: "Adds two numbers.",
    input: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["a", "b"] },
    execute: ({ a, b }) => {
      executed.push(`${a}+${b}`);
      return a + b;
    },
  });
  return { tool, executed };
}

export interface World extends AsyncDisposable {
  readonly executor: Executor;
  readonly agent: Agent;
  /** One per wire, in order. */
  readonly servers: readonly FaultServer[];
  /** The first of `servers`. */
  readonly server: FaultServer;
  readonly executed: readonly string[];
  run(limits?: LimitsInput): Promise<RunResult>;
  journal(run: string): Promise<readonly RunEvent[]>;
}

export interface WorldOptions {
  readonly upstream: string;
  /** Candidates of the agent's tier; each talks to a server of its own. */
  readonly wires: readonly EndToEndWire[];
  readonly prices?: ModelOverrides;
}

/** Retries come at once unless the provider asks for time, and a server that hangs is noticed. */
const LIMITS: LimitsInput = { retryBaseMs: 1 };

export async function createWorld({ upstream, wires, prices = {} }: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "executus-end-to-end-"));
  const servers = await Promise.all(wires.map(() => startFaultServer(upstream)));
  const env = Object.assign({}, ...wires.map((wire, index) => wire.env(servers[index]?.url ?? ""))) as Record<string, string>;
  const blobs = openFolderBlobs(join(folder, "blobs"));
  const store = openSqliteStore({ file: join(folder, "executus.db") });
  const sources = wires.map((wire, index) => wire.providers?.(servers[index]?.url ?? "") ?? {});
  const providers = Object.assign({}, ...sources) as NonNullable<ModelsOptions["providers"]>;
  const models = createModels({ env, providers, tiers: { smart: wires.map(({ model }) => model) }, models: prices, blobs });
  const executor = createExecutor({ models, store, blobs });
  const { tool, executed } = addingTool();
  const agent = defineAgent({ name: "adder", instructions: "Add what you are given.", model: "smart", tools: [tool] });
  const [server] = servers;
  if (server === undefined) throw new Error("a world needs a wire");
  return {
    executor,
    agent,
    servers,
    server,
    executed,
    run: (limits) => executor.run(agent, { input: "Add 1 to 6.", limits: { ...LIMITS, ...limits } }),
    journal: (run) => store.journal.read(run),
    async [Symbol.asyncDispose]() {
      await executor[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The events of one type, in order. */
export function eventsOfType<T extends RunEvent["type"]>(
  journal: readonly RunEvent[],
  type: T,
): readonly Extract<RunEvent, { readonly type: T }>[] {
  return journal.filter((event): event is Extract<RunEvent, { readonly type: T }> => event.type === type);
}
