/** Reads what a tool's input was described with: a JSON Schema for the model, and a check for what comes back. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../ports/json.ts";
import type { LateSchema, ToolInputCheck } from "../../ports/tools.ts";
import { checkAgainstSchema, checkSchema } from "./json-schema-validator.ts";
import { describeIssue, describeProblems } from "./problems.ts";
import type { StandardSchema } from "./schema-types.ts";

export interface ToolInput {
  readonly jsonSchema: JsonObject;
  readonly validate: (input: JsonValue) => ToolInputCheck | Promise<ToolInputCheck>;
  readonly lateSchema?: LateSchema;
}

/** Throws `tool_invalid`, naming the tool. `given` is the JSON Schema of a Standard Schema that cannot tell it itself. */
export function readInput(tool: string, input: unknown, given?: object): ToolInput {
  if (isStandardSchema(input)) {
    const jsonSchema = objectSchema(tool, given ?? describeStandard(tool, input));
    return { jsonSchema, validate: (value) => checkStandard(input, value) };
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(tool, "its `input` is not a schema", "Give a Standard Schema (zod, valibot, ArkType) or a JSON Schema object.");
  }
  const jsonSchema = objectSchema(tool, given ?? input);
  return {
    jsonSchema,
    validate: (value) => checkAgainstSchema(jsonSchema, value, tool),
    lateSchema: { read: () => checkSchema(jsonSchema, tool) },
  };
}

export function isStandardSchema(value: unknown): value is StandardSchema {
  // ArkType's schemas are functions.
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("~standard" in value)) return false;
  const standard = value["~standard"];
  return typeof standard === "object" && standard !== null && "validate" in standard;
}

/** The schema as plain JSON; a model's arguments are always an object. */
export function objectSchema(tool: string, schema: object): JsonObject {
  let plain: JsonObject;
  try {
    // Also drops the symbols that TypeBox keeps on its schemas.
    plain = JSON.parse(JSON.stringify(schema)) as JsonObject;
  } catch (cause) {
    throw invalid(tool, "its JSON Schema is not plain JSON", "Leave out functions, cycles and big integers.", cause);
  }
  const type = plain["type"];
  if (type === undefined) return { type: "object", ...plain };
  if (type === "object") return plain;
  const hint = `Wrap it: an object with one property, for example { type: "object", properties: { value: ... } }.`;
  throw invalid(tool, `its input must be an object, not ${JSON.stringify(type)}`, hint);
}

function describeStandard(tool: string, schema: StandardSchema): object {
  const { vendor, jsonSchema } = schema["~standard"];
  if (jsonSchema === undefined) {
    const how =
      vendor === "zod"
        ? "Use zod 4.2 or later, or add `jsonSchema: z.toJSONSchema(schema, { io: 'input' })`"
        : "Add `jsonSchema: {...}`";
    throw invalid(
      tool,
      `its ${vendor} schema cannot tell its JSON Schema`,
      `${how} to the definition: it is what the model sees.`,
    );
  }
  try {
    return jsonSchema.input({ target: "draft-2020-12" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = "Describe it with types that JSON has (a date as a string, for example) or add `jsonSchema: {...}`.";
    throw invalid(tool, `its ${vendor} schema has no JSON Schema: ${reason}`, hint, cause);
  }
}

async function checkStandard(schema: StandardSchema, value: unknown): Promise<ToolInputCheck> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { ok: true, value: result.value };
  return { ok: false, problem: describeProblems(result.issues.map(describeIssue)) };
}

export function invalid(tool: string, problem: string, hint: string, cause?: unknown): ExecutusError {
  return new ExecutusError("tool_invalid", `Tool ${tool}: ${problem}.`, { hint, ...(cause === undefined ? {} : { cause }) });
}
