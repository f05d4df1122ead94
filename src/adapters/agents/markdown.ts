import { basename, extname, resolve } from "node:path";
import { nearest } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import { readText } from "../files/read-text.ts";
import { AGENT_FIELDS } from "./agent-schema.ts";
import { AGENT_NAME_HINT, defineAgent, isAgentName } from "./define-agent.ts";
import { toEffort, toModel, toModePermission, toPermission, toServers, toToolNames } from "./elsewhere.ts";
import { at, type Entry, parseFrontmatter } from "./frontmatter.ts";
import { missingFile } from "./missing-file.ts";
import { readNames, type Reading, readValue } from "./read-value.ts";
import type { Field } from "./shapes.ts";

export interface AgentFile {
  readonly agent: Agent;
  /** What the file asks for and this version does not do, each with file and line. */
  readonly warnings: readonly string[];
}

export interface AgentFileOptions {
  /** Unknown fields and unquoted colons are warnings instead of errors. Default false. */
  readonly lenient?: boolean;
  /** Folder whose `AGENTS.md`, or the nearest one above it, belongs to the project. Default: the current one. */
  readonly project?: string;
  /** `permissionMode: bypassPermissions` is honoured. Default false. */
  readonly mayBypassPermissions?: boolean;
}

/** What is read from the frontmatter, by place in the definition. */
interface Draft {
  readonly file: string;
  readonly warnings: string[];
  readonly options: AgentFileOptions;
  readonly reading: Reading;
  readonly values: Map<string, { readonly value: unknown; readonly entry: Entry }>;
  denied: readonly string[];
  deniedAt?: number;
  permissionMode?: Entry;
}

const BY_NAME: ReadonlyMap<string, Field> = new Map(
  AGENT_FIELDS.flatMap((field) => (field.front ?? []).map((name): [string, Field] => [name, field])),
);
const BLOCKS: ReadonlySet<string> = new Set([...BY_NAME.keys()].flatMap(blocksAround));

function blocksAround(name: string): readonly string[] {
  const parts = name.split(".").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("."));
}

/**
 * Reads an agent from a Markdown file: YAML frontmatter, then the instructions. Its name is that of the file unless it says
 * otherwise; `source` is the absolute path. Rejects with `agent_unknown` when there is no such file and with `agent_invalid`,
 * naming file, line and key, when it cannot be understood.
 *
 * @example
 * const { agent, warnings } = await readAgentFile("agents/reviewer.md");
 */
export async function readAgentFile(path: string, options: AgentFileOptions = {}): Promise<AgentFile> {
  const file = resolve(path);
  const text = await readText(file).catch((error: unknown) => missingFile(file, error));
  const draft = createDraft(file, options);
  const onLooseText = (line: number): void =>
    warn(draft, line, "a colon in text without quotes: YAML would read a second key there; it was taken as text");
  const { entries, body } = await parseFrontmatter(file, text, options.lenient === true ? { onLooseText } : {});
  readBlock(draft, "", entries);
  if (body === "") warn(draft, entries.at(-1)?.line ?? 1, "there are no instructions below the frontmatter");
  const agent = toAgent(draft, body);
  return { agent: await withProject(agent, options), warnings: draft.warnings };
}

/** With the nearest `AGENTS.md`, if the agent asks for it. */
export async function withProject(agent: Agent, { project }: AgentFileOptions): Promise<Agent> {
  if (agent.projectInstructions !== true) return agent;
  const { projectInstructions } = await import("./project-instructions.ts");
  const text = await projectInstructions(project ?? process.cwd());
  return text === undefined ? agent : { ...agent, instructions: `${agent.instructions}\n\n${text}` };
}

function createDraft(file: string, options: AgentFileOptions): Draft {
  const warnings: string[] = [];
  const reading: Reading = {
    form: "front",
    fail: ({ line }, problem, hint) => at(file, line, problem, hint),
    unknown: ({ key, line }, near, known) => {
      const hint = near === undefined ? `Known fields: ${known.join(", ")}.` : `Did you mean \`${near}\`?`;
      const problem = `\`${key}\` is not a known field`;
      if (options.lenient !== true) throw at(file, line, problem, hint);
      warnings.push(`${file}:${line}: ${problem} and was not used. ${hint}`);
    },
  };
  return { file, warnings, options, reading, values: new Map(), denied: [] };
}

function readBlock(draft: Draft, within: string, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const name = within === "" ? entry.key : `${within}.${entry.key}`;
    const field = BY_NAME.get(name);
    if (field !== undefined) readField(draft, field, entry);
    else if (!BLOCKS.has(name)) draft.reading.unknown(entry, nearestTo(entry.key, within), keysWithin(within));
    else if (entry.entries === undefined) {
      throw at(draft.file, entry.line, `\`${entry.key}\` is not a block`, "Write its fields below it, indented.");
    } else readBlock(draft, name, entry.entries);
  }
}

