import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { ExecutusError, isExecutusError, nearest } from "../../kernel/errors.ts";
import type { Skill } from "../../ports/delegates.ts";
import { type Entry, type Frontmatter, parseFrontmatter } from "../agents/frontmatter.ts";
import { NoTextFile, readText } from "../files/read-text.ts";
import { skillFiles } from "./skill-files.ts";

export interface SkillOptions {
  /** Everything the specification asks for is required, and nothing else is allowed; default false, which warns. */
  readonly strict?: boolean;
  readonly onWarning?: (message: string) => void;
}

/** The file of a skill that is a folder. */
export const SKILL_FILE = "SKILL.md";

/**
 * Reads what a skill says of itself: from a folder with a `SKILL.md` as on agentskills.io, or from a plain Markdown file, whose name
 * is its own and whose first line says what it is for. Instructions and files are read when they are asked for. Rejects with
 * ExecutusError `skill_invalid`, naming file, line and what to do.
 *
 * @example
 * const skill = await loadSkill(".agents/skills/pdf");
 */
export async function loadSkill(path: string, options: SkillOptions = {}): Promise<Skill> {
  const { file, folder } = await fileOf(resolve(path));
  const reading: Reading = { file, folder, options };
  const { entries, body } = await parse(reading);
  const fields = new Map(entries.map((entry) => [entry.key, entry]));
  for (const entry of entries) checkKey(reading, entry);
  const skill: Skill = {
    kind: "skill",
    name: nameOf(reading, fields.get("name")),
    description: descriptionOf(reading, fields.get("description"), body),
    ...optionalFields(reading, fields),
    source: file,
    body: async () => (await parse(reading)).body,
  };
  if (body === "") warn(reading, 1, "there are no instructions below the frontmatter", "Write them.");
  const files = folder === undefined ? undefined : skillFiles(folder);
  return files === undefined || !(await hasFiles(dirname(file))) ? skill : { ...skill, files };
}

interface Reading {
  readonly file: string;
  /** Absent for a plain file. */
  readonly folder: string | undefined;
  readonly options: SkillOptions;
}

async function fileOf(path: string): Promise<{ readonly file: string; readonly folder: string | undefined }> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() === true) return { file: join(path, SKILL_FILE), folder: path };
  if (stats === undefined)
    throw invalid(path, undefined, "there is no such skill", "Give a folder with a SKILL.md, or a .md file.");
  if (basename(path) === SKILL_FILE) return { file: path, folder: dirname(path) };
  if (extname(path) === ".md") return { file: path, folder: undefined };
  throw invalid(path, undefined, "it is no Markdown file", "Give a folder with a SKILL.md, or a .md file.");
}

async function hasFiles(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => name !== SKILL_FILE && !name.startsWith("."));
}

async function parse({ file, folder, options }: Reading): Promise<Frontmatter> {
  const text = await readText(file).catch((error: unknown) => {
    const isUnfit = error instanceof NoTextFile;
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    const hint = folder === undefined ? "Make the file readable." : "A skill is a folder with a SKILL.md in it.";
    const problem = code === "ENOENT" ? "there is no such file" : `it cannot be read: ${isUnfit ? error.message : code}`;
    throw invalid(file, undefined, problem, isUnfit ? "Make it a text of at most 1 MB." : hint);
  });
  const strict = options.strict === true;
  try {
    return await parseFrontmatter(file, text, strict ? {} : { onLooseText: () => {} });
  } catch (error) {
    if (!isExecutusError(error)) throw error;
    throw new ExecutusError("skill_invalid", error.message, { file, ...(error.hint === undefined ? {} : { hint: error.hint }) });
  }
}

// --- fields ----------------------------------------------------------------------------------------------------------

const FIELDS = ["name", "description", "license", "compatibility", "metadata", "allowed-tools", "context"];

function checkKey(reading: Reading, { key, line }: Entry): void {
  if (FIELDS.includes(key)) return;
  const near = nearest(key, FIELDS);
  const hint =
    near === undefined ? `Put it below \`metadata\`. Known fields: ${FIELDS.join(", ")}.` : `Did you mean \`${near}\`?`;
  warn(reading, line, `\`${key}\` is not a field of a skill`, hint);
}

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const LONGEST_NAME = 64;

function nameOf(reading: Reading, entry: Entry | undefined): string {
  const { file, folder } = reading;
  const own = basename(folder ?? basename(file, extname(file)));
  if (entry === undefined && folder !== undefined) warn(reading, 1, "it has no `name`", `Write \`name: ${own}\`.`);
  const given = typeof entry?.value === "string" ? entry.value.trim() : own;
  checkName(reading, entry?.line ?? 1, { given, own });
  const name = isName(given) ? given : simplified(given);
  if (isName(name)) return name;
  throw invalid(file, entry?.line ?? 1, `${JSON.stringify(given)} cannot be made into a name`, NAME_RULE);
}

