/** Who is compared, with which settings, and what a finished step has reached when the next one begins. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "../contender.ts";

export interface Cell {
  readonly kind: Kind;
  readonly name: string;
  readonly group: "floor" | "executus" | "peer";
  readonly keeps: "nothing" | "memory" | "page cache" | "disk";
  readonly settings: string;
}

export const CELLS: readonly Cell[] = [
  { kind: "bare", name: "bare loop", group: "floor", keeps: "nothing", settings: "hand-written, no checks, no events" },
  {
    kind: "bare-sqlite",
    name: "bare loop + 2 SQLite appends per step",
    group: "floor",
    keeps: "disk",
    settings: "`node:sqlite`, WAL, `synchronous=FULL`, a commit per append",
  },
  {
    kind: "bare-grouped",
    name: "bare loop + group commit",
    group: "floor",
    keeps: "disk",
    settings: "the same, appends of one turn of the event loop share a commit",
  },
  {
    kind: "memory",
    name: "executus in memory",
    group: "executus",
    keeps: "memory",
    settings: "no store given; tool of class `once`",
  },
  {
    kind: "sqlite",
    name: "executus on SQLite",
    group: "executus",
    keeps: "disk",
    settings: "`openSqliteStore`: WAL, `synchronous=FULL`; tool of class `once`, so intents are on disk too",
  },
  {
    kind: "ai-sdk/generateText",
    name: "AI SDK `generateText`",
    group: "peer",
    keeps: "nothing",
    settings: "`stopWhen` beyond the run, no telemetry",
  },
  { kind: "ai-sdk/ToolLoopAgent", name: "AI SDK `ToolLoopAgent`", group: "peer", keeps: "nothing", settings: "the same" },
  { kind: "pi/agent", name: "pi `Agent`", group: "peer", keeps: "nothing", settings: "defaults" },
  {
    kind: "pi/harness-jsonl",
    name: "pi `AgentHarness`, JSONL",
    group: "peer",
    keeps: "page cache",
    settings: "session in a file, no flush",
  },
  { kind: "openai-agents/none", name: "OpenAI Agents", group: "peer", keeps: "nothing", settings: "`tracingDisabled`" },
  {
    kind: "langgraph/none",
    name: "LangGraph, no checkpointer",
    group: "peer",
    keeps: "nothing",
    settings: "`createAgent` (langchain), LangSmith tracing off, `recursionLimit` beyond the run",
  },
  { kind: "langgraph/memory", name: "LangGraph, `MemorySaver`", group: "peer", keeps: "memory", settings: "the same" },
  {
    kind: "langgraph/sqlite",
    name: "LangGraph, `SqliteSaver`",
    group: "peer",
    keeps: "page cache",
    settings:
      "its default durability `async`; WAL, `synchronous=NORMAL`: its checkpoints are not flushed, and the next step does not wait",
  },
  {
    kind: "langgraph/sqlite-sync",
    name: "LangGraph, `SqliteSaver`, `sync`",
    group: "peer",
    keeps: "page cache",
    settings: '`durability: "sync"`: the next step waits; still `synchronous=NORMAL`',
  },
  {
    kind: "mastra/none",
    name: "Mastra `Agent`",
    group: "peer",
    keeps: "nothing",
    settings: "no storage, no logger, no telemetry",
  },
  {
    kind: "mastra/durable-libsql",
    name: "Mastra durable agent, LibSQL",
    group: "peer",
    keeps: "page cache",
    settings: '`recovery: { durableAgents: "auto" }`, without which nothing is written during a run; no logger',
  },
];

export const PEERS = ["ai-sdk", "pi", "openai-agents", "langgraph", "mastra"] as const;
export type PeerName = (typeof PEERS)[number];

/** What a program imports for the loop alone. */
export const IMPORTS: Readonly<Record<PeerName, readonly string[]>> = {
  "ai-sdk": ["ai"],
  pi: ["@earendil-works/pi-agent-core"],
  "openai-agents": ["@openai/agents"],
  langgraph: ["langchain", "@langchain/langgraph"],
  mastra: ["@mastra/core/agent"],
};

/** Nothing is sent anywhere and nothing is traced. */
export const QUIET: NodeJS.ProcessEnv = {
  OPENAI_AGENTS_DISABLE_TRACING: "1",
  LANGSMITH_TRACING: "false",
  LANGCHAIN_TRACING_V2: "false",
  MASTRA_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  NODE_ENV: "production",
};

export const peerFolder = (peer: string): string => join(import.meta.dirname, peer);

/** The pinned packages of a peer. */
export function pinned(peer: string): Readonly<Record<string, string>> {
  const text = readFileSync(join(peerFolder(peer), "package.json"), "utf8");
  return (JSON.parse(text) as { readonly dependencies: Readonly<Record<string, string>> }).dependencies;
}
