import { readFile } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import type { Agent } from "../../ports/definition.ts";
import type { LimitsInput } from "../../ports/limits.ts";
import type { ModelSettings } from "../../ports/models.ts";
import { AGENT_NAME_HINT, defineAgent, isAgentName } from "./define-agent.ts";
import { at, type Entry, parseFrontmatter } from "./frontmatter.ts";
import { readLimits, toNumber, unknownKey } from "./markdown-limits.ts";
import { missingFile } from "./missing-file.ts";

export interface AgentFile {
  readonly agent: Agent;
  /** What the file asks for and this version does not do, each with file and line. */
  readonly warnings: readonly string[];
}

/** What is read from the frontmatter, field by field. */
interface Draft {
  readonly file: string;
  readonly warnings: string[];
  name?: string;
  description?: string;
  model?: string;
  tools?: readonly string[];
  denied?: Entry;
  steps?: Entry;
  limits: LimitsInput;
  settings: ModelSettings;
}

type Reader = (draft: Draft, entry: Entry) => void;

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const FIELDS: Readonly<Record<string, Reader>> = {
  name: readName,
  description: (draft, entry) => void (draft.description = toText(draft, entry)),
  tools: (draft, entry) => void (draft.tools = toNames(draft, entry)),
  disallowedTools: (draft, entry) => void (draft.denied = entry),
  model: readModel,
  maxTurns: readSteps,
  maxSteps: readSteps,
  steps: readSteps,
  effort: readEffort,
  temperature: (draft, entry) => void (draft.settings = { ...draft.settings, temperature: toNumber(draft.file, entry) }),
  top_p: (draft, entry) => void (draft.settings = { ...draft.settings, topP: toNumber(draft.file, entry) }),
  executus: readOwnBlock,
};

/** Fields of agent files elsewhere, and of ours, whose feature is not there yet. */
const LATER: readonly string[] = [
  "permission",
  "permissionMode",
  "skills",
  "mcpServers",
  "mode",
  "hidden",
  "disable",
  "background",
  "color",
  "initialPrompt",
  "hooks",
  "memory",
  "isolation",
  "projectInstructions",
];

const OWN_LATER: readonly string[] = ["phases", "critic", "compaction", "output", "delivery", "attachments", "retry", "tools"];

/**
 * Reads an agent from a Markdown file: YAML frontmatter, then the instructions. Its name is that of the file unless it says
 * otherwise; `source` is the absolute path. Rejects with `agent_unknown` when there is no such file and with `agent_invalid`,
 * naming file, line and key, when it cannot be understood.
 *
 * @example
 * const { agent, warnings } = await readAgentFile("agents/reviewer.md");
 */
export async function readAgentFile(path: string): Promise<AgentFile> {
  const file = resolve(path);
  const text = await readFile(file, "utf8").catch((error: unknown) => missingFile(file, error));
  const { entries, body } = await parseFrontmatter(file, text);
  const draft: Draft = { file, warnings: [], limits: {}, settings: {} };
  for (const entry of entries) readField(draft, entry);
  if (body === "") warn(draft, entries.at(-1)?.line ?? 1, "there are no instructions below the frontmatter");
  return { agent: toAgent(draft, body), warnings: draft.warnings };
}

function readField(draft: Draft, entry: Entry): void {
  const reader = Object.hasOwn(FIELDS, entry.key) ? FIELDS[entry.key] : undefined;
  if (reader !== undefined) reader(draft, entry);
  else if (LATER.includes(entry.key)) notYet(draft, entry);
  else throw unknownKey(draft.file, entry, [...Object.keys(FIELDS), ...LATER]);
}

