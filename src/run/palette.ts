/** Delegates as tools: what the model is offered, and the agent that runs when it takes the offer. */
import { ExecutusError } from "../kernel/errors.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { Delegate, Delegates, Skill } from "../ports/delegates.ts";
import type { JsonObject, JsonValue } from "../ports/json.ts";
import type { Invocation, Tool, ToolInputCheck } from "../ports/tools.ts";
import type { Agent } from "./types.ts";

export async function delegateTools(
  agent: Agent,
  palette: Delegates | undefined,
  invocation: Invocation,
): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  for (const delegate of delegatesOf(agent)) {
    const found = typeof delegate === "string" ? await fromPalette(agent, palette, delegate, invocation) : [delegate];
    tools.push(...found.map(toTool));
  }
  return tools;
}

/** Those it lists, its skills, and those among its tools: `agent__x`, `skill__x`, or `Agent(x)` as other programs write it. */
export function delegatesOf(agent: Agent): readonly (string | Delegate)[] {
  const listed = agent.delegates ?? [];
  const skills = (agent.skills ?? []).map((name) => (name.startsWith("skill__") ? name : `skill__${name}`));
  const named = (agent.tools ?? []).flatMap((tool) => (typeof tool === "string" ? (delegatesNamedBy(tool) ?? []) : []));
  if (skills.length === 0 && named.length === 0) return listed;
  const more = new Set([...skills, ...named]);
  return [...listed, ...[...more].filter((name) => !listed.includes(name))];
}

/** The delegates that the name of a tool stands for; undefined for a tool. */
export function delegatesNamedBy(tool: string): readonly string[] | undefined {
  if (/^(agent|skill)__/.test(tool)) return [tool];
  const inParentheses = /^(?:Agent|Task)\((.*)\)$/.exec(tool)?.[1];
  return inParentheses
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => `agent__${name}`);
}

async function fromPalette(
  agent: Agent,
  palette: Delegates | undefined,
  name: string,
  invocation: Invocation,
): Promise<readonly Delegate[]> {
  if (palette !== undefined) return palette.resolve([name], invocation);
  const hint =
    "Pass `delegates: createDelegates([...])` to createExecutor, or put the delegate itself into the agent's delegates.";
  throw new ExecutusError("delegate_unknown", `agent ${agent.name} names the delegate ${name}, but there is no palette`, {
    hint,
  });
}

export function isSkill(delegate: Delegate): delegate is Skill {
  return "kind" in delegate;
}

export function snapshotDelegate(delegate: Delegate): Pick<ToolSnapshot, "delegate" | "forks" | "background"> {
  if (!isSkill(delegate)) return { delegate: "agent", ...(delegate.background === true ? { background: true } : {}) };
  return delegate.runs === "child" ? { delegate: "skill", forks: true } : { delegate: "skill" };
}

/** Providers take no dots in the name of a tool. */
export function delegateToolName(delegate: Delegate): string {
  return `${isSkill(delegate) ? "skill" : "agent"}__${delegate.name.replaceAll(".", "_")}`.slice(0, 64);
}

const OWN_RUN = "It works on its own and answers once: put everything it has to know into the prompt.";

function toTool(delegate: Delegate): Tool {
  if (!isSkill(delegate)) return { ...agentTool(delegate), delegate };
  return { ...skillTool(delegate), delegate, pins: (input) => (input as SkillInput).file === undefined };
}

const IN_BACKGROUND =
  "It works in the background: the call returns at once, and its result comes later in a message. Put everything it has to know into the prompt.";

const PROMPT = {
  type: "string",
  minLength: 1,
  description: "What to do, with everything that is needed to know for it",
} as const;

function agentTool(agent: Agent): Tool {
  const { properties = {}, required = [] } = (agent.inputSchema ?? {}) as {
    readonly properties?: JsonObject;
    readonly required?: readonly string[];
  };
  const inputSchema = objectSchema({ ...properties, prompt: PROMPT }, ["prompt", ...required]);
  const description = agent.description ?? `Hands work to the agent ${agent.name}.`;
  return toolOf(agent, { description: `${description} ${agent.background === true ? IN_BACKGROUND : OWN_RUN}`, inputSchema });
}

function skillTool(skill: Skill): Tool {
  if (skill.runs === "child") {
    return toolOf(skill, {
      description: `${skill.description} ${OWN_RUN}`,
      inputSchema: objectSchema({ prompt: PROMPT }, ["prompt"]),
    });
  }
  const use = "Without a prompt it gives its instructions to follow here; with a prompt that work is done in a run of its own.";
  return toolOf(skill, {
    description: `${skill.description} ${use}`,
    inputSchema: objectSchema({ prompt: PROMPT, ...fileFields(skill) }, []),
  });
}

