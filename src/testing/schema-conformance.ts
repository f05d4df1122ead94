import assert from "node:assert/strict";
import { inspect } from "node:util";
import { readInput } from "../adapters/tools/input-schema.ts";
import { checkAgainstSchema, checkSchema } from "../adapters/tools/json-schema-validator.ts";
import { schemas } from "../adapters/tools/output-schema.ts";
import type { JsonObject, JsonValue } from "../ports/json.ts";
import type { OutputCheck } from "../ports/output.ts";
import { toJson } from "../run/json.ts";
import { assertPlain, settles, type Subject, suite } from "./conformance.ts";
import { ANYTHING } from "./samples.ts";
import type { TestApi } from "./store-conformance.ts";

export interface SchemaUnderTest extends Subject {
  /** A Standard Schema, a TypeBox schema or a JSON Schema. For answers also an `OutputSchema`. */
  readonly schema: object;
  readonly for: "arguments" | "answers";
  /** Of a Standard Schema that cannot tell it itself: `jsonSchema` of the tool. */
  readonly jsonSchema?: object;
  /** At least one of each. */
  readonly takes: readonly JsonValue[];
  readonly refuses: readonly JsonValue[];
}

interface ReadSchema {
  readonly jsonSchema: JsonObject;
  validate(value: JsonValue): Promise<OutputCheck> | OutputCheck;
}

/** As an executor reads it: of a tool where it is defined, of an answer before a run starts. */
async function read(subject: SchemaUnderTest): Promise<ReadSchema> {
  if (subject.for === "answers") return schemas.read(subject.schema, "the schema");
  const input = readInput("schema", subject.schema, subject.jsonSchema);
  await checkSchema(input.jsonSchema, "schema");
  return input;
}

/** Whatever a schema makes of a value can be compared. */
const shown = (check: OutputCheck): string => inspect(check, { depth: Infinity });

async function verdict(schema: ReadSchema, value: JsonValue): Promise<OutputCheck> {
  return settles(Promise.resolve(schema.validate(structuredClone(value))));
}

async function assertRefusal(schema: ReadSchema, value: JsonValue): Promise<void> {
  const check = await verdict(schema, value);
  assert.ok(!check.ok, `it takes ${JSON.stringify(value)}`);
  assert.match(check.problem, /\S/, `it does not say what is wrong with ${JSON.stringify(value)}`);
}

/**
 * What every schema of a tool's arguments or of an answer must do: Y1 to Y5 of their port.
 *
 * @example
 * const takes = [{ city: "Ulm" }];
 * schemaConformance({ describe, it }, "my schema", async () => ({ schema, for: "arguments", takes, refuses: [{ city: 7 }] }));
 */
export function schemaConformance(api: TestApi, name: string, open: () => Promise<SchemaUnderTest>): void {
  suite(api, `${name} keeps the promises of a schema`, {
    open,
    tests: (test) => {
      test("tells what it takes, as a JSON Schema of an object that is the same in another process (Y1)", async (subject) => {
        const { jsonSchema } = await read(subject);
        assertPlain(jsonSchema, "its JSON Schema");
        assert.equal(jsonSchema["type"], "object", "models give objects");
        const other = await open();
        try {
          assert.deepEqual((await read(other)).jsonSchema, jsonSchema);
        } finally {
          await other.close?.();
        }
      });

      test("tells it as it is: what it takes fits (Y2)", async (subject) => {
        const { jsonSchema } = await read(subject);
        for (const value of subject.takes) {
          const check = await checkAgainstSchema(jsonSchema, value, "schema");
          assert.ok(check.ok, `models are told that ${JSON.stringify(value)} is wrong: ${check.ok ? "" : check.problem}`);
        }
      });

      test("takes what it should, and says in words what is wrong with the rest (Y3)", async (subject) => {
        const { takes, refuses } = subject;
        assert.ok(
          takes.length > 0 && refuses.length > 0,
          "the suite needs something that it takes and something that it refuses",
        );
        const schema = await read(subject);
        for (const value of takes) {
          const check = await verdict(schema, value);
          assert.ok(check.ok, `it refuses ${JSON.stringify(value)}: ${check.ok ? "" : check.problem}`);
        }
        for (const value of refuses) await assertRefusal(schema, value);
      });

      test("answers for anything (Y3)", async (subject) => {
        const schema = await read(subject);
        for (const value of ANYTHING) {
          const check = await verdict(schema, value);
          if (!check.ok) assert.match(check.problem, /\S/, `it does not say what is wrong with ${JSON.stringify(value)}`);
        }
      });

      test("says the same each time, also at once (Y4)", async (subject) => {
        const schema = await read(subject);
        for (const value of [...subject.takes, ...subject.refuses]) {
          const [first, second, third] = await Promise.all([value, value, value].map(async (one) => verdict(schema, one)));
          assert.ok(first !== undefined && second !== undefined && third !== undefined);
          assert.equal(shown(second), shown(first));
          assert.equal(shown(third), shown(first));
        }
      });

      test("changes nothing of what it looks at (Y4)", async (subject) => {
        const schema = await read(subject);
        for (const value of [...subject.takes, ...subject.refuses]) {
          const given = structuredClone(value);
          await settles(Promise.resolve(schema.validate(given)));
          assert.deepEqual(given, value);
        }
      });

      test("makes JSON of an answer (Y5)", async (subject) => {
        if (subject.for !== "answers") return;
        const schema = await read(subject);
        for (const value of subject.takes) {
          const check = await verdict(schema, value);
          const json = toJson(check.ok ? check.value : undefined);
          assert.ok(json.ok, json.ok ? "" : `what it makes of ${JSON.stringify(value)} cannot be recorded: ${json.problem}`);
        }
      });
    },
  });
}
