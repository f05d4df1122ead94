/** What JavaScript lets through: a list that is none, a function that is a text. It is said by name, before it ends in a TypeError. */
import { ExecutusError } from "../kernel/errors.ts";
import type { ErrorCode } from "../ports/errors.ts";

export interface Shape {
  /** After "give". */
  readonly says: string;
  readonly of?: Shape;
  readonly fits: (value: unknown) => boolean;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const text: Shape = { says: "a text", fits: (value) => typeof value === "string" };
export const object: Shape = { says: "an object", fits: isObject };
export const aFunction: Shape = { says: "a function", fits: (value) => typeof value === "function" };
export const bytes: Shape = { says: "bytes", fits: (value) => value instanceof Uint8Array };
/** Some libraries have schemas that can be called. */
export const schema: Shape = { says: "a schema", fits: (value) => isObject(value) || typeof value === "function" };

/** One of these is a text in it. */
export function objectWith(...oneOf: readonly string[]): Shape {
  return objectOf(Object.fromEntries(oneOf.map((key) => [key, text])));
}

/** One of these fits. */
export function objectOf(oneOf: Readonly<Record<string, Shape>>): Shape {
  const says = `an object with ${Object.keys(oneOf)
    .map((key) => `\`${key}\``)
    .join(" or ")}`;
  return { says, fits: (value) => isObject(value) && Object.entries(oneOf).some(([key, shape]) => shape.fits(value[key])) };
}

export function listOf(of: Shape): Shape {
  return { says: `a list, each item ${of.says}`, of, fits: (value) => Array.isArray(value) && value.every(of.fits) };
}

export function either(one: Shape, other: Shape): Shape {
  const of = one.of ?? other.of;
  return {
    says: `${one.says} or ${other.says}`,
    ...(of === undefined ? {} : { of }),
    fits: (value) => one.fits(value) || other.fits(value),
  };
}

export interface Checked {
  /** Whose fields they are: `agent x`. */
  readonly owner: string;
  readonly code: ErrorCode;
}

/** Fields that are not there fit. Values are not shown: they may be secrets. */
export function checkShapes(given: object, shapes: Readonly<Record<string, Shape>>, { owner, code }: Checked): void {
  for (const [key, shape] of Object.entries(shapes)) {
    const value = (given as Readonly<Record<string, unknown>>)[key];
    if (value === undefined || shape.fits(value)) continue;
    throw new ExecutusError(code, `${owner}: ${wrong(key, value, shape)}`, { hint: `Give ${shape.says}, or leave it out.` });
  }
}

function wrong(key: string, value: unknown, { of }: Shape): string {
  const index = Array.isArray(value) && of !== undefined ? value.findIndex((item) => !of.fits(item)) : -1;
  return index < 0 ? `\`${key}\` is ${kindOf(value)}` : `\`${key}[${index}]\` is ${kindOf((value as unknown[])[index])}`;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  return typeof value === "object" ? "another object" : `a ${typeof value}`;
}
