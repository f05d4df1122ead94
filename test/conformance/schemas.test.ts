/** Schemas of every kind that tools and answers can have pass the suite for them, as an executor reads them. */
import { describe, it } from "vitest";
import { z } from "zod";
import * as mini from "zod/mini";
import { readOutputSchema } from "../../src/adapters/tools/output-schema.ts";
import type { StandardSchema } from "../../src/adapters/tools/schema-types.ts";
import * as kit from "../../src/testing/index.ts";

const api = { describe, it };
const takes = [{ city: "Ulm" }, { city: "Rom", days: 3 }];
const refuses = [{ city: 7 }, { days: 3 }, { city: "Ulm", days: -1 }, "Ulm", null];

const trip = z.object({ city: z.string(), days: z.number().int().min(0).optional() });
const jsonSchema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 0 } },
  required: ["city"],
} as const;

for (const use of ["arguments", "answers"] as const) {
  kit.schemaConformance(api, `a zod schema of ${use}`, async () => ({ schema: trip, for: use, takes, refuses }));
  kit.schemaConformance(api, `a JSON Schema of ${use}`, async () => ({ schema: jsonSchema, for: use, takes, refuses }));
  kit.schemaConformance(api, `a zod schema with a rule of its own, for ${use}`, async () => ({
    schema: trip.refine(async ({ city }) => city !== "Atlantis", { error: "there is no such place", path: ["city"] }),
    for: use,
    takes,
    refuses: [...refuses, { city: "Atlantis" }],
  }));
  kit.schemaConformance(api, `a schema of ${use} in draft-07, with definitions and a tuple`, async () => ({
    schema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      properties: { route: { type: "array", items: [{ $ref: "#/definitions/city" }, { $ref: "#/definitions/city" }] } },
      definitions: { city: { type: "string", pattern: "^[\\w-.]+$" } },
      required: ["route"],
    },
    for: use,
    takes: [{ route: ["Ulm", "Rom"] }],
    refuses: [{ route: ["Ulm", 7] }, { route: ["Ulm", "?"] }],
  }));
  kit.schemaConformance(api, `a TypeBox schema of ${use}`, async () => ({
    schema: { [Symbol.for("TypeBox.Kind")]: "Object", ...jsonSchema, $id: "trip" },
    for: use,
    takes,
    refuses,
  }));
  kit.schemaConformance(api, `a Standard Schema of another vendor, for ${use}`, async () => {
    const schema: StandardSchema<{ readonly city: string }> = {
      "~standard": {
        version: 1,
        vendor: "handmade",
        validate: (value) => {
          const { city, days = 0 } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
          if (typeof city !== "string") return { issues: [{ message: "must be the name of a city", path: ["city"] }] };
          const isSound = typeof days === "number" && days >= 0;
          return isSound ? { value: { city } } : { issues: [{ message: "must not be negative", path: [{ key: "days" }] }] };
        },
        jsonSchema: { input: () => ({ ...jsonSchema }) },
      },
    };
    return { schema, for: use, takes, refuses };
  });
}

kit.schemaConformance(api, "a zod schema that makes something else of arguments", async () => ({
  schema: z.object({ at: z.iso.date().transform((text) => new Date(text)), tags: z.array(z.string()).default([]) }),
  for: "arguments",
  takes: [{ at: "2026-01-01" }, { at: "2026-01-01", tags: ["a"] }],
  refuses: [{ at: "tomorrow" }, {}],
}));
kit.schemaConformance(api, "a zod schema that makes dates of answers", async () => ({
  schema: z.object({ at: z.iso.date().transform((text) => new Date(text)) }),
  for: "answers",
  takes: [{ at: "2026-01-01" }],
  refuses: [{ at: "tomorrow" }],
}));
kit.schemaConformance(api, "a schema of zod/mini with its JSON Schema beside it", async () => ({
  schema: mini.object({ city: mini.string() }),
  jsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  for: "arguments",
  takes: [{ city: "Ulm" }],
  refuses: [{ city: 7 }],
}));
kit.schemaConformance(api, "a schema of answers that was read before", async () => ({
  schema: readOutputSchema(trip, "a test"),
  for: "answers",
  takes,
  refuses,
}));
