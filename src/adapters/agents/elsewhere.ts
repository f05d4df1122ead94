/** Fields as Claude Code and opencode write them, turned into ours. */
import type { JsonObject } from "../../ports/json.ts";
import type { Agent, InlineMcpServer, PermissionRule } from "../../ports/definition.ts";
import type { ModelSettings } from "../../ports/models.ts";
import { EFFORTS, PERMISSION_MODES } from "./agent-schema.ts";
import type { Entry } from "./frontmatter.ts";
import { readNames, type Reading, shown } from "./read-value.ts";
import { coveredBy, READING_TOOLS } from "./tool-names.ts";

const ALIASES: ReadonlyMap<string, string | undefined> = new Map([
  // Whoever starts the run decides.
  ["inherit", undefined],
  ["haiku", "fast"],
  ["sonnet", "smart"],
  ["opus", "smart"],
  ["opusplan", "smart"],
  ["fable", "smart"],
]);

/** A tier or `provider/model`. Families become tiers; a bare `claude-...` gets its provider. */
export function toModel(model: string): string | undefined {
  const name = model.replace(/\[1m\]$/, "");
  if (ALIASES.has(name)) return ALIASES.get(name);
  return name.startsWith("claude-") ? `anthropic/${name}` : name;
}

/** A word, or a budget of tokens for the providers that take one. */
export function toEffort(reading: Reading, entry: Entry): Partial<ModelSettings> {
  const { value } = entry;
  if (typeof value === "string" && EFFORTS.includes(value)) return { reasoning: value };
  if (Number.isInteger(value) && Number(value) > 0) {
    const budget = Number(value);
    return {
      providerOptions: {
        anthropic: { thinking: { type: "enabled", budgetTokens: budget } },
        google: { thinkingConfig: { thinkingBudget: budget } },
      },
    };
  }
  throw reading.fail(entry, shown(entry), `Use one of ${EFFORTS.join(", ")}, or a number of tokens.`);
}

export interface ToolNames {
  readonly allowed?: readonly string[];
  readonly denied: readonly string[];
}

/** A list of names; opencode has a map of names to true or false instead. */
export function toToolNames(reading: Reading, entry: Entry): ToolNames {
  if (entry.entries === undefined) return { allowed: readNames(reading, entry), denied: [] };
  for (const child of entry.entries) {
    if (typeof child.value !== "boolean") throw reading.fail(child, shown(child), "Write true or false.");
  }
  const named = (wanted: boolean): readonly string[] =>
    (entry.entries ?? []).filter(({ value }) => value === wanted).map(({ key }) => key);
  const allowed = named(true);
  return { ...(allowed.length === 0 ? {} : { allowed }), denied: named(false) };
}

type Permission = NonNullable<Agent["permission"]>;

const STRICTNESS: readonly PermissionRule[] = ["allow", "ask", "deny"];

/** One rule for all tools, or rules by glob. Rules by arguments become the strictest of them. */
export function toPermission(reading: Reading, entry: Entry, warn: (line: number, message: string) => void): Permission {
  if (entry.entries === undefined) return { "*": toRule(reading, entry) };
  const rules: Record<string, PermissionRule> = {};
  for (const child of entry.entries) {
    const rule = child.entries === undefined ? toRule(reading, child) : strictest(reading, child, warn);
    // The order decides: a name that was there before goes to the end.
    for (const name of [child.key, ...coveredBy(child.key)]) {
      delete rules[name];
      rules[name] = rule;
    }
  }
  return rules;
}

function toRule(reading: Reading, entry: Entry): PermissionRule {
  const rule = STRICTNESS.find((candidate) => candidate === entry.value);
  if (rule === undefined) throw reading.fail(entry, shown(entry), `Use one of ${STRICTNESS.join(", ")}.`);
  return rule;
}

function strictest(reading: Reading, entry: Entry, warn: (line: number, message: string) => void): PermissionRule {
  const rules = (entry.entries ?? []).map((child) => STRICTNESS.indexOf(toRule(reading, child)));
  const rule = STRICTNESS[Math.max(0, ...rules)] ?? "deny";
  warn(
    entry.line,
    `rules by the arguments of \`${entry.key}\` are not supported: \`${rule}\`, the strictest of them, holds for all`,
  );
  return rule;
}

/**
 * One word for all tools. `plan`: only what looks; `dontAsk`: what would ask is denied; `acceptEdits`: files may be written;
 * `default` and `auto`: what the tools themselves say.
 */
export function toModePermission(
  reading: Reading,
  entry: Entry,
  given: { readonly permission: Permission | undefined; readonly toolOptions: Agent["toolOptions"]; readonly mayBypass: boolean },
): Permission | undefined {
  const { permission = {}, toolOptions = {}, mayBypass } = given;
  switch (entry.value) {
    case "default":
    case "auto":
      return given.permission;
    case "acceptEdits":
      return { ...permission, write_file: "allow", append_file: "allow" };
    case "plan": {
      const reading = Object.keys(toolOptions).filter((name) => toolOptions[name]?.effect === "read");
      return { ...permission, "*": "deny", ...Object.fromEntries([...READING_TOOLS, ...reading].map((name) => [name, "allow"])) };
    }
    case "dontAsk":
      return Object.fromEntries(
        Object.entries({ ...permission }).map(([name, rule]) => [name, rule === "ask" ? "deny" : rule]),
      ) satisfies Permission;
    case "bypassPermissions":
      if (mayBypass) return { ...permission, "*": "allow" };
      throw reading.fail(
        entry,
        "`bypassPermissions` is refused",
        "Whoever runs agents decides that, not their files: use `permission`.",
      );
    default:
      throw reading.fail(entry, shown(entry), `Use one of ${PERMISSION_MODES.join(", ")}.`);
  }
}

/** Names, objects `name: server`, or a map of them as in `.mcp.json`. */
export function toServers(reading: Reading, entry: Entry): readonly (string | InlineMcpServer)[] {
  const { value, items, entries } = entry;
  if (typeof value === "string") return readNames(reading, entry);
  const inline = (child: Entry): InlineMcpServer => {
    if (child.entries === undefined) throw reading.fail(child, shown(child), "Write `command` or `url` below it, indented.");
    return { name: child.key, config: child.value as JsonObject };
  };
  if (entries !== undefined) return entries.map(inline);
  if (items === undefined) throw reading.fail(entry, shown(entry), "Write names of servers, or servers as in .mcp.json.");
  return items.flatMap((item): readonly (string | InlineMcpServer)[] => {
    if (typeof item.value === "string") return [item.value];
    if (item.entries === undefined) throw reading.fail(item, shown(item), "Write a name, or `name: { command: ... }`.");
    return item.entries.map(inline);
  });
}
