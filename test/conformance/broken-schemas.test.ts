/** That the suite for schemas fails what does not keep their promises: one broken in one place each. */
import { expect, it } from "vitest";
import type { StandardResult, StandardSchema } from "../../src/adapters/tools/schema-types.ts";
import * as kit from "../../src/testing/index.ts";
import { failuresAs, type Register } from "../support/failures.ts";

type Standard = StandardSchema["~standard"];

const JSON_SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const NO_CITY: StandardResult<unknown> = { issues: [{ message: "must be a city", path: ["city"] }] };

const cityOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "city" in value ? value.city : undefined;

const whole: Standard = {
  version: 1,
  vendor: "handmade",
  validate: (value) => (typeof cityOf(value) === "string" ? { value } : NO_CITY),
  jsonSchema: { input: () => JSON_SCHEMA },
};

const schema = (broken: () => Partial<Standard>): Register => {
  return (api) =>
    kit.schemaConformance(api, "broken", async () => ({
      schema: { "~standard": { ...whole, ...broken() } },
      for: "answers",
      takes: [{ city: "Ulm" }, { city: "Rom" }],
      refuses: [{ city: 7 }],
    }));
};

/** Of everything that the whole schema takes. */
const making = (make: (value: object) => unknown): (() => Partial<Standard>) => {
  return () => ({ validate: (value) => (typeof cityOf(value) === "string" ? { value: make(value as object) } : NO_CITY) });
};

let told = 0;
let asked = 0;

it.each<readonly [string, Register, readonly string[]]>([
  [
    "a schema that tells something else each time",
    schema(() => ({ jsonSchema: { input: () => ({ ...JSON_SCHEMA, maxProperties: 100 + ++told }) } })),
    ["the same in another process"],
  ],
  [
    "a schema that tells models what it refuses",
    schema(() => ({ jsonSchema: { input: () => ({ type: "object", properties: { city: { enum: ["Ulm"] } } }) } })),
    ["as it is"],
  ],
  ["a schema that takes anything", schema(() => ({ validate: (value) => ({ value }) })), ["takes what it should"]],
  [
    "a schema that refuses what it should take",
    schema(() => ({ validate: (value) => (cityOf(value) === "Ulm" ? { value } : NO_CITY) })),
    ["takes what it should"],
  ],
  [
    "a schema that refuses without a word",
    schema(() => ({ validate: (value) => (typeof cityOf(value) === "string" ? { value } : { issues: [{ message: "" }] }) })),
    ["takes what it should", "answers for anything"],
  ],
  [
    "a schema that fails over what is no object",
    schema(() => ({ validate: (value) => (typeof (value as { city: unknown }).city === "string" ? { value } : NO_CITY) })),
    ["answers for anything"],
  ],
  ["a schema that counts", schema(making((value) => ({ ...value, n: ++asked }))), ["the same each time"]],
  [
    "a schema that takes one answer at a time",
    schema(() => {
      let isBusy = false;
      return {
        validate: async (value) => {
          if (isBusy) return { issues: [{ message: "busy" }] };
          isBusy = true;
          await new Promise((resolve) => setImmediate(resolve));
          isBusy = false;
          return whole.validate(value);
        },
      };
    }),
    ["the same each time"],
  ],
  [
    "a schema that writes into what it looks at",
    schema(making((value) => Object.assign(value, { seen: true }))),
    ["changes nothing"],
  ],
  ["a schema that makes a map of an answer", schema(making((value) => new Map(Object.entries(value)))), ["makes JSON"]],
])("%s fails", async (_name, register, parts) => {
  expect(await failuresAs(register, parts)).toEqual(parts.toSorted());
});

it("a schema that keeps all promises passes", async () => {
  expect(
    await failuresAs(
      schema(() => ({})),
      [],
    ),
  ).toEqual([]);
});