function keysWithin(within: string): readonly string[] {
  const prefix = within === "" ? "" : `${within}.`;
  const keys = [...BY_NAME.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).split("."));
  return [...new Set(keys.map(([key = ""]) => key))];
}

function nearestTo(key: string, within: string): string | undefined {
  const word = within === "" ? ELSEWHERE_WORDS.get(key) : undefined;
  return word ?? nearest(key, keysWithin(within));
}

/** Fields that belong to files of another kind. */
const ELSEWHERE_WORDS: ReadonlyMap<string, string> = new Map([["allowed-tools", "tools"]]);

function readField(draft: Draft, field: Field, entry: Entry): void {
  const { reading } = draft;
  if (field.at === undefined) return readFrontOnly(draft, entry);
  const before = draft.values.get(field.at);
  if (before !== undefined) {
    const what = field.at === "limits.maxSteps" ? "the number of steps" : `\`${entry.key}\``;
    throw at(draft.file, entry.line, `${what} is given twice (\`${before.entry.key}\`, \`${entry.key}\`)`, "Keep one of them.");
  }
  const value = field.shape.is === "special" ? readSpecial(draft, field.at, entry) : readValue(reading, field.shape, entry);
  if (value === undefined) return;
  if (field.at === "name" && !isAgentName(value))
    throw at(draft.file, entry.line, `${JSON.stringify(value)} is not a name for an agent`, AGENT_NAME_HINT);
  draft.values.set(field.at, { value: field.at === "model" ? toModel(value as string) : value, entry });
}

function readFrontOnly(draft: Draft, entry: Entry): void {
  if (entry.key === "permissionMode") draft.permissionMode = entry;
  else if (entry.key === "disallowedTools") {
    draft.denied = [...draft.denied, ...readNames(draft.reading, entry)];
    draft.deniedAt = entry.line;
  } else warn(draft, entry.line, `\`${entry.key}\` is not supported and was not used`);
}

/** Fields that can be written in several ways. */
function readSpecial(draft: Draft, field: string, entry: Entry): unknown {
  const { reading } = draft;
  switch (field) {
    case "tools": {
      const { allowed, denied } = toToolNames(reading, entry);
      draft.denied = [...draft.denied, ...denied];
      if (denied.length > 0) draft.deniedAt = entry.line;
      return allowed;
    }
    case "settings.reasoning":
      return toEffort(reading, entry);
    case "permission":
      return toPermission(reading, entry, (line, message) => warn(draft, line, message));
    default:
      return toServers(reading, entry);
  }
}

function toAgent(draft: Draft, instructions: string): Agent {
  const { file, values } = draft;
  const stem = basename(file, extname(file));
  if (!values.has("name") && !isAgentName(stem))
    throw at(file, 1, `${JSON.stringify(stem)} is not a name for an agent`, "Give it a `name`.");
  const agent: Record<string, unknown> = { name: stem };
  for (const [path, { value }] of values) {
    if (value !== undefined) put(agent, path, value);
  }
  const tools = allowedTools(draft);
  if (tools !== undefined) agent["tools"] = tools;
  const permission = permissionOf(draft, agent);
  if (permission !== undefined && Object.keys(permission).length > 0) agent["permission"] = permission;
  return defineAgent({ ...agent, instructions, source: file } as Agent);
}

/** An effort in words and one in tokens go to different places, so it brings its own. */
function put(agent: Record<string, unknown>, path: string, value: unknown): void {
  const [first = "", second] = path.split(".");
  if (second === undefined) agent[first] = value;
  else {
    const within = second === "reasoning" ? (value as object) : { [second]: value };
    agent[first] = { ...(agent[first] as object | undefined), ...within };
  }
}

function permissionOf(draft: Draft, agent: Partial<Agent>): Agent["permission"] {
  const { permission, toolOptions } = agent;
  if (draft.permissionMode === undefined) return permission;
  const mayBypass = draft.options.mayBypassPermissions === true;
  return toModePermission(draft.reading, draft.permissionMode, { permission, toolOptions, mayBypass });
}

function allowedTools(draft: Draft): readonly string[] | undefined {
  const tools = draft.values.get("tools")?.value as readonly string[] | undefined;
  if (tools === undefined && draft.deniedAt !== undefined)
    warn(draft, draft.deniedAt, "`disallowedTools` changes nothing without `tools`: an agent has only those it names");
  return tools && [...new Set(tools)].filter((tool) => !draft.denied.includes(tool));
}

function warn({ file, warnings }: Draft, line: number, message: string): void {
  warnings.push(`${file}:${line}: ${message}`);
}
