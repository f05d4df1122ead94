/** Which tools a run has: the agent's own, named ones from the registry, the request's extra ones. */
import { ExecutusError } from "../kernel/errors.ts";
import { canonical } from "../kernel/guards.ts";
import { matchesPattern } from "../kernel/patterns.ts";
import type { AgentSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { ToolOptions } from "../ports/definition.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Invocation, Tool, Tools } from "../ports/tools.ts";
import { delegatesNamedBy, delegateTools, snapshotDelegate } from "./palette.ts";
import type { Redaction } from "./redaction.ts";
import type { Agent, ExecutorConfig } from "./types.ts";

export async function buildToolbox(
  agent: Agent,
  { tools: registry, delegates }: Pick<ExecutorConfig, "tools" | "delegates">,
  request: Invocation & { readonly extraTools?: readonly Tool[] },
  isFromSource: (tool: string) => boolean,
): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  const named = async (name: string): Promise<readonly Tool[]> =>
    delegatesNamedBy(name) === undefined && !isFromSource(name) ? fromRegistry(agent, registry, name, request) : [];
  for (const tool of agent.tools ?? []) {
    const found = typeof tool === "string" ? await named(tool) : [tool];
    tools.push(...found.map((one) => withOptions(one, agent.toolOptions?.[one.name])));
  }
  tools.push(...(await delegateTools(agent, delegates, request)), ...(request.extraTools ?? []));
  const seen = new Set<string>();
  for (const { name } of tools) {
    if (seen.has(name)) {
      const hint = "Rename one of them, or leave it out of the agent's tools or of the request's extraTools.";
      throw new ExecutusError("tool_duplicate", `agent ${agent.name} has two tools named ${name}`, { hint });
    }
    seen.add(name);
  }
  await readSchemas(tools);
  return tools;
}

/** Rejects with `tool_invalid` for one that no call can be made of. */
export async function readSchemas(tools: readonly Tool[]): Promise<void> {
  for (const { lateSchema } of tools) if (lateSchema !== undefined) await lateSchema.read();
}

async function fromRegistry(
  agent: Agent,
  registry: Tools | undefined,
  name: string,
  invocation: Invocation,
): Promise<readonly Tool[]> {
  if (registry !== undefined) return registry.resolve([name], invocation);
  const hint = `Pass \`tools: createTools([...])\` to createExecutor, or put the tool itself into the agent's tools.`;
  throw new ExecutusError("tool_unknown", `agent ${agent.name} names the tool ${name}, but no tools are registered`, { hint });
}

const adjusted = new WeakMap<Tool, { readonly options: ToolOptions; readonly tool: Tool }>();

/** What the agent says of a tool goes over what the tool says of itself. The same options give the same tool again. */
export function withOptions(tool: Tool, options: ToolOptions | undefined): Tool {
  if (options === undefined) return tool;
  const known = adjusted.get(tool);
  if (known?.options === options) return known.tool;
  const made = { ...tool, ...options };
  adjusted.set(tool, { options, tool: made });
  return made;
}

/** The same of a tool as it is journaled. */
export function snapshotWithOptions(tool: ToolSnapshot, options: ToolOptions | undefined): ToolSnapshot {
  if (options === undefined) return tool;
  const { polling, ...rest } = options;
  return { ...tool, ...rest, ...(polling === true ? { polling } : {}) };
}

/** `polling`: further names, of the executor and of the agent. */
export function snapshotTool(tool: Tool, polling: readonly string[]): ToolSnapshot {
  const isPolling = tool.polling === true || polling.some((pattern) => matchesPattern(pattern, tool.name));
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    effect: tool.effect,
    onUnknown: tool.onUnknown,
    reconcile: tool.reconcile !== undefined,
    ...(tool.timeoutMs === undefined ? {} : { timeoutMs: tool.timeoutMs }),
    ...(tool.concurrency === undefined ? {} : { concurrency: tool.concurrency }),
    ...(tool.delegate === undefined ? {} : snapshotDelegate(tool.delegate)),
    ...(isPolling ? { polling: true } : {}),
  };
}

export interface Binding {
  readonly tools: ReadonlyMap<string, Tool>;
  /** Tools of the snapshot that this process has no code for, or code with another input schema. */
  readonly missing: readonly string[];
}

/**
 * Code for a journaled run: by name and schema fingerprint, whatever else changed in the definition. The journal has no registered
 * secrets, so code is compared without them too; `redaction` absent: there are none.
 */
export function bindTools(
  snapshot: Pick<AgentSnapshot, "tools">,
  available: readonly Tool[],
  redaction?: Pick<Redaction, "data">,
): Binding {
  const clean = (schema: JsonValue): string => fingerprint(redaction === undefined ? schema : redaction.data(schema));
  const tools = new Map<string, Tool>();
  const missing: string[] = [];
  for (const wanted of snapshot.tools) {
    const tool = available.find((candidate) => candidate.name === wanted.name);
    if (tool === undefined) missing.push(wanted.name);
    else if (clean(tool.inputSchema) !== clean(wanted.inputSchema)) missing.push(`${wanted.name} (its input schema changed)`);
    else tools.set(tool.name, asPinned(tool, wanted));
  }
  return { tools, missing };
}

/** What a crash means and how long a call may take is what it was when the run began. */
function asPinned(tool: Tool, { effect, onUnknown, timeoutMs, concurrency }: ToolSnapshot): Tool {
  const isSame =
    tool.effect === effect && tool.onUnknown === onUnknown && tool.timeoutMs === timeoutMs && tool.concurrency === concurrency;
  if (isSame) return tool;
  const { timeoutMs: _timeout, concurrency: _concurrency, ...rest } = tool;
  return {
    ...rest,
    effect,
    onUnknown,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

const WORDING = new Set(["description", "title", "examples", "$schema", "$id"]);

/** What of a schema decides whether old arguments still fit: everything but its wording. */
function fingerprint(schema: JsonValue): string {
  return canonical(withoutWording(schema));
}

function withoutWording(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => withoutWording(item as JsonValue));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value as { readonly [key: string]: JsonValue });
  const kept = entries.filter(([key, field]) => !WORDING.has(key) || typeof field === "object");
  return Object.fromEntries(kept.map(([key, field]) => [key, withoutWording(field)]));
}
