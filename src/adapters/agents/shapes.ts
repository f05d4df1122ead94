/**
 * What a value of an agent may be. One description serves both forms of a definition: `front` (YAML, with times as `10m` and
 * lists as `a, b`) and `code` (TypeScript, in milliseconds and arrays).
 */

export type Form = "front" | "code";

export type Shape =
  /** `empty`: nothing written is the empty text. */
  | { readonly is: "text"; readonly empty?: true }
  | { readonly is: "number" }
  | { readonly is: "time" }
  | { readonly is: "flag" }
  | { readonly is: "choice"; readonly of: readonly string[] }
  | { readonly is: "names" }
  /** Names; in code also tools themselves. */
  | { readonly is: "tools" }
  /** `orOne`: a single item may stand for itself. */
  | { readonly is: "list"; readonly of: Shape; readonly orOne?: true }
  | { readonly is: "object"; readonly fields: readonly Part[] }
  | { readonly is: "map"; readonly of: Shape }
  /** A block of JSON whose meaning is its reader's business. */
  | { readonly is: "block" }
  /** Several ways to write it; a reader of its own knows them, `schema` describes them to editors. */
  | { readonly is: "special"; readonly schema: object };

/** A field of an object. */
export interface Part {
  /** In code. */
  readonly key: string;
  /** In the frontmatter, where that is another word. */
  readonly front?: string;
  readonly shape: Shape;
  readonly about: string;
  readonly required?: true;
}

/** A field of an agent. */
export interface Field {
  /** Where it is in the definition: `limits.maxSteps`. Absent: only files have it. */
  readonly at?: string;
  /** Its names in the frontmatter, ours first: `executus.limits.time`. Absent: only code has it. */
  readonly front?: readonly string[];
  readonly shape: Shape;
  readonly about: string;
}

export const TEXT: Shape = { is: "text" };
export const NUMBER: Shape = { is: "number" };
export const TIME: Shape = { is: "time" };
export const FLAG: Shape = { is: "flag" };
export const NAMES: Shape = { is: "names" };
export const BLOCK: Shape = { is: "block" };

export function choice(...of: readonly string[]): Shape {
  return { is: "choice", of };
}
