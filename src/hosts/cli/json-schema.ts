/** `--json-schema`: a file, or the schema itself. */
import { readFileSync } from "node:fs";
import { ExecutusError } from "../../kernel/errors.ts";

/** Throws ExecutusError `usage`. */
export function readJsonSchema(given: string): object {
  const isInline = given.trimStart().startsWith("{");
  const text = isInline ? given : read(given);
  const where = isInline ? "the JSON schema" : given;
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema;
  } catch (cause) {
    throw problem(`${where} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  throw problem(`${where} is not a JSON object`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw problem(`there is no file ${file} to read`);
  }
}

function problem(message: string): ExecutusError {
  const hint = 'Give a file, or the schema itself: \'{"type":"object","properties":{"count":{"type":"integer"}}}\'';
  return new ExecutusError("usage", `--json-schema: ${message}`, { hint });
}
