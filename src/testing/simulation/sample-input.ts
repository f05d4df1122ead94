/** Arguments that fit a schema, for a model that has nothing to say. */
import type { JsonObject, JsonValue } from "../../ports/json.ts";
import type { SeededRandom } from "../seeded-random.ts";

/** Deep enough for arguments of tools, and an end for schemas that contain themselves. */
const DEEPEST = 4;

/** Knows types, properties, items, enums, constants, alternatives, bounds and examples; what else a schema says is not heeded. */
export function sampleInput(schema: JsonObject, random: SeededRandom, depth = 0): JsonValue {
  const given = schema["const"] ?? schema["default"];
  if (given !== undefined) return given;
  const choices = listOf(schema["enum"]) ?? listOf(schema["examples"]);
  if (choices !== undefined) return random.pick(choices);
  const alternatives = listOf(schema["anyOf"]) ?? listOf(schema["oneOf"]);
  if (alternatives !== undefined) return sampleInput(toSchema(random.pick(alternatives)), random, depth);
  switch (typeOf(schema)) {
    case "object":
      return sampleObject(schema, random, depth);
    case "array":
      return sampleArray(schema, random, depth);
    case "integer":
    case "number":
      return sampleNumber(schema, random);
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    default:
      return sampleText(schema, random);
  }
}

function typeOf(schema: JsonObject): JsonValue | undefined {
  const { type } = schema;
  if (type === undefined && schema["properties"] !== undefined) return "object";
  return Array.isArray(type) ? (type as readonly JsonValue[])[0] : type;
}

function sampleObject(schema: JsonObject, random: SeededRandom, depth: number): JsonValue {
  const required = listOf(schema["required"]) ?? [];
  const sample: Record<string, JsonValue> = {};
  for (const [name, property] of Object.entries(toSchema(schema["properties"]))) {
    const isWanted = required.includes(name) || (depth < DEEPEST && random.chance(0.5));
    if (isWanted) sample[name] = sampleInput(toSchema(property), random, depth + 1);
  }
  return sample;
}

function sampleArray(schema: JsonObject, random: SeededRandom, depth: number): JsonValue {
  const least = toNumber(schema["minItems"]) ?? 0;
  const most = depth >= DEEPEST ? least : Math.min(toNumber(schema["maxItems"]) ?? least + 3, least + 3);
  const length = least + random.below(most - least + 1);
  return Array.from({ length }, () => sampleInput(toSchema(schema["items"]), random, depth + 1));
}

function sampleNumber(schema: JsonObject, random: SeededRandom): number {
  const least = toNumber(schema["minimum"]) ?? 1;
  const most = toNumber(schema["maximum"]) ?? least + 8;
  return least + random.below(Math.floor(most - least) + 1);
}

const WORDS = ["alpha", "beta", "gamma", "delta"];

function sampleText(schema: JsonObject, random: SeededRandom): string {
  const text = random.pick(WORDS).padEnd(toNumber(schema["minLength"]) ?? 0, "x");
  return text.slice(0, toNumber(schema["maxLength"]) ?? text.length);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  return Array.isArray(value) && value.length > 0 ? (value as readonly JsonValue[]) : undefined;
}

function toNumber(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function toSchema(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
