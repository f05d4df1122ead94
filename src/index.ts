/**
 * The front door of executus: everything a host needs, at most 40 names. Stores on files are in `executus/sqlite`,
 * interfaces for whoever writes an adapter in `executus/ports`.
 */
export { createExecutor } from "./create-executor.ts";
export { createModels } from "./adapters/models/configured-models.ts";
export { fromAiSdkModel } from "./adapters/models/ai-sdk.ts";
export { defineAgent } from "./adapters/agents/define-agent.ts";
export { loadAgent } from "./adapters/agents/load-agent.ts";
export { defineTool } from "./adapters/tools/define-tool.ts";
export { fromAiSdkTool, toolsFromAiSdk } from "./adapters/tools/ai-sdk-tool.ts";
export { createTools } from "./adapters/tools/registry.ts";
export { askTool } from "./adapters/tools/ask-tool.ts";
export { fileTools } from "./adapters/tools/files.ts";
export { createMemoryStore } from "./adapters/store/memory.ts";
export { createMemoryBlobs } from "./adapters/blobs/memory.ts";
export { ExecutusError, isExecutusError } from "./kernel/errors.ts";
export { UnknownOutcomeError } from "./kernel/unknown-outcome.ts";
export type { Agent, Command, Executor, ExecutorConfig, RunHandle, RunRequest, RunResult } from "./run/types.ts";
export type { RunEvent } from "./ports/events.ts";
export type { JsonValue } from "./ports/json.ts";
export type { LimitsInput } from "./ports/limits.ts";
export type { Message } from "./ports/messages.ts";
export type { Models } from "./ports/models.ts";
export type { Store } from "./ports/store.ts";
export type { Tool, ToolContext, Tools } from "./ports/tools.ts";
