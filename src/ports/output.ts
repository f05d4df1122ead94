/** Shapes of answers: what the final answer of a run must look like, and the check of what came. */
import type { JsonObject, JsonValue } from "./json.ts";

/** What the final answer must look like, as it is journaled. */
export interface OutputSnapshot {
  readonly schema: JsonObject;
  readonly name?: string;
  readonly description?: string;
}

export type OutputCheck<Output = unknown> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly problem: string };

/** A schema after it was read once: what the model is told, and the check. `Output` is what a valid answer becomes. */
export interface OutputSchema<Output = unknown> {
  /** Of an object. */
  readonly jsonSchema: JsonObject;
  readonly name?: string;
  readonly description?: string;
  validate(value: JsonValue): Promise<OutputCheck<Output>> | OutputCheck<Output>;
}

export interface Schemas {
  /**
   * Reads a Standard Schema, a TypeBox schema or a JSON Schema; one that was read before comes back as it is. `owner` is who
   * is named when it cannot be: rejects with ExecutusError `request_invalid`.
   */
  read(schema: object, owner: string): Promise<OutputSchema>;
}

/** What became of the check of a final answer. `data` is there only where it is not the JSON of the answer's text itself. */
export type OutputVerdict = { readonly ok: true; readonly data?: JsonValue } | { readonly ok: false; readonly problem: string };
