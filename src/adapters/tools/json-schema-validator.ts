/** Checks arguments against a JSON Schema, with ajv loaded at the first check: most processes start without needing it. */
import type { ErrorObject, Options, ValidateFunction } from "ajv";
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { JsonObject } from "../../ports/json.ts";
import type { ToolInputCheck } from "../../ports/tools.ts";
import { atPath, describeProblems } from "./problems.ts";

/**
 * Formats are hints to the model, not checks: which ones are known differs from validator to validator. Patterns are read the
 * forgiving way, as most who write schemas expect (`[\w-.]`).
 */
const OPTIONS: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  unicodeRegExp: false,
  verbose: true,
  logger: false,
};

const OLD_DRAFT = /json-schema\.org\/draft-0[4-7]\//;

/** A promise while it is being compiled, and for good where it cannot be. */
const compiled = new WeakMap<JsonObject, ValidateFunction | Promise<ValidateFunction>>();

/** Rejects with `tool_invalid` when the schema itself is wrong. Compiled once per schema object; answers at once after that. */
export function checkAgainstSchema(schema: JsonObject, value: unknown, tool: string): ToolInputCheck | Promise<ToolInputCheck> {
  const known = compiled.get(schema);
  if (typeof known === "function") return check(known, value);
  return compiledOnce(schema, known, tool).then((validate) => check(validate, value));
}

async function compiledOnce(
  schema: JsonObject,
  known: Promise<ValidateFunction> | undefined,
  tool: string,
): Promise<ValidateFunction> {
  const pending = known ?? compile(schema, tool);
  compiled.set(schema, pending);
  const validate = await pending;
  compiled.set(schema, validate);
  return validate;
}

function check(validate: ValidateFunction, value: unknown): ToolInputCheck {
  if (validate(value)) return { ok: true, value };
  return { ok: false, problem: describeProblems(describeErrors(validate.errors ?? [])) };
}

/** Rejects with `tool_invalid` when the schema itself is wrong. */
export async function checkSchema(schema: JsonObject, tool: string): Promise<void> {
  await checkAgainstSchema(schema, {}, tool);
}

async function compile(schema: JsonObject, tool: string): Promise<ValidateFunction> {
  const draft = schema["$schema"];
  if (typeof draft === "string") return compileAs(OLD_DRAFT.test(draft) ? "draft-07" : "2020-12", schema, tool);
  // Undeclared: read as the current draft, and as draft-07 when only that makes sense (tuples as an array of `items`).
  try {
    return await compileAs("2020-12", schema, tool);
  } catch (error) {
    return await compileAs("draft-07", schema, tool).catch(() => Promise.reject(error));
  }
}

async function compileAs(draft: "2020-12" | "draft-07", schema: JsonObject, tool: string): Promise<ValidateFunction> {
  // A declared draft was used to choose; ajv would look for its meta schema, and draft-04 and -06 have none here. `$async`
  // would make ajv answer with a promise.
  const { $schema: _draft, $async: _async, ...body } = schema;
  try {
    if (draft === "draft-07") return new (await import("ajv")).Ajv(OPTIONS).compile(body);
    return new (await import("ajv/dist/2020.js")).Ajv2020(OPTIONS).compile(body);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExecutusError("tool_invalid", `Tool ${tool}: its input is not a valid JSON Schema: ${reason}`, {
      cause,
      hint: "Correct the schema given as `input`; drafts 2020-12 and 07 are understood.",
    });
  }
}

function describeErrors(errors: readonly ErrorObject[]): string[] {
  // `anyOf` and `if` only sum up what their branches said.
  const telling = errors.filter((error) => error.keyword !== "if");
  return telling.map((error) => describeError(error));
}

function describeError(error: ErrorObject): string {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
  const { params } = error;
  switch (error.keyword) {
    case "required":
      return atPath([...path, String(params["missingProperty"])], "is required");
    case "additionalProperties":
      return unexpected(path, String(params["additionalProperty"]), error);
    case "unevaluatedProperties":
      return unexpected(path, String(params["unevaluatedProperty"]), error);
    case "enum":
      return atPath(path, `must be one of ${list(params["allowedValues"])}`);
    case "const":
      return atPath(path, `must be ${JSON.stringify(params["allowedValue"])}`);
    default:
      return atPath(path, error.message ?? `fails ${error.keyword}`);
  }
}

function unexpected(path: readonly string[], name: string, error: ErrorObject): string {
  const known = Object.keys((error.parentSchema?.["properties"] as object | undefined) ?? {});
  const near = nearest(name, known);
  return atPath([...path, name], `is not a known field${near === undefined ? "" : `, did you mean ${near}`}`);
}

function list(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(", ") : String(values);
}