function fileFields({ files }: Skill): JsonObject {
  if (files === undefined) return {};
  return {
    file: { type: "string", minLength: 1, description: "Read this file of the skill instead, as its instructions name it" },
    offset: { type: "integer", minimum: 1, description: "First line to read of the file; default 1" },
  };
}

function objectSchema(properties: JsonObject, required: readonly string[]): JsonObject {
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required: [...required] }),
    additionalProperties: false,
  };
}

function toolOf(delegate: Delegate, shown: Pick<Tool, "description" | "inputSchema">): Tool {
  return {
    ...shown,
    name: delegateToolName(delegate),
    effect: "read",
    onUnknown: "report",
    visibility: "public",
    validate: (input) => checkInput(input, shown.inputSchema),
    execute: async (input) => {
      if (!isSkill(delegate)) throw new Error(`${delegate.name} is a run of its own`);
      return readSkill(delegate, input as SkillInput);
    },
  };
}

// --- what a skill says -----------------------------------------------------------------------------------------------

interface SkillInput {
  readonly file?: string;
  readonly offset?: number;
}

/** The second stage, or with a file the third. */
async function readSkill(skill: Skill, { file, offset = 1 }: SkillInput): Promise<string> {
  if (file !== undefined && skill.files !== undefined) return skill.files.read(file, offset);
  return `Instructions of the skill ${skill.name}, to follow for the work at hand:\n\n${await bodyOf(skill)}`;
}

async function bodyOf(skill: Skill): Promise<string> {
  const body = await skill.body();
  const files = (await skill.files?.list()) ?? [];
  if (files.length === 0) return body;
  return `${body}\n\nFiles of this skill, each to be read with ${delegateToolName(skill)} and its path as \`file\`:\n${files.map((path) => `- ${path}`).join("\n")}`;
}

// --- what runs -------------------------------------------------------------------------------------------------------

/** A skill runs with the tools of the agent that calls it; it hands on no work itself. */
export async function agentOf(delegate: Delegate, caller: Iterable<Tool>): Promise<Agent> {
  if (!isSkill(delegate)) return delegate;
  const { name, description, source } = delegate;
  const tools = [...caller].filter((tool) => tool.delegate === undefined);
  const reader = delegate.files === undefined ? [] : [readerOf(delegate)];
  const body = await bodyOf(delegate);
  return { name, description, instructions: body, tools: [...tools, ...reader], ...(source === undefined ? {} : { source }) };
}

/** In its own run a skill's tool reads files and nothing else. */
function readerOf(skill: Skill): Tool {
  const description = `Reads a file of the skill ${skill.name}.`;
  const tool = toolOf(skill, { description, inputSchema: objectSchema(fileFields(skill), ["file"]) });
  return { ...tool, name: `${tool.name.slice(0, 58)}_files` };
}

/** The reading tools that runs of these delegates have. */
export function readersOf(tools: readonly Tool[]): readonly Tool[] {
  return tools.flatMap(({ delegate }) =>
    delegate !== undefined && isSkill(delegate) && delegate.files !== undefined ? [readerOf(delegate)] : [],
  );
}

/** The prompt; what else the delegate takes follows as JSON. */
export function promptOf(input: JsonValue): string {
  const { prompt, ...rest } = input as { readonly prompt?: JsonValue; readonly [field: string]: JsonValue | undefined };
  const text = typeof prompt === "string" ? prompt : "";
  return Object.keys(rest).length === 0 ? text : `${text}\n\n${JSON.stringify(rest, null, 1)}`;
}

// --- arguments -------------------------------------------------------------------------------------------------------

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly type?: string }>>;
  readonly required?: readonly string[];
}

function checkInput(input: JsonValue, schema: JsonObject): ToolInputCheck {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return { ok: false, problem: "Give an object." };
  const { properties, required = [] } = schema as unknown as ObjectSchema;
  const known = Object.keys(properties);
  for (const [field, value] of Object.entries(input)) {
    if (!known.includes(field)) return { ok: false, problem: `There is no field ${field}; there are ${known.join(", ")}.` };
    const { type } = properties[field] ?? {};
    if (!isOfType(value, type)) return { ok: false, problem: `The field ${field} has to be of type ${type ?? "?"}.` };
  }
  const missing = required.filter((field) => !(field in input) || (input as JsonObject)[field] === "");
  return missing.length === 0 ? { ok: true, value: input } : { ok: false, problem: `Missing: ${missing.join(", ")}.` };
}

function isOfType(value: unknown, type: string | undefined): boolean {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
      return typeof value === type;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return true;
  }
}
