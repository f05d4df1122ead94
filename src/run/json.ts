/** What a tool returned, as plain JSON, or the place where it is not. */
import type { JsonValue } from "../ports/json.ts";

export type JsonCheck = { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly problem: string };

/** Deepest nesting that is taken; deeper data is almost always a cycle of fresh objects. */
const DEEPEST = 200;

/** Nested as no result may be. Whoever walks through such data, to store it or to look for secrets, runs out of stack. */
export function isTooDeep(value: JsonValue, levels: number = DEEPEST): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const field of Array.isArray(value) ? value : Object.values(value)) if (isTooDeep(field, levels - 1)) return true;
  return false;
}

class NotJson extends Error {}

/**
 * JSON.stringify would throw on BigInt and cycles and quietly lose Map, Set, functions, errors and promises; here each is a problem
 * with its path. `undefined` fields are left out, `toJSON` is honoured (Date, URL), NaN and Infinity are problems.
 */
export function toJson(value: unknown): JsonCheck {
  try {
    return { ok: true, value: convert(value, "result", []) };
  } catch (error) {
    if (error instanceof NotJson) return { ok: false, problem: error.message };
    throw error;
  }
}

function convert(value: unknown, path: string, parents: readonly object[]): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new NotJson(`${path} is ${value}`);
      return value;
    case "undefined":
      return null;
    case "object":
      return value === null ? null : convertObject(value, path, parents);
    default:
      throw new NotJson(`${path} is a ${typeof value}`);
  }
}

function convertObject(value: object, path: string, parents: readonly object[]): JsonValue {
  if (parents.includes(value)) throw new NotJson(`${path} refers back to one of its parents`);
  if (parents.length > DEEPEST) throw new NotJson(`${path.slice(0, 80)}... is nested too deeply`);
  const within = [...parents, value];
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const plain: unknown = (value as { toJSON(): unknown }).toJSON();
    return plain === value ? convertFields(value, path, within) : convert(plain, path, within);
  }
  if (Array.isArray(value)) return value.map((item, i) => convert(item, `${path}[${i}]`, within));
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || isOpaque(value)) {
    throw new NotJson(`${path} is ${withArticle(kindOf(value))}`);
  }
  return convertFields(value, path, within);
}

/** What keeps what it holds where no field shows it: an Error its message, a Promise its value, a Response its body. */
function isOpaque(value: object): boolean {
  const kind = tagOf(value);
  return kind === "Error" || (kind !== "Object" && Object.keys(value).length === 0);
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** What has no prototype has no constructor either: an imported module. */
function kindOf(value: { readonly constructor?: { readonly name: string } }): string {
  return value.constructor?.name ?? tagOf(value);
}

function withArticle(name: string): string {
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

function convertFields(value: object, path: string, within: readonly object[]): JsonValue {
  const plain: Record<string, JsonValue> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    const json = convert(field, `${path}.${key}`, within);
    if (key === "__proto__") setOwn(plain, key, json);
    else plain[key] = json;
  }
  return plain;
}

/** An assignment would set the prototype: lost in the journal, and seen by whoever asks the object for any field. */
function setOwn(plain: object, key: string, value: JsonValue): void {
  Object.defineProperty(plain, key, { value, enumerable: true, configurable: true, writable: true });
}
