/** Reads what an answer must look like: the schema for the model, and the check of what came. */
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../ports/errors.ts";
import type { JsonObject } from "../../ports/json.ts";
import type { OutputSchema, Schemas } from "../../ports/output.ts";
import { checkSchema } from "./json-schema-validator.ts";
import { isStandardSchema, readInput } from "./input-schema.ts";
import type { InferInput } from "./schema-types.ts";

/** What `result.data` is for a given `output`. */
export type InferOutput<Schema> = Schema extends OutputSchema<infer Output> ? Output : InferInput<Schema>;

/** Throws ExecutusError `code`, naming the owner. One that was read before comes back as it is. */
export function readOutputSchema(schema: object, owner: string, code: ErrorCode = "request_invalid"): OutputSchema {
  if (!isSchema(schema)) throw notASchema(owner, code);
  if (isOutputSchema(schema)) return schema;
  try {
    const { jsonSchema, validate } = readInput(owner, schema);
    return { jsonSchema, validate, ...titleOf(jsonSchema) };
  } catch (error) {
    throw inOwnWords(error, owner, code);
  }
}

function isSchema(given: unknown): boolean {
  return (typeof given === "object" && given !== null) || typeof given === "function";
}

function notASchema(owner: string, code: ErrorCode): ExecutusError {
  const hint = "Give a Standard Schema, a TypeBox schema or a JSON Schema, or leave it out.";
  return new ExecutusError(code, `${owner}: \`output\` is no schema`, { hint });
}

function isOutputSchema(schema: object): schema is OutputSchema {
  return !isStandardSchema(schema) && "jsonSchema" in schema && "validate" in schema && typeof schema.validate === "function";
}

/** Providers want a plain name. */
function titleOf({ title, description }: JsonObject): { name?: string; description?: string } {
  const name = typeof title === "string" ? title.replaceAll(/[^\w-]+/g, "_").slice(0, 64) : "";
  return { ...(name === "" ? {} : { name }), ...(typeof description === "string" ? { description } : {}) };
}

/** Tools and answers are read the same way; only who is at fault differs. */
function inOwnWords(error: unknown, owner: string, code: ErrorCode): unknown {
  if (!isExecutusError(error)) return error;
  const message = error.message.replace(`Tool ${owner}:`, `${owner}:`).replace(/its (`input`|input)/, "its `output`");
  const hint = error.hint
    ?.replace("`input`", "`output`")
    .replace("to the definition: it is what the model sees", "to the schema");
  return new ExecutusError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** Compiles what it reads: a schema that cannot be used is refused before a run starts. */
export const schemas: Schemas = {
  read: async (given, owner) => {
    const output = readOutputSchema(given, owner);
    try {
      if (!isStandardSchema(given)) await checkSchema(output.jsonSchema, owner);
    } catch (error) {
      throw inOwnWords(error, owner, "request_invalid");
    }
    return output;
  },
};