const NAME_RULE = "Use 1 to 64 of a-z, 0-9 and single hyphens between them.";

function checkName(reading: Reading, line: number, { given, own }: { readonly given: string; readonly own: string }): void {
  if (!isName(given)) warn(reading, line, `${JSON.stringify(given)} is not a name for a skill`, NAME_RULE);
  else if (reading.folder !== undefined && given !== own) {
    warn(reading, line, `it is named ${given}, and its folder ${own}`, "Give both one name.");
  }
}

function isName(name: string): boolean {
  return name.length <= LONGEST_NAME && NAME.test(name);
}

function simplified(name: string): string {
  const words = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  return words.join("-").slice(0, LONGEST_NAME).replace(/-$/, "");
}

const LONGEST_DESCRIPTION = 1_024;

function descriptionOf(reading: Reading, entry: Entry | undefined, body: string): string {
  const given = typeof entry?.value === "string" ? entry.value.trim() : "";
  // A plain file says in its first line what it is for.
  const text = given === "" && reading.folder === undefined ? (firstLine(body) ?? "") : given;
  const hint = "Say what it does and when to use it: the model chooses by it.";
  if (text === "") throw invalid(reading.file, entry?.line ?? 1, "it has no `description`", hint);
  if (text.length > LONGEST_DESCRIPTION) {
    warn(reading, entry?.line ?? 1, `its description has ${text.length} characters`, `Use at most ${LONGEST_DESCRIPTION}.`);
  }
  return text.slice(0, LONGEST_DESCRIPTION);
}

function firstLine(body: string): string | undefined {
  return body
    .split("\n")
    .map((line) => line.replace(/^#+\s*/, "").trim())
    .find((line) => line !== "");
}

type Optional = Pick<Skill, "license" | "compatibility" | "metadata" | "allowedTools" | "runs">;

function optionalFields(reading: Reading, fields: ReadonlyMap<string, Entry>): Optional {
  const license = textOf(reading, fields.get("license"), Infinity);
  const compatibility = textOf(reading, fields.get("compatibility"), 500);
  const metadata = metadataOf(reading, fields.get("metadata"));
  const allowedTools = listOf(fields.get("allowed-tools"));
  return {
    ...(license === undefined ? {} : { license }),
    ...(compatibility === undefined ? {} : { compatibility }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(allowedTools === undefined ? {} : { allowedTools }),
    ...(runsOf(reading, fields.get("context")) ? { runs: "child" as const } : {}),
  };
}

function textOf(reading: Reading, entry: Entry | undefined, longest: number): string | undefined {
  if (entry === undefined || entry.value === null) return undefined;
  const text = typeof entry.value === "string" ? entry.value : JSON.stringify(entry.value);
  if (text.length > longest)
    warn(reading, entry.line, `\`${entry.key}\` has ${text.length} characters`, `Use at most ${longest}.`);
  return text;
}

function metadataOf(reading: Reading, entry: Entry | undefined): Skill["metadata"] {
  if (entry === undefined) return undefined;
  if (entry.entries === undefined) {
    warn(reading, entry.line, "`metadata` is not a block", "Write its fields below it, indented.");
    return undefined;
  }
  const isText = entry.entries.every(({ value }) => typeof value === "string");
  if (!isText) warn(reading, entry.line, "`metadata` holds something other than text", "Put the values in quotes.");
  return Object.fromEntries(
    entry.entries.map(({ key, value }) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function listOf(entry: Entry | undefined): readonly string[] | undefined {
  if (typeof entry?.value === "string") return entry.value.split(/[\s,]+/).filter((name) => name !== "");
  return Array.isArray(entry?.value) ? entry.value.map(String) : undefined;
}

/** `context: fork` is how other programs say that a skill is work for a run of its own. */
function runsOf(reading: Reading, entry: Entry | undefined): boolean {
  if (entry === undefined) return false;
  if (entry.value !== "fork")
    warn(reading, entry.line, `\`context\` is ${JSON.stringify(entry.value)}`, "Write `fork`, or leave it out.");
  return entry.value === "fork";
}

// --- problems --------------------------------------------------------------------------------------------------------

function warn({ file, options }: Reading, line: number, problem: string, hint: string): void {
  if (options.strict === true) throw invalid(file, line, problem, hint);
  options.onWarning?.(`${file}:${line}: ${problem}. ${hint}`);
}

function invalid(file: string, line: number | undefined, problem: string, hint: string): ExecutusError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new ExecutusError("skill_invalid", `${place}: ${problem}.`, { file, hint });
}
