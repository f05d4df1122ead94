/** What a tool's input can be described with, and the type that follows from it. */

/** The part of Standard Schema v1 that is used here: zod 4, valibot, ArkType and others have it. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | PromiseLike<StandardResult<Output>>;
    readonly types?: { readonly output: Output } | undefined;
    /** Standard JSON Schema v1: zod from 4.2 on, and whoever else can describe itself. */
    readonly jsonSchema?: { readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown> };
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * What `execute` gets for a given `input`: the output of a Standard Schema, the static type of a TypeBox schema, or what a
 * JSON Schema literal says, as far as its `type`, `enum`, `const`, `properties`, `required` and `items` tell.
 */
export type InferInput<Schema> = Schema extends { readonly "~standard": { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : Schema extends { readonly static: infer Static }
    ? Static
    : FromJsonSchema<Schema>;

type FromJsonSchema<Schema> = Schema extends { readonly const: infer Value }
  ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { readonly type: infer Type }
      ? FromType<Schema, Type>
      : unknown;

type FromType<Schema, Type> = Type extends "string"
  ? string
  : Type extends "number" | "integer"
    ? number
    : Type extends "boolean"
      ? boolean
      : Type extends "null"
        ? null
        : Type extends "array"
          ? Schema extends { readonly items: infer Items }
            ? readonly FromJsonSchema<Items>[]
            : readonly unknown[]
          : Type extends "object"
            ? FromObject<Schema>
            : unknown;

type FromObject<Schema> = Schema extends { readonly properties: infer Properties }
  ? { readonly [Key in keyof Properties as Key extends RequiredKeys<Schema> ? Key : never]: FromJsonSchema<Properties[Key]> } & {
      readonly [Key in keyof Properties as Key extends RequiredKeys<Schema> ? never : Key]?: FromJsonSchema<Properties[Key]>;
    }
  : Readonly<Record<string, unknown>>;

type RequiredKeys<Schema> = Schema extends { readonly required: readonly (infer Key)[] } ? Key : never;
