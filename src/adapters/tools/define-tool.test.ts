import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { isExecutusError } from "../../kernel/errors.ts";
import type { JsonValue } from "../../ports/json.ts";
import { toolContext } from "../../../test/support/tool-context.ts";
import { defineTool } from "./define-tool.ts";

const context = toolContext();

const base = { name: "count", description: "Counts.", execute: () => "done" };

function thrown(work: () => unknown): { message: string; hint: string; code: string } {
  try {
    work();
  } catch (error) {
    if (isExecutusError(error)) return { message: error.message, hint: error.hint ?? "", code: error.code };
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function problem(input: object, value: JsonValue): Promise<string> {
  const check = await defineTool({ ...base, input }).validate(value);
  return check.ok ? "ok" : check.problem;
}

describe("defineTool", () => {
  it("fills in the defaults that are safe: once, report, public", () => {
    const tool = defineTool({ ...base, input: { type: "object" } });
    expect(tool).toMatchObject({ name: "count", effect: "once", onUnknown: "report", visibility: "public" });
    expect(tool).not.toHaveProperty("timeoutMs");
    expect(tool).not.toHaveProperty("reconcile");
  });

  it("takes the JSON Schema of a zod schema and gives execute the parsed value", async () => {
    const tool = defineTool({
      ...base,
      input: z.object({ day: z.string().transform((text) => new Date(text)), times: z.number().default(2) }),
      execute: ({ day, times }) => {
        expectTypeOf(day).toEqualTypeOf<Date>();
        expectTypeOf(times).toEqualTypeOf<number>();
        return `${day.getUTCFullYear()} ${times}`;
      },
    });
    expect(tool.inputSchema).toMatchObject({ type: "object", required: ["day"], properties: { day: { type: "string" } } });
    const check = await tool.validate({ day: "2026-05-04" });
    expect(check).toEqual({ ok: true, value: { day: new Date("2026-05-04"), times: 2 } });
    expect(await tool.execute(check.ok ? check.value : undefined, context)).toBe("2026 2");
  });

  it("infers the input of a JSON Schema literal and of a schema with a static type", () => {
    defineTool({
      ...base,
      input: {
        type: "object",
        properties: {
          path: { type: "string" },
          limit: { type: "integer" },
          tags: { type: "array", items: { enum: ["a", "b"] } },
        },
        required: ["path"],
      },
      execute: (input) => {
        expectTypeOf(input.path).toEqualTypeOf<string>();
        expectTypeOf(input.limit).toEqualTypeOf<number | undefined>();
        expectTypeOf(input.tags).toEqualTypeOf<readonly ("a" | "b")[] | undefined>();
        return "";
      },
    });
    interface Boxed {
      readonly type: "object";
      readonly static: { readonly city: string };
    }
    const boxed = { type: "object", [Symbol("kind")]: "Object" } as unknown as Boxed;
    const tool = defineTool({
      ...base,
      input: boxed,
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<{ readonly city: string }>();
        return "";
      },
    });
    expect(Object.getOwnPropertySymbols(tool.inputSchema)).toEqual([]);
  });

  it("tells the model which field is wrong and what was expected", async () => {
    const items = { type: "array", items: { type: "object", properties: { count: { type: "number" } }, required: ["count"] } };
    const schema = { type: "object", properties: { items, unit: { enum: ["kg", "g"] } }, additionalProperties: false };
    expect(await problem(schema, { items: [{ count: "3" }] })).toBe("items.0.count: must be number");
    expect(await problem(schema, { items: [{}], unit: "t" })).toBe('items.0.count: is required; unit: must be one of "kg", "g"');
    expect(await problem(schema, { itemz: [] })).toBe("itemz: is not a known field, did you mean items");
    expect(await problem(z.object({ items: z.array(z.object({ count: z.number() })) }), { items: [{ count: "3" }] })).toMatch(
      /^items\.0\.count: .*expected number/,
    );
  });

  it("caps how much is said about arguments that are wrong all over", async () => {
    const schema = { type: "object", properties: { list: { type: "array", items: { type: "number" } } } };
    const text = await problem(schema, { list: Array.from({ length: 500 }, () => "x") });
    expect(text).toMatch(/^list\.0: must be number; .*; and 495 more$/);
    expect(text.length).toBeLessThan(300);
  });

  it("understands drafts 2020-12 and 07, declared or not, and leaves formats alone", async () => {
    const newer = { type: "object", properties: { pair: { prefixItems: [{ type: "string" }, { type: "number" }] } } };
    expect(await problem(newer, { pair: ["a", "b"] })).toBe("pair.1: must be number");
    const older = { type: "object", properties: { pair: { type: "array", items: [{ type: "string" }, { type: "number" }] } } };
    expect(await problem(older, { pair: ["a", "b"] })).toBe("pair.1: must be number");
    const declared = { $schema: "http://json-schema.org/draft-07/schema#", ...older };
    expect(await problem(declared, { pair: ["a", "b"] })).toBe("pair.1: must be number");
    const referring = { type: "object", $defs: { n: { type: "number" } }, properties: { n: { $ref: "#/$defs/n" } } };
    expect(await problem({ $schema: "https://json-schema.org/draft/2020-12/schema", ...referring }, { n: "1" })).toBe(
      "n: must be number",
    );
    expect(await problem({ type: "object", properties: { at: { type: "string", format: "date-time" } } }, { at: "soon" })).toBe(
      "ok",
    );
    expect(await problem({ type: "object", properties: { at: { type: "string", format: "made-up" } } }, { at: "x" })).toBe("ok");
  });

  it("takes patterns that only make sense without the unicode flag, and never takes a promise for a yes", async () => {
    expect(
      await problem({ type: "object", properties: { id: { type: "string", pattern: "^[\\w-.]+$" } } }, { id: "a b" }),
    ).toMatch(/^id: /);
    expect(await problem({ $async: true, type: "object", required: ["id"] }, {})).toBe("id: is required");
  });

  it("takes any Standard Schema that can describe itself, whichever way it writes paths", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "own",
        validate: (value: unknown) =>
          typeof value === "object" && value !== null && "n" in value
            ? { value: Number(value.n) }
            : { issues: [{ message: "missing", path: [{ key: "list" }, 0, { key: "n" }] }] },
        types: undefined as { input: { n: string }; output: number } | undefined,
        jsonSchema: { input: ({ target }: { target: string }) => ({ type: "object", title: target }) },
      },
    } as const;
    const tool = defineTool({
      ...base,
      input: schema,
      execute: (input) => {
        expectTypeOf(input).toEqualTypeOf<number>();
        return input;
      },
    });
    expect(tool.inputSchema).toEqual({ type: "object", title: "draft-2020-12" });
    expect(await tool.validate({ n: "4" })).toEqual({ ok: true, value: 4 });
    expect(await tool.validate({})).toEqual({ ok: false, problem: "list.0.n: missing" });
  });

  it("says so when the JSON Schema itself is wrong, naming the tool", async () => {
    const tool = defineTool({ ...base, input: { type: "object", properties: { a: { type: "strin" } } } });
    await expect(tool.validate({})).rejects.toMatchObject({
      code: "tool_invalid",
      message: expect.stringMatching(/^Tool count: /),
    });
  });

  it("asks for a JSON Schema when a Standard Schema cannot tell it, and takes the one given", async () => {
    const schema = mini.object({ city: mini.string() });
    const error = thrown(() => defineTool({ ...base, input: schema }));
    expect(error.code).toBe("tool_invalid");
    expect(error.message).toBe("Tool count: its zod schema cannot tell its JSON Schema.");
    expect(error.hint).toContain("z.toJSONSchema");
    const tool = defineTool({ ...base, input: schema, jsonSchema: z.toJSONSchema(schema) });
    expect(tool.inputSchema).toMatchObject({ properties: { city: { type: "string" } } });
    expect(await tool.validate({ city: 1 })).toMatchObject({ ok: false });
    expect(thrown(() => defineTool({ ...base, input: z.object({ at: z.date() }) })).message).toContain(
      "Date cannot be represented",
    );
  });

  it("refuses what is not a tool, naming it and saying what to do", () => {
    const input = { type: "object" } as const;
    const misuse: readonly [object, RegExp][] = [
      [{ ...base, input, name: "two words" }, /"two words": that is not a name/],
      [{ ...base, input, name: "skill__x" }, /skill__x: the prefixes/],
      [{ ...base, input, description: " " }, /count: it has no description/],
      [{ ...base, input, execute: undefined }, /no `execute`/],
      [{ ...base, input, effect: "pure" }, /`effect` is "pure"/],
      [{ ...base, input, timeoutMs: -1 }, /`timeoutMs` is -1/],
      [{ ...base, input, concurrency: 1.5 }, /`concurrency` is 1\.5/],
      [{ ...base, input: z.string() }, /must be an object, not "string"/],
      [{ ...base, input: 3 }, /`input` is not a schema/],
      [{ ...base, input, effect: "read", reconcile: () => ({ outcome: "unknown" }) }, /never asked for a tool of effect read/],
    ];
    for (const [definition, message] of misuse) {
      const error = thrown(() => defineTool(definition as typeof base & { input: object }));
      expect(error).toMatchObject({ code: "tool_invalid", message: expect.stringMatching(message) });
      expect(error.hint).not.toBe("");
    }
    const slip = { ...base, input, effects: "read" } as unknown as typeof base & { input: object };
    expect(thrown(() => defineTool(slip)).hint).toBe("Did you mean `effect`?");
  });

  it("turns a tool that throws at once into a rejection", async () => {
    const tool = defineTool({
      ...base,
      input: { type: "object" },
      execute: () => {
        throw new Error("no scales");
      },
    });
    await expect(tool.execute({}, context)).rejects.toThrow("no scales");
  });

  it("hands the idempotency key to reconcile", async () => {
    const tool = defineTool({
      ...base,
      input: { type: "object", properties: { sum: { type: "number" } } },
      reconcile: ({ sum }, { idempotencyKey }) => ({ outcome: "done", result: `${sum} ${idempotencyKey}` }),
    });
    expect(await tool.reconcile?.({ sum: 4 }, context)).toEqual({ outcome: "done", result: "4 run_1:0.0" });
  });
});
