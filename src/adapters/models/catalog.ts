/** What is known about models: prices with the date they were read, context windows. */
import { readFile } from "node:fs/promises";
import type { ModelPrice } from "../../ports/models.ts";
import { parseModelsFile } from "./models-file.ts";

export interface ModelFacts {
  /** US dollars per million tokens. Left out where it is not known for sure: unknown is never 0. */
  readonly price?: ModelPrice;
  /** Context window in tokens. */
  readonly contextTokens?: number;
  /** Longest answer in tokens. */
  readonly maxOutputTokens?: number;
  /** Where the figures are from. */
  readonly source?: string;
}

/** Facts by `provider/model`; a field that is given replaces the one that ships with the package. */
export type ModelOverrides = Readonly<Record<string, ModelFacts>>;

const FILE = new URL("../../../models.json", import.meta.url);

let shipped: Promise<ModelOverrides> | undefined;

/** The facts that ship with the package (`models.json`), read once and only when asked for. */
export function loadCatalog(): Promise<ModelOverrides> {
  shipped ??= readFile(FILE, "utf8").then((text) => parseModelsFile(text, "models.json").models);
  return shipped;
}

/** What is known about `provider/model`, the overrides first. A dated id has the facts of its undated alias. */
export async function factsOf(id: string, overrides: ModelOverrides = {}): Promise<ModelFacts> {
  const catalog = await loadCatalog();
  return { ...find(catalog, id), ...find(overrides, id) };
}

/** The price of `provider/model`, or undefined when it is not known. */
export async function priceOf(id: string, overrides: ModelOverrides = {}): Promise<ModelPrice | undefined> {
  return (await factsOf(id, overrides)).price;
}

const SNAPSHOT_DATE = /[-@](\d{8}|\d{4}-\d{2}-\d{2})$/;

function find(facts: ModelOverrides, id: string): ModelFacts | undefined {
  const known = Object.hasOwn(facts, id) ? id : id.replace(SNAPSHOT_DATE, "");
  return Object.hasOwn(facts, known) ? facts[known] : undefined;
}
