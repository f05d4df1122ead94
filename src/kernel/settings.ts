/** Call settings of several sources as one. */
import type { JsonObject, JsonValue } from "../ports/json.ts";
import type { ModelSettings } from "../ports/models.ts";

/** Later sources win. Provider options are merged per provider, so that one source does not take away another's. */
export function mergeSettings(...sources: readonly (ModelSettings | undefined)[]): ModelSettings {
  const given = sources.filter((source) => source !== undefined);
  const [only] = given;
  if (given.length <= 1) return only ?? {};
  return given.reduce((merged, source) => ({
    ...merged,
    ...source,
    ...optionsOf("providerOptions", merged, source),
    ...optionsOf("instructionsProviderOptions", merged, source),
  }));
}

type OptionsKey = "providerOptions" | "instructionsProviderOptions";

function optionsOf(key: OptionsKey, one: ModelSettings, other: ModelSettings): { readonly [K in OptionsKey]?: JsonObject } {
  const [under, over] = [one[key], other[key]];
  if (under === undefined || over === undefined) return {};
  const merged: Record<string, JsonValue> = { ...under };
  for (const [provider, options] of Object.entries(over)) {
    const before = merged[provider];
    merged[provider] = isObject(before) && isObject(options) ? { ...before, ...options } : options;
  }
  return { [key]: merged };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
