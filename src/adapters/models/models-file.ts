/** `models.json`: tiers and facts about models, ours and the user's. */
import { readFile } from "node:fs/promises";
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { Budget } from "../../ports/budget.ts";
import type { ModelPrice, ModelRates } from "../../ports/models.ts";
import type { ModelFacts, ModelOverrides } from "./catalog.ts";
import { isJsonObject } from "./to-json.ts";

export interface ModelsFile {
  /** Ordered `provider/model` candidates by tier name. */
  readonly tiers: Readonly<Record<string, readonly string[]>>;
  /** Facts by `provider/model`. */
  readonly models: ModelOverrides;
  /** For the command line: budgets that runs share, as in the executor's `budgets`. What they say is not checked here. */
  readonly budgets?: readonly Budget[];
  /** For the command line: who decides about runs that stall. */
  readonly supervisor?: string;
}

/**
 * Reads a `models.json`: `{ "tiers": { "fast": ["openai/gpt-5-mini"] }, "models": { "local/llama": { "price": ... } } }`.
 * Rejects with ExecutusError `usage` that names the file and the field.
 */
export async function readModelsFile(path: string): Promise<ModelsFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ExecutusError("usage", `${path} cannot be read: ${(cause as Error).message}`, { cause, file: path });
  }
  return parseModelsFile(text, path);
}

/** The same from its text; `path` is for messages. */
export function parseModelsFile(text: string, path: string): ModelsFile {
  const reader = readerOf(path);
  const fields = reader.object(parse(text, path), "the file", ["tiers", "models", "budgets", "supervisor"]);
  const { tiers, models } = fields;
  return {
    tiers: reader.entries(tiers, "tiers", (value, at) => reader.ids(value, at)),
    models: reader.entries(models, "models", (value, at) => toFacts(reader, value, at)),
    ...toBounds(reader, fields),
  };
}

function toBounds(reader: Reader, { budgets, supervisor }: Record<string, unknown>): Pick<ModelsFile, "budgets" | "supervisor"> {
  if (budgets !== undefined && !(Array.isArray(budgets) && budgets.every(isJsonObject)))
    reader.refuse("budgets", budgets, "a list of budgets");
  if (supervisor !== undefined && typeof supervisor !== "string") return reader.refuse("supervisor", supervisor, "a text");
  return {
    ...(budgets === undefined ? {} : { budgets: budgets as unknown as readonly Budget[] }),
    ...(supervisor === undefined ? {} : { supervisor }),
  };
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ExecutusError("usage", `${path} is no JSON: ${(cause as Error).message}`, { cause, file: path });
  }
}

function toFacts(reader: Reader, value: unknown, at: string): ModelFacts {
  const fields = reader.object(value, at, ["price", "contextTokens", "maxOutputTokens", "source"]);
  const { price, source } = fields;
  const contextTokens = reader.number(fields["contextTokens"], `${at}.contextTokens`);
  const maxOutputTokens = reader.number(fields["maxOutputTokens"], `${at}.maxOutputTokens`);
  return {
    ...(price === undefined ? {} : { price: toPrice(reader, price, `${at}.price`) }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(typeof source === "string" ? { source } : {}),
  };
}

const RATES = ["input", "output", "cacheRead", "cacheWrite"] as const;

function toPrice(reader: Reader, value: unknown, at: string): ModelPrice {
  const fields = reader.object(value, at, [...RATES, "above", "asOf"]);
  const { above, asOf } = fields;
  if (typeof asOf !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(asOf))
    reader.refuse(`${at}.asOf`, asOf, "a date such as 2026-11-22");
  const price = { ...toRates(reader, fields, at), asOf };
  if (above === undefined) return price;
  const dearer = reader.object(above, `${at}.above`, ["inputTokens", ...RATES]);
  const inputTokens = reader.required(dearer["inputTokens"], `${at}.above.inputTokens`);
  return { ...price, above: { inputTokens, ...toRates(reader, dearer, `${at}.above`) } };
}

function toRates(reader: Reader, fields: Record<string, unknown>, at: string): ModelRates {
  const cacheRead = reader.number(fields["cacheRead"], `${at}.cacheRead`);
  const cacheWrite = reader.number(fields["cacheWrite"], `${at}.cacheWrite`);
  return {
    input: reader.required(fields["input"], `${at}.input`),
    output: reader.required(fields["output"], `${at}.output`),
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
  };
}

interface Reader {
  refuse(at: string, found: unknown, wanted: string): never;
  object(value: unknown, at: string, keys: readonly string[]): Record<string, unknown>;
  entries<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): Record<string, T>;
  ids(value: unknown, at: string): readonly string[];
  number(value: unknown, at: string): number | undefined;
  required(value: unknown, at: string): number;
}

/** Reads fields of a file and refuses what does not fit with the field's name. */
function readerOf(path: string): Reader {
  const reader: Reader = {
    refuse(at, found, wanted) {
      throw new ExecutusError("usage", `${path}: ${at} is ${show(found)}, not ${wanted}`, { file: path });
    },
    object(value, at, keys) {
      if (!isJsonObject(value)) return reader.refuse(at, value, "an object");
      const unknown = Object.keys(value).find((key) => !keys.includes(key));
      if (unknown !== undefined) throw unknownKey(path, unknown, { at, keys });
      return value;
    },
    entries(value, at, read) {
      if (value === undefined) return {};
      if (!isJsonObject(value)) return reader.refuse(at, value, "an object");
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item, `${at}.${key}`)]));
    },
    ids(value, at) {
      if (!Array.isArray(value)) return reader.refuse(at, value, 'a list of "provider/model"');
      return value.map((id: unknown, index) =>
        typeof id === "string" && isModelId(id) ? id : reader.refuse(`${at}[${index}]`, id, '"provider/model"'),
      );
    },
    number(value, at) {
      if (value === undefined) return undefined;
      return typeof value === "number" && value >= 0 ? value : reader.refuse(at, value, "a number from 0 on");
    },
    required(value, at) {
      return reader.number(value, at) ?? reader.refuse(at, value, "a number from 0 on");
    },
  };
  return reader;
}

/** `provider/model`: the model may contain more slashes. */
export function isModelId(id: string): boolean {
  return /^[^/\s]+\/\S+$/.test(id);
}

function unknownKey(path: string, key: string, { at, keys }: { at: string; keys: readonly string[] }): ExecutusError {
  const near = nearest(key, keys);
  const hint = near === undefined ? `Known here: ${keys.join(", ")}.` : `Did you mean "${near}"?`;
  return new ExecutusError("usage", `${path}: ${at} has an unknown field "${key}"`, { file: path, hint });
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
}
