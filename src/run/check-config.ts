/** A missing port is a programming error: it is said when the executor is made, by name, not when the first run needs it (S01). */
import { ExecutusError, nearest } from "../kernel/errors.ts";
import { aFunction, checkShapes, either, listOf, object, objectWith, type Shape, text } from "./shapes.ts";
import type { ExecutorConfig } from "./types.ts";

/** What each field must have to be what it is called; none for plain values. */
const FIELDS: Readonly<Record<keyof ExecutorConfig, readonly string[]>> = {
  models: ["resolve"],
  tools: ["resolve", "names"],
  delegates: ["resolve", "names"],
  store: ["journal", "inbox", "owners", "runs", "outbox", "lanes"],
  blobs: ["put", "get", "collect"],
  files: ["read"],
  attachments: [],
  budgets: [],
  ledger: ["apply", "standings"],
  admit: [],
  supervisor: ["decide"],
  polling: [],
  compactor: ["compact"],
  delivery: ["adapters"],
  lanes: [],
  observers: [],
  secrets: [],
  clock: ["now", "monotonic", "after", "random", "yield"],
  sources: [],
  agents: [],
  onAgentChange: [],
  limits: [],
  defaultTier: [],
  systemHeader: [],
  sweepMs: [],
  wakes: [],
  permission: [],
};

const SHAPES: Readonly<Partial<Record<keyof ExecutorConfig, Shape>>> = {
  budgets: listOf(object),
  admit: aFunction,
  polling: listOf(text),
  lanes: either(object, aFunction),
  permission: object,
  observers: listOf(object),
  secrets: either(listOf(either(text, object)), aFunction),
  sources: listOf(objectWith("name")),
  agents: either(listOf(objectWith("name")), aFunction),
  attachments: object,
  limits: object,
};

const DELIVERY: Readonly<Record<string, Shape>> = { adapters: listOf(objectWith("kind")) };

/** There is one without being asked for, so it can be switched off. */
const CAN_BE_OFF: ReadonlySet<keyof ExecutorConfig> = new Set(["compactor", "files"]);

const HINTS: Readonly<Partial<Record<keyof ExecutorConfig, string>>> = {
  models: "Give `models: createModels()`, or models of your own: `{ resolve: async (tier) => [candidate] }`.",
  tools: "Give `tools: createTools([...])`, or put the tools themselves into the agent's `tools`.",
  store: "Give `store: openSqliteStore({ file })`, or leave it out for runs in memory.",
};

/** Throws ExecutusError `config_invalid`. */
export function checkConfig(config: ExecutorConfig): void {
  if (typeof config !== "object" || config === null) throw invalid("an executor needs a configuration", HINTS.models);
  for (const key of Object.keys(config)) if (!Object.hasOwn(FIELDS, key)) throw unknownKey(key);
  if (config.models === undefined) throw invalid("an executor needs `models`, and has none", HINTS.models);
  for (const [key, methods] of Object.entries(FIELDS)) checkPort(key as keyof ExecutorConfig, config, methods);
  checkShapes(config, SHAPES, { owner: "the executor", code: "config_invalid" });
  if (config.delivery !== undefined) checkShapes(config.delivery, DELIVERY, { owner: "`delivery`", code: "config_invalid" });
  checkNames(config);
}

/** A run finds its agent by name: two of one name would be one another's code. */
function checkNames({ agents = [] }: ExecutorConfig): void {
  if (typeof agents === "function") return;
  const twice = agents.find((agent, i) => agents.some((other, j) => j < i && other !== agent && other.name === agent.name));
  if (twice === undefined) return;
  throw invalid(`the executor's \`agents\` has two agents named ${twice.name}`, "Rename one of them: runs find theirs by name.");
}

function checkPort(key: keyof ExecutorConfig, config: ExecutorConfig, methods: readonly string[]): void {
  const port: unknown = config[key];
  if (port === undefined || (port === false && CAN_BE_OFF.has(key))) return;
  const missing = methods.filter((method) => typeof port !== "object" || port === null || !(method in port));
  if (missing.length === 0) return;
  throw invalid(`the executor's \`${key}\` has no ${missing.map((method) => `\`${method}\``).join(", ")}`, HINTS[key]);
}

function unknownKey(key: string): ExecutusError {
  const near = nearest(key, Object.keys(FIELDS));
  const known = `Known fields: ${Object.keys(FIELDS).join(", ")}.`;
  return invalid(
    `\`${key}\` is not a field of an executor's configuration`,
    near === undefined ? known : `Did you mean \`${near}\`?`,
  );
}

function invalid(message: string, hint: string | undefined): ExecutusError {
  return new ExecutusError("config_invalid", message, hint === undefined ? {} : { hint });
}
