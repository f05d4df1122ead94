import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { Limits } from "../../ports/limits.ts";
import type { ModelSettings } from "../../ports/models.ts";

const AGENT_KEYS = {
  name: true,
  id: true,
  description: true,
  instructions: true,
  model: true,
  tools: true,
  limits: true,
  settings: true,
  source: true,
} as const satisfies Record<keyof Agent, true>;

const LIMIT_KEYS = {
  maxSteps: true,
  timeMs: true,
  tokens: true,
  costUsd: true,
  toolErrors: true,
  repeats: true,
  parallelCalls: true,
  toolTimeoutMs: true,
  graceMs: true,
  firstTokenMs: true,
  idleTokenMs: true,
  modelCallMs: true,
  modelAttempts: true,
  retryBaseMs: true,
  recoveries: true,
} as const satisfies Record<keyof Limits, true>;

const SETTING_KEYS = {
  maxOutputTokens: true,
  temperature: true,
  topP: true,
  topK: true,
  presencePenalty: true,
  frequencyPenalty: true,
  stopSequences: true,
  seed: true,
  reasoning: true,
  providerOptions: true,
} as const satisfies Record<keyof ModelSettings, true>;

/** What other libraries call these fields. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ["system", "instructions"],
  ["prompt", "instructions"],
  ["tier", "model"],
  ["maxSteps", "limits.maxSteps"],
  ["maxTurns", "limits.maxSteps"],
  ["limits.steps", "limits.maxSteps"],
  ["limits.time", "limits.timeMs"],
  ["temperature", "settings.temperature"],
]);

/**
 * Checks an agent and gives it back. Names of tools are looked up when a run starts, not here. Throws ExecutusError
 * `agent_invalid`, naming the agent and the field.
 *
 * @example
 * const reviewer = defineAgent({
 *   name: "reviewer",
 *   instructions: "Review the diff. Be brief.",
 *   model: "smart",
 *   tools: ["read_file"],
 *   limits: { maxSteps: 20, timeMs: 10 * 60_000 },
 * });
 */
export function defineAgent(agent: Agent): Agent {
  if (typeof agent !== "object" || agent === null) {
    throw new ExecutusError("agent_invalid", "That is not an agent.", { hint: "Give an object with `name` and `instructions`." });
  }
  checkAgentName(agent.name, agent.source);
  checkKeys(agent, agent, AGENT_KEYS);
  checkTexts(agent);
  checkTools(agent);
  checkLimits(agent);
  if (agent.settings !== undefined) checkKeys(agent, agent.settings, SETTING_KEYS, "settings");
  return agent;
}

export const AGENT_NAME_HINT = "Use 1 to 128 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.";

export function isAgentName(name: unknown): name is string {
  return typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

function checkAgentName(name: unknown, file: string | undefined): void {
  if (isAgentName(name)) return;
  const problem = name === undefined ? "An agent has no name." : `${JSON.stringify(name)} is not a name for an agent.`;
  throw new ExecutusError("agent_invalid", problem, {
    hint: AGENT_NAME_HINT,
    ...(file === undefined ? {} : { file }),
  });
}

function checkKeys(agent: Agent, object: object, known: Readonly<Record<string, true>>, within?: string): void {
  for (const key of Object.keys(object)) {
    if (Object.hasOwn(known, key)) continue;
    const path = within === undefined ? key : `${within}.${key}`;
    const near = OTHER_WORDS.get(path) ?? nearest(key, Object.keys(known));
    const hint = near === undefined ? `Known fields: ${Object.keys(known).join(", ")}.` : `Did you mean \`${near}\`?`;
    throw invalid(agent, `\`${path}\` is not a field of an agent`, hint);
  }
}

function checkTexts(agent: Agent): void {
  if (typeof agent.instructions !== "string") throw invalid(agent, "it has no instructions", "Give the system prompt as text.");
  for (const key of ["id", "description", "model", "source"] as const) {
    const value: unknown = agent[key];
    if (value === undefined || (typeof value === "string" && value !== "")) continue;
    throw invalid(agent, `\`${key}\` is ${JSON.stringify(value)}`, "Use text, or leave it out.");
  }
}

function checkTools(agent: Agent): void {
  if (agent.tools === undefined) return;
  if (!Array.isArray(agent.tools)) throw invalid(agent, "`tools` is not a list", "List names of tools, or tools themselves.");
  const seen = new Set<string>();
  for (const tool of agent.tools) {
    const name = nameOf(tool);
    if (name === undefined) {
      const hint = "List names, or tools made with `defineTool` or `fromAiSdkTool`.";
      throw invalid(agent, `\`tools\` has an entry that is neither a name nor a tool`, hint);
    }
    if (seen.has(name)) throw invalid(agent, `it has two tools named ${name}`, "Leave one of them out.");
    seen.add(name);
  }
}

function nameOf(tool: unknown): string | undefined {
  if (typeof tool === "string") return tool === "" ? undefined : tool;
  if (typeof tool !== "object" || tool === null || !("name" in tool) || !("validate" in tool)) return undefined;
  return typeof tool.name === "string" ? tool.name : undefined;
}

function checkLimits(agent: Agent): void {
  if (agent.limits === undefined) return;
  checkKeys(agent, agent.limits, LIMIT_KEYS, "limits");
  for (const [key, value] of Object.entries(agent.limits) as [string, unknown][]) {
    if (value === undefined || (typeof value === "number" && !Number.isNaN(value))) continue;
    throw invalid(
      agent,
      `\`limits.${key}\` is ${JSON.stringify(value)}`,
      "Use a number; 0 means the default, Infinity no limit.",
    );
  }
}

function invalid(agent: Agent, problem: string, hint: string): ExecutusError {
  const file = typeof agent.source === "string" ? { file: agent.source } : {};
  return new ExecutusError("agent_invalid", `Agent ${agent.name}: ${problem}.`, { hint, ...file });
}
