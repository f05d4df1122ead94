import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import { type InferOutput, readOutputSchema } from "../tools/output-schema.ts";
import { AGENT_FIELDS, OTHER_WORDS } from "./agent-schema.ts";
import { checkPhases } from "./define-phases.ts";
import type { Entry } from "./frontmatter.ts";
import { invalid } from "./invalid-agent.ts";
import { type Reading, readValue } from "./read-value.ts";
import type { Field } from "./shapes.ts";

const BY_PATH: ReadonlyMap<string, Field> = new Map(
  AGENT_FIELDS.flatMap((field): [string, Field][] => (field.at === undefined ? [] : [[field.at, field]])),
);

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
export function defineAgent<const Schema extends object = object>(
  agent: Agent & { readonly output?: Schema },
): Agent<InferOutput<Schema>> {
  if (typeof agent !== "object" || agent === null) {
    throw new ExecutusError("agent_invalid", "That is not an agent.", { hint: "Give an object with `name` and `instructions`." });
  }
  checkAgentName(agent.name, agent.source);
  checkFields(agent, agent, "");
  if (typeof agent.instructions !== "string") throw invalid(agent, "it has no instructions", "Give the system prompt as text.");
  checkTools(agent, agent.tools, "tools");
  checkDelegates(agent);
  checkSources(agent);
  checkPermission(agent);
  checkPhases(agent, (tools, path) => checkTools(agent, tools, path));
  if (agent.output !== undefined) readOutputSchema(agent.output, `Agent ${agent.name}`, "agent_invalid");
  return agent as Agent<InferOutput<Schema>>;
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

/** Fields that are checked by a function of their own. */
const OWN_CHECK: ReadonlySet<string> = new Set([
  "name",
  "instructions",
  "tools",
  "sources",
  "delegates",
  "permission",
  "mcpServers",
  "output",
]);

function checkFields(agent: Agent, object: object, within: string): void {
  for (const [key, value] of Object.entries(object) as [string, unknown][]) {
    const path = within === "" ? key : `${within}.${key}`;
    const field = BY_PATH.get(path);
    if (field !== undefined) {
      if (value !== undefined && !OWN_CHECK.has(path)) checkValue(agent, field, toEntry(key, path, value));
    } else if (isGroup(path)) {
      if (typeof value === "object" && value !== null) checkFields(agent, value, path);
      else if (value !== undefined) throw invalid(agent, `\`${path}\` is ${JSON.stringify(value)}`, "Use an object.");
    } else throw unknownField(agent, path, within);
  }
}

function isGroup(path: string): boolean {
  return path === "limits" || path === "settings";
}

function unknownField(agent: Agent, path: string, within: string): ExecutusError {
  const prefix = within === "" ? "" : `${within}.`;
  const paths = [...BY_PATH.keys()].filter((known) => known.startsWith(prefix)).map((known) => known.slice(prefix.length));
  const known = [...new Set(paths.map((rest) => rest.split(".")[0] ?? ""))];
  const near = OTHER_WORDS.get(path) ?? nearest(path.slice(prefix.length), known);
  const hint = near === undefined ? `Known fields: ${known.join(", ")}.` : `Did you mean \`${near}\`?`;
  return invalid(agent, `\`${path}\` is not a field of an agent`, hint);
}

function checkValue(agent: Agent, field: Field, entry: Entry): void {
  const reading: Reading = {
    form: "code",
    fail: (_entry, problem, hint) => invalid(agent, problem, hint),
    unknown: ({ path = "" }, near, known) => {
      const hint = near === undefined ? `Known fields: ${known.join(", ")}.` : `Did you mean \`${near}\`?`;
      throw invalid(agent, `\`${path}\` is not a field of an agent`, hint);
    },
  };
  const { at, shape } = field;
  // In code an effort is a word; a budget of tokens belongs to `providerOptions`.
  readValue(reading, at === "settings.reasoning" ? { is: "text" } : shape, entry);
}

function toEntry(key: string, path: string, value: unknown): Entry {
  if (typeof value !== "object" || value === null) return { key, path, value, line: 0 };
  if (Array.isArray(value))
    return { key, path, value, line: 0, items: value.map((item, i) => toEntry(key, `${path}[${i}]`, item)) };
  return {
    key,
    path,
    value,
    line: 0,
    entries: Object.entries(value).map(([name, item]) => toEntry(name, `${path}.${name}`, item)),
  };
}

function checkTools(agent: Agent, tools: Agent["tools"], path: string): void {
  if (tools === undefined) return;
  if (!Array.isArray(tools)) throw invalid(agent, `\`${path}\` is not a list`, "List names of tools, or tools themselves.");
  const seen = new Set<string>();
  for (const tool of tools) {
    const name = nameOf(tool);
    if (name === undefined) {
      const hint = "List names, or tools made with `defineTool` or `fromAiSdkTool`.";
      throw invalid(agent, `\`${path}\` has an entry that is neither a name nor a tool`, hint);
    }
    if (seen.has(name)) throw invalid(agent, `it has two tools named ${name}`, "Leave one of them out.");
    seen.add(name);
  }
}

function checkDelegates(agent: Agent): void {
  const delegates: unknown = agent.delegates;
  if (delegates === undefined) return;
  const hint = "List names (`agent__x`, `skill__x`), agents made with `defineAgent`, or skills from `executus/delegates`.";
  if (!Array.isArray(delegates)) throw invalid(agent, "`delegates` is not a list", hint);
  const seen = new Set<string>();
  for (const delegate of delegates as readonly unknown[]) {
    const name = delegateName(delegate);
    if (name === undefined)
      throw invalid(agent, "`delegates` has an entry that is neither a name nor an agent nor a skill", hint);
    if (seen.has(name)) throw invalid(agent, `it has two delegates named ${name}`, "Leave one of them out.");
    seen.add(name);
  }
}

function delegateName(delegate: unknown): string | undefined {
  if (typeof delegate === "string") return delegate === "" ? undefined : delegate;
  if (typeof delegate !== "object" || delegate === null || !("name" in delegate)) return undefined;
  const { name } = delegate;
  if (typeof name !== "string") return undefined;
  if ("kind" in delegate) return "body" in delegate ? `skill__${name}` : undefined;
  return "instructions" in delegate ? `agent__${name}` : undefined;
}

function checkSources(agent: Agent): void {
  const { sources } = agent;
  if (sources === undefined) return;
  const isSource = (given: unknown): boolean =>
    (typeof given === "string" && given !== "") ||
    (typeof given === "object" && given !== null && ("open" in given || "source" in given));
  if (Array.isArray(sources) && sources.every(isSource)) return;
  const hint = "List names of the executor's sources, `{ source: NAME, arguments }`, or sources themselves.";
  throw invalid(agent, "`sources` is not a list of tool sources", hint);
}

function nameOf(tool: unknown): string | undefined {
  if (typeof tool === "string") return tool === "" ? undefined : tool;
  if (typeof tool !== "object" || tool === null || !("name" in tool) || !("validate" in tool)) return undefined;
  return typeof tool.name === "string" ? tool.name : undefined;
}

function checkPermission(agent: Agent): void {
  const rules = ["allow", "ask", "deny"];
  for (const [name, rule] of Object.entries(agent.permission ?? {}) as [string, string][]) {
    if (!rules.includes(rule))
      throw invalid(agent, `\`permission.${name}\` is ${JSON.stringify(rule)}`, `Use one of ${rules.join(", ")}.`);
  }
}
