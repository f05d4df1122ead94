/**
 * Shapes of answers: what the final answer of a run must look like, and the check of what came.
 *
 * What a run relies on in a schema, of an answer as of a tool's arguments:
 *
 * Y1 It tells what it takes as JSON Schema of an object: plain data, the same in every process. The journal has that.
 * Y2 What it takes fits that JSON Schema: it is what models are shown, and what an answer is checked against where the schema
 *    itself is not at hand.
 * Y3 It answers for anything that is JSON, with a text for the model when it says no.
 * Y4 It says the same each time, and changes nothing of what it looks at: after a crash the same arguments are checked again.
 * Y5 What it makes of an answer is JSON. Of arguments it may make anything.
 */
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
