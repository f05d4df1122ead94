/** Schemas of somebody else, for our own check: without patterns, because one that is made for it keeps a process busy for years. */
import type { JsonObject, JsonValue } from "../../ports/json.ts";

/** Keywords whose fields are names, each with a schema. */
const MAPS = ["properties", "$defs", "definitions", "dependentSchemas"];

/** Keywords that hold data, not schemas. */
const DATA = ["const", "enum", "default", "examples"];

/** The other rules stay; where properties were told apart by patterns, the others are not refused. Whoever wrote the schema checks all of it. */
export function withoutPatterns(schema: JsonObject): JsonObject {
  const hasPatterned = schema["patternProperties"] !== undefined;
  const dropped = ["pattern", "patternProperties", ...(hasPatterned ? ["additionalProperties", "unevaluatedProperties"] : [])];
  const kept = Object.entries(schema).filter(([keyword]) => !dropped.includes(keyword));
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, DATA.includes(keyword) ? value : within(keyword, value)]));
}

function within(keyword: string, value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => within("", item));
  if (typeof value !== "object" || value === null) return value;
  if (!MAPS.includes(keyword)) return withoutPatterns(value as JsonObject);
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, within("", schema)]));
}
