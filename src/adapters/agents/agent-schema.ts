/** Every field of an agent: where it is in code, what it is called in files, and what it may be. The one schema. */
import { BLOCK, choice, type Field, FLAG, NAMES, NUMBER, type Part, type Shape, TEXT, TIME } from "./shapes.ts";

/** How much a model reasons, in words. */
export const EFFORTS: readonly string[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const RULES = ["allow", "ask", "deny"];

const TOOL_OPTIONS: readonly Part[] = [
  { key: "effect", shape: choice("read", "idempotent", "once"), about: "What a crash during a call means." },
  { key: "onUnknown", shape: choice("report", "ask", "rerun"), about: "What happens to a call whose outcome is unknown." },
  { key: "timeoutMs", front: "timeout", shape: TIME, about: "Per call." },
  { key: "concurrency", shape: NUMBER, about: "Calls under way at once." },
  { key: "polling", shape: FLAG, about: "Called again and again on purpose." },
];

const TARGET: readonly Part[] = [
  { key: "kind", shape: TEXT, about: "file, webhook, slack, discord, teams, github, gitea, email.", required: true },
  { key: "id", shape: TEXT, about: "The place in its own words: a channel, owner/repo#12, an address, a path." },
  { key: "url", shape: TEXT, about: "Of a webhook." },
  { key: "credential", shape: TEXT, about: "Name of the credential." },
  { key: "options", shape: BLOCK, about: "What else its kind takes." },
];

const SUPERVISION: readonly Part[] = [
  { key: "enabled", shape: FLAG, about: "false: its runs are never watched." },
  { key: "afterSteps", shape: NUMBER, about: "Steps without anything new that count as a stall." },
  { key: "costFactor", shape: NUMBER, about: "How much dearer a step without news must be." },
  { key: "decisions", shape: NUMBER, about: "What a supervisor may decide in one run." },
  { key: "deadlineMs", front: "deadline", shape: TIME, about: "What it may take for one decision." },
  { key: "atLimits", shape: FLAG, about: "Ask also when a limit is about to end the run." },
];

const PERMISSION: Shape = {
  is: "special",
  schema: {
    anyOf: [
      { enum: RULES },
      {
        type: "object",
        additionalProperties: { anyOf: [{ enum: RULES }, { type: "object", additionalProperties: { enum: RULES } }] },
      },
    ],
  },
};

const SERVERS: Shape = {
  is: "special",
  schema: {
    anyOf: [
      { type: "string" },
      { type: "array", items: { anyOf: [{ type: "string" }, { type: "object" }] } },
      { type: "object", additionalProperties: { type: "object" } },
    ],
  },
};

const TOOLS: Shape = {
  is: "special",
  schema: {
    anyOf: [
      { type: ["string", "null"] },
      { type: "array", items: { type: "string" } },
      { type: "object", additionalProperties: { type: "boolean" } },
    ],
  },
};

const EFFORT: Shape = { is: "special", schema: { anyOf: [{ enum: EFFORTS }, { type: "integer", minimum: 1 }] } };
const MODE = "permissionMode";
export const PERMISSION_MODES: readonly string[] = ["default", "acceptEdits", "auto", "plan", "dontAsk", "bypassPermissions"];

/** A limit, in code and in the `limits` block of a file. */
function limit(name: string, front: string, shape: Shape, about: string): Field {
  return { at: `limits.${name}`, front: [`executus.limits.${front}`], shape, about };
}

function setting(name: string, shape: Shape, about: string, front: readonly string[] = []): Field {
  return { at: `settings.${name}`, front: [...front, `executus.settings.${name}`], shape, about };
}

const LIMITS: readonly Field[] = [
  {
    at: "limits.maxSteps",
    front: ["maxTurns", "maxSteps", "steps", "executus.limits.steps"],
    shape: NUMBER,
    about: "Steps: a model call and its tool calls each.",
  },
  limit("timeMs", "time", TIME, "Running time; waiting for a person does not count."),
  limit("tokens", "tokens", NUMBER, "Input and output tokens together."),
  limit("costUsd", "costUsd", NUMBER, "US dollars."),
  limit("toolErrors", "toolErrors", NUMBER, "Failed tool calls in a row."),
  limit("repeats", "repeats", NUMBER, "Times the same call may give the same result."),
  limit("parallelCalls", "parallelCalls", NUMBER, "Tool calls under way at once."),
  limit("toolTimeoutMs", "toolTimeout", TIME, "Per tool call."),
  limit("graceMs", "grace", TIME, "How long a stopped tool may take to come back."),
  limit("idleMs", "idle", TIME, "Silence that a supervisor is told of."),
  limit("firstTokenMs", "firstToken", TIME, "Model call: until the first part."),
  limit("idleTokenMs", "idleToken", TIME, "Model call: between two parts."),
  limit("modelCallMs", "modelCall", TIME, "Model call: all of it."),
  {
    at: "limits.modelAttempts",
    front: ["executus.retry.attempts", "executus.limits.modelAttempts"],
    shape: NUMBER,
    about: "Tries per candidate model.",
  },
  {
    at: "limits.retryBaseMs",
    front: ["executus.retry.base", "executus.limits.retryBase"],
    shape: TIME,
    about: "First pause before another try; it doubles.",
  },
  limit("compactionRatio", "compactionRatio", NUMBER, "Part of the model's window at which the conversation is shortened."),
  limit("depth", "depth", NUMBER, "Levels of delegates below it."),
  limit("children", "children", NUMBER, "Times it may hand on work."),
  limit("parallelChildren", "parallelChildren", NUMBER, "Delegates under way at once."),
  limit("settleMs", "settle", TIME, "After the run: each afterRun and cleanup of a tool source."),
  limit("recoveries", "recoveries", NUMBER, "Recoveries in a row without progress."),
];

const SETTINGS: readonly Field[] = [
  setting("maxOutputTokens", NUMBER, "Longest answer."),
  setting("temperature", NUMBER, "How freely the model picks its words.", ["temperature"]),
  setting("topP", NUMBER, "Nucleus sampling.", ["top_p"]),
  setting("topK", NUMBER, "Sampling from the k likeliest tokens."),
  setting("presencePenalty", NUMBER, "Against words that were used."),
  setting("frequencyPenalty", NUMBER, "Against words that were used often."),
  setting("stopSequences", { is: "list", of: TEXT }, "Texts at which an answer ends."),
  setting("seed", NUMBER, "For providers that can repeat an answer."),
  {
    at: "settings.reasoning",
    front: ["effort"],
    shape: EFFORT,
    about: "How much the model reasons: a word, or a budget of tokens.",
  },
  setting("providerOptions", BLOCK, "Passed on to the provider as they are."),
  setting("instructionsProviderOptions", BLOCK, "The same, for the system prompt alone: a caching hint."),
];

const PHASE_LIMITS: readonly Part[] = [
  { key: "maxSteps", front: "steps", shape: NUMBER, about: "Steps in this phase." },
  { key: "timeMs", front: "time", shape: TIME, about: "Running time of this phase." },
  { key: "tokens", shape: NUMBER, about: "Input and output tokens together." },
  { key: "costUsd", shape: NUMBER, about: "US dollars." },
];

const PHASE: readonly Part[] = [
  { key: "name", shape: TEXT, about: "What later phases call its output: {{Name}}.", required: true },
  { key: "instructions", shape: TEXT, about: "Its system prompt.", required: true },
  { key: "input", shape: TEXT, about: "Its first user turn; default: the request." },
  { key: "model", shape: TEXT, about: "Tier or provider/model; default: the agent's." },
  { key: "tools", shape: { is: "tools" }, about: "Its tools; default: the agent's." },
  { key: "maxSteps", front: "steps", shape: NUMBER, about: "Steps in this phase." },
  { key: "limits", shape: { is: "object", fields: PHASE_LIMITS }, about: "Bounds, counted from its start." },
  { key: "settings", shape: { is: "object", fields: SETTINGS.map(toPart) }, about: "Merged over the agent's." },
];

function toPart({ at = "", shape, about }: Field): Part {
  const key = at.slice(at.indexOf(".") + 1);
  return { key, shape: key === "reasoning" ? choice(...EFFORTS) : shape, about };
}

/** What agent files of other programs have and executus does not do: read with a warning. */
const NOT_SUPPORTED: readonly Field[] = ["hooks", "memory", "isolation"].map((name) => ({
  front: [name],
  shape: { is: "special", schema: {} },
  about: "Not supported: read with a warning.",
}));

export const AGENT_FIELDS: readonly Field[] = [
  { at: "name", front: ["name"], shape: TEXT, about: "Letters, digits, dots, hyphens, underscores. Default: the file's name." },
  { at: "id", front: ["executus.id"], shape: TEXT, about: "An id of your own." },
  { at: "description", front: ["description"], shape: { is: "text", empty: true }, about: "When to use it." },
  {
    at: "instructions",
    shape: { is: "text", empty: true },
    about: "The system prompt; in a file the text below the frontmatter.",
  },
  { at: "model", front: ["model"], shape: { is: "text", empty: true }, about: "A tier, provider/model, or inherit." },
  { at: "tools", front: ["tools"], shape: TOOLS, about: "The tools it has, by name." },
  { at: "sources", front: ["executus.sources"], shape: NAMES, about: "Tool sources opened for each run, by name." },
  { front: ["disallowedTools"], shape: NAMES, about: "Taken out of `tools`." },
  ...LIMITS,
  ...SETTINGS,
  { at: "source", shape: TEXT, about: "Where the definition came from." },
  {
    at: "permission",
    front: ["permission"],
    shape: PERMISSION,
    about: "By glob over tool names: allow, ask or deny; the last that fits.",
  },
  { front: [MODE], shape: choice(...PERMISSION_MODES), about: "The same in one word." },
  { at: "delegates", shape: { is: "special", schema: {} }, about: "Agents and skills it may hand work to." },
  { at: "inputSchema", front: ["executus.input"], shape: BLOCK, about: "As a delegate: what it takes beside the prompt." },
  { at: "skills", front: ["skills"], shape: NAMES, about: "Skills it is offered." },
  { at: "mcpServers", front: ["mcpServers"], shape: SERVERS, about: "MCP servers, by name or as in .mcp.json." },
  {
    at: "phases",
    front: ["executus.phases"],
    shape: { is: "list", of: { is: "object", fields: PHASE } },
    about: "Named stages.",
  },
  {
    at: "supervision",
    front: ["executus.supervision", "executus.critic"],
    shape: { is: "object", fields: SUPERVISION },
    about: "Watchdog and supervisor.",
  },
  {
    at: "polling",
    front: ["executus.polling"],
    shape: NAMES,
    about: "Tools called again and again on purpose, by name or glob.",
  },
  { at: "compaction", front: ["executus.compaction"], shape: BLOCK, about: "When and how the conversation is shortened." },
  { at: "output", front: ["executus.output"], shape: BLOCK, about: "JSON Schema of the answer." },
  {
    at: "delivery",
    front: ["executus.delivery"],
    shape: { is: "list", of: { is: "object", fields: TARGET }, orOne: true },
    about: "Where the outcome goes, unless a request says so itself.",
  },
  { at: "attachments", front: ["executus.attachments"], shape: BLOCK, about: "Which files it takes." },
  {
    at: "toolOptions",
    front: ["executus.tools"],
    shape: { is: "map", of: { is: "object", fields: TOOL_OPTIONS } },
    about: "Effect, policy, timeout and concurrency by tool.",
  },
  {
    at: "onChange",
    front: ["executus.onChange"],
    shape: choice("pin", "adopt", "ask"),
    about: "Live runs when this file changes.",
  },
  { at: "projectInstructions", front: ["projectInstructions"], shape: FLAG, about: "Add the nearest AGENTS.md." },
  { at: "mode", front: ["mode"], shape: choice("primary", "subagent", "all"), about: "Who starts it." },
  { at: "hidden", front: ["hidden"], shape: FLAG, about: "Left out of lists." },
  { at: "disabled", front: ["disable"], shape: FLAG, about: "Cannot be started." },
  { at: "background", front: ["background"], shape: FLAG, about: "As a delegate: its parent does not wait for it." },
  { at: "color", front: ["color"], shape: TEXT, about: "For user interfaces." },
  { at: "initialPrompt", front: ["initialPrompt"], shape: TEXT, about: "What it is asked when nobody asks anything." },
  ...NOT_SUPPORTED,
];

/** Names that are slips of the memory rather than of the fingers: what other libraries call these fields. */
export const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ["system", "instructions"],
  ["prompt", "instructions"],
  ["tier", "model"],
  ["maxSteps", "limits.maxSteps"],
  ["maxTurns", "limits.maxSteps"],
  ["limits.steps", "limits.maxSteps"],
  ["limits.time", "limits.timeMs"],
  ["temperature", "settings.temperature"],
  ["disable", "disabled"],
  ["critic", "supervision"],
  ["allowed-tools", "tools"],
]);
