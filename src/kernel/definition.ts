/**
 * What of a definition counts, and what of it is different in another.
 *
 * Everything in the snapshot counts but where it came from and what the request decided: a field that is added to the snapshot
 * counts from then on.
 */
import type { AgentSnapshot, PhaseSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { JsonValue } from "../ports/json.ts";
import { canonical } from "./guards.ts";

type Draft = Omit<AgentSnapshot, "fingerprint">;

const NOT_COMPARED: ReadonlySet<string> = new Set([
  "name",
  "id",
  "description",
  "source",
  "tier",
  "fingerprint",
  "ownTools",
  "tools",
  "sources",
  "supervision",
  "edited",
]);

/** The same for equal definitions, 14 hex digits. It tells versions apart; it is no protection against anybody. */
export function fingerprintOf(snapshot: Draft): string {
  return hash(canonical({ ...compared(snapshot), tools: ownTools(snapshot) as unknown as JsonValue }));
}

/** One sentence per difference, for people; empty when there is none. */
export function changesBetween(before: Draft, after: Draft): readonly string[] {
  const [old, current] = [compared(before), compared(after)];
  const changes: string[] = [];
  for (const key of new Set([...Object.keys(old), ...Object.keys(current)])) {
    changes.push(...changesOf(key, old[key], current[key]));
  }
  return [...changes, ...toolChanges(ownTools(before), ownTools(after))];
}

function compared(snapshot: Draft): Readonly<Record<string, JsonValue>> {
  const phases = snapshot.phases?.map((phase) => comparedPhase(phase, snapshot));
  const fields = Object.entries({ ...snapshot, phases } as unknown as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(fields.filter(([key, value]) => !NOT_COMPARED.has(key) && value !== undefined));
}

/** Without what follows from the request and from this process: models, the agent's own tier, tools that came along. */
function comparedPhase(phase: PhaseSnapshot, { tier, tools, ownTools }: Draft): Omit<PhaseSnapshot, "models" | "tier"> {
  const { models: _models, tier: own, ...rest } = phase;
  const others = new Set(tools.slice(ownTools).map(({ name }) => name));
  return {
    ...rest,
    ...(own === tier ? {} : { model: own }),
    ...(rest.tools === undefined ? {} : { tools: rest.tools.filter(({ name }) => !others.has(name)) }),
  };
}

function ownTools({ tools, ownTools }: Draft): readonly ToolSnapshot[] {
  return tools.slice(0, ownTools);
}

function changesOf(path: string, before: JsonValue | undefined, after: JsonValue | undefined): readonly string[] {
  if (isSame(before, after)) return [];
  if (path === "instructions" && typeof before === "string" && typeof after === "string") return [textChange(before, after)];
  if (isBlock(before) && isBlock(after) && !path.includes(".")) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => changesOf(`${path}.${key}`, before[key], after[key]));
  }
  return [`${path}: ${shorten(before)} -> ${shorten(after)}`];
}

/** The first line that differs, and how many do. */
function textChange(before: string, after: string): string {
  const [old, current] = [before.split("\n"), after.split("\n")];
  let line = 0;
  while (line < old.length && old[line] === current[line]) line++;
  const delta = current.length - old.length;
  const size = delta === 0 ? "" : ` (${delta > 0 ? "+" : ""}${delta} lines)`;
  return `instructions, line ${line + 1}${size}: ${shorten(old[line])} -> ${shorten(current[line])}`;
}

function toolChanges(before: readonly ToolSnapshot[], after: readonly ToolSnapshot[]): readonly string[] {
  const changes: string[] = [];
  for (const tool of before) {
    const current = after.find(({ name }) => name === tool.name);
    if (current === undefined) changes.push(`tool ${tool.name} is gone`);
    else changes.push(...toolChange(tool, current));
  }
  const added = after.filter(({ name }) => !before.some((tool) => tool.name === name));
  return [...changes, ...added.map(({ name }) => `tool ${name} is new`)];
}

function toolChange(before: ToolSnapshot, after: ToolSnapshot): readonly string[] {
  const [old, current] = [before, after] as unknown as readonly [Readonly<Record<string, JsonValue>>, typeof NO_FIELDS];
  return [...new Set([...Object.keys(old), ...Object.keys(current)])].flatMap((key) => {
    if (isSame(old[key], current[key])) return [];
    if (key === "inputSchema") return [`tool ${before.name}: its arguments changed`];
    return [`tool ${before.name}, ${key}: ${shorten(old[key])} -> ${shorten(current[key])}`];
  });
}

const NO_FIELDS: Readonly<Record<string, JsonValue>> = {};

function isBlock(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(before: JsonValue | undefined, after: JsonValue | undefined): boolean {
  if (before === after) return true;
  return before !== undefined && after !== undefined && canonical(before) === canonical(after);
}

const MOST_CHARACTERS = 80;

function shorten(value: JsonValue | undefined): string {
  if (value === undefined) return "none";
  const text = JSON.stringify(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

/** Two rounds of FNV-1a over the characters, with different beginnings. */
function hash(text: string): string {
  let [low, high] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code ^ (low >>> 16), 0x85ebca6b);
  }
  return ((high >>> 8) * 2 ** 32 + (low >>> 0)).toString(16).padStart(14, "0");
}
