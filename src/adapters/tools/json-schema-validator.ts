/** Checks arguments against a JSON Schema, with ajv loaded at the first check: most processes start without needing it. */
import type { Ajv, ErrorObject, Options, ValidateFunction } from "ajv";
import { ExecutusError, nearest } from "../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../ports/json.ts";
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
    const Draft = draft === "draft-07" ? (await import("ajv")).Ajv : (await import("ajv/dist/2020.js")).Ajv2020;
    checkItself(Draft, body);
    return new Draft({ ...OPTIONS, validateSchema: false }).compile(body);
  } catch (cause) {
    const reason = describeFault(body, cause);
    throw new ExecutusError("tool_invalid", `Tool ${tool}: its input is not a valid JSON Schema: ${reason}`, {
      cause,
      hint: "Correct the schema given as `input`; drafts 2020-12 and 07 are understood.",
    });
  }
}

type Draft = new (options: Options) => Pick<Ajv, "validateSchema" | "errors">;

/** One per draft: reading a draft's own schema takes most of the time. */
const checkers = new Map<Draft, Pick<Ajv, "validateSchema" | "errors">>();

function checkItself(Draft: Draft, schema: JsonObject): void {
  const checker = checkers.get(Draft) ?? new Draft(OPTIONS);
  checkers.set(Draft, checker);
  if (checker.validateSchema(schema) !== true) throw new Error(describeProblems(describeErrors(checker.errors ?? [])));
}

/** The compiler tells of a pattern and of a reference only what is wrong with it, not where it is. */
function describeFault(schema: JsonObject, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const missing = cause instanceof Error && "missingRef" in cause ? String(cause.missingRef) : undefined;
  const isFault = (keyword: string, value: JsonValue): boolean =>
    missing === undefined ? isNoPattern(keyword, value) : isReference(keyword, value) && missing.endsWith(value as string);
  if (missing === undefined && !(cause instanceof SyntaxError)) return reason;
  return atPath(placeOf(schema, isFault) ?? [], missing === undefined ? reason : `can't resolve reference ${missing}`);
}

function isNoPattern(keyword: string, value: JsonValue): boolean {
  if (keyword === "pattern") return typeof value === "string" && !isPattern(value);
  if (keyword !== "patternProperties" || typeof value !== "object" || value === null) return false;
  return !Object.keys(value).every((pattern) => isPattern(pattern));
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

function isReference(keyword: string, value: JsonValue): boolean {
  return (keyword === "$ref" || keyword === "$dynamicRef") && typeof value === "string";
}

/** The way to the first keyword that is at fault. */
function placeOf(value: JsonValue, isFault: (keyword: string, value: JsonValue) => boolean): readonly string[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [keyword, within] of Object.entries(value) as readonly [string, JsonValue][]) {
    if (isFault(keyword, within)) return [keyword];
    const place = placeOf(within, isFault);
    if (place !== undefined) return [keyword, ...place];
  }
  return undefined;
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
