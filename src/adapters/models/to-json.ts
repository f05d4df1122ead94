/** What a provider hands over, as plain JSON. */
import type { JsonObject, JsonValue } from "../../ports/json.ts";

const DEEPEST = 64;

/** A copy with everything dropped that JSON cannot hold (functions, bytes, cycles), or undefined when nothing is left. */
export function toJson(value: unknown, depth = 0): JsonValue | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "object":
      return value === null ? null : copyObject(value, depth + 1);
    default:
      return undefined;
  }
}

/** The same for what has to be an object. */
export function toJsonObject(value: unknown): JsonObject | undefined {
  const json = toJson(value);
  return isJsonObject(json) ? json : undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function copyObject(value: object, depth: number): JsonValue | undefined {
  if (depth > DEEPEST || ArrayBuffer.isView(value)) return undefined;
  if (Array.isArray(value)) return value.map((item: unknown) => toJson(item, depth) ?? null);
  if ("toJSON" in value && typeof value.toJSON === "function") return toJson(value.toJSON(), depth);
  const copy: Record<string, JsonValue> = {};
  for (const [key, field] of Object.entries(value)) {
    const json = key === "__proto__" ? undefined : toJson(field, depth);
    if (json !== undefined) copy[key] = json;
  }
  return copy;
}

/** A field that should be text; anything else counts as not there. */
export function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