function toAgent(draft: Draft, instructions: string): Agent {
  const { file, name, description, model, limits, settings } = draft;
  const tools = allowedTools(draft);
  const stem = basename(file, extname(file));
  if (name === undefined && !isAgentName(stem))
    throw at(file, 1, `${JSON.stringify(stem)} is not a name for an agent`, "Give it a `name`.");
  return defineAgent({
    name: name ?? stem,
    instructions,
    source: file,
    ...(description === undefined ? {} : { description }),
    ...(model === undefined ? {} : { model }),
    ...(tools === undefined ? {} : { tools }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  });
}

function allowedTools(draft: Draft): readonly string[] | undefined {
  const { tools, denied } = draft;
  if (denied === undefined) return tools && [...new Set(tools)];
  const names = toNames(draft, denied);
  if (tools === undefined)
    warn(draft, denied.line, "`disallowedTools` changes nothing without `tools`: an agent has only those it names");
  return tools && [...new Set(tools)].filter((tool) => !names.includes(tool));
}

// --- fields ----------------------------------------------------------------------------------------------------------

function readName(draft: Draft, entry: Entry): void {
  const name = toText(draft, entry);
  if (!isAgentName(name)) throw at(draft.file, entry.line, `${JSON.stringify(name)} is not a name for an agent`, AGENT_NAME_HINT);
  draft.name = name;
}

function readModel(draft: Draft, entry: Entry): void {
  const model = toText(draft, entry);
  // Whoever starts the run decides.
  if (model !== "inherit" && model !== "") draft.model = model;
}

function readSteps(draft: Draft, entry: Entry): void {
  if (draft.steps !== undefined) throw twice(draft, entry, draft.steps.key);
  draft.steps = entry;
  setLimits(draft, entry, { maxSteps: toNumber(draft.file, entry) });
}

function readEffort(draft: Draft, entry: Entry): void {
  const { value, line } = entry;
  if (typeof value === "number") return warn(draft, line, "`effort` as a number is not supported yet and was not used");
  if (typeof value !== "string" || !EFFORTS.includes(value)) {
    throw at(draft.file, line, `\`effort\` is ${JSON.stringify(value)}`, `Use one of ${EFFORTS.join(", ")}.`);
  }
  draft.settings = { ...draft.settings, reasoning: value };
}

function readOwnBlock(draft: Draft, block: Entry): void {
  if (block.entries === undefined)
    throw at(draft.file, block.line, "`executus` is not a block", "Write its fields below it, indented.");
  for (const entry of block.entries) {
    if (entry.key === "limits") {
      const { limits, unused } = readLimits(draft.file, entry);
      setLimits(draft, entry, limits);
      for (const later of unused) notYet(draft, later);
    } else if (OWN_LATER.includes(entry.key)) notYet(draft, entry);
    else throw unknownKey(draft.file, entry, ["limits", ...OWN_LATER]);
  }
}

function setLimits(draft: Draft, entry: Entry, limits: LimitsInput): void {
  if (limits.maxSteps !== undefined && draft.limits.maxSteps !== undefined) throw twice(draft, entry, "executus.limits.steps");
  draft.limits = { ...draft.limits, ...limits };
}

// --- values ----------------------------------------------------------------------------------------------------------

function toText({ file }: Draft, { key, value, line }: Entry): string {
  if (typeof value === "string") return value.trim();
  if (value === null) return "";
  throw at(file, line, `\`${key}\` is ${JSON.stringify(value)}`, "Write text, in quotes if need be.");
}

/** A list, or one text with commas between the names; commas in parentheses belong to the name. */
function toNames(draft: Draft, entry: Entry): readonly string[] {
  const { key, value, line } = entry;
  if (value === null) return [];
  const names = typeof value === "string" ? value.split(/,(?![^(]*\))/) : value;
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    throw at(
      draft.file,
      line,
      `\`${key}\` is not a list of names`,
      "Write `tools: read_file, search_files` or one name per line.",
    );
  }
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

function twice(draft: Draft, entry: Entry, other: string): Error {
  return at(draft.file, entry.line, `the number of steps is given twice (\`${entry.key}\`, \`${other}\`)`, "Keep one of them.");
}

function notYet(draft: Draft, entry: Entry): void {
  warn(draft, entry.line, `\`${entry.key}\` is not supported yet and was not used`);
}

function warn({ file, warnings }: Draft, line: number, message: string): void {
  warnings.push(`${file}:${line}: ${message}`);
}
