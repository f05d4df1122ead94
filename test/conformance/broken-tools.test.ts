/** That the suite for tools fails what does not keep their promises: a tool broken in one place each. */
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { JsonObject } from "../../src/ports/json.ts";
import type { Tool, ToolContext } from "../../src/ports/tools.ts";
import * as kit from "../../src/testing/index.ts";
import { failuresAs, type Register } from "../support/failures.ts";

type Payments = Map<string, unknown>;
type Pay = (input: JsonObject, context: ToolContext) => Promise<unknown>;

const INPUT = {
  type: "object",
  properties: { euros: { type: "number", minimum: 0 }, slowly: { type: "boolean" } },
  required: ["euros"],
} as const;

/** Pays once per key, and can tell what it has paid. */
function payTool(payments: Payments): { readonly tool: Tool; readonly pay: Pay } {
  const pay: Pay = async ({ euros, slowly }, { idempotencyKey, signal }) => {
    if (slowly === true) await pause(5_000, undefined, { signal });
    if (euros === 0) throw new Error("there is nothing to pay");
    payments.set(idempotencyKey, { euros });
    return { paid: euros };
  };
  const made = defineTool({
    name: "pay",
    description: "Pays.",
    input: INPUT,
    execute: async (input, context) => pay(input, context),
  });
  const reconcile: Tool["reconcile"] = async (_input, { idempotencyKey }) => {
    const paid = payments.get(idempotencyKey) as { readonly euros: number } | undefined;
    return paid === undefined ? { outcome: "not-done" } : { outcome: "done", result: { paid: paid.euros } };
  };
  return { tool: { ...made, reconcile }, pay };
}

type Whole = ReturnType<typeof payTool> & { readonly payments: Payments };

const tool = (broken: (whole: Whole) => Partial<Tool>): Register => {
  return (api) =>
    kit.toolConformance(api, "broken", async () => {
      const payments: Payments = new Map();
      const whole = payTool(payments);
      return {
        tool: { ...whole.tool, ...broken({ ...whole, payments }) },
        input: { euros: 40 },
        wrong: { euros: "40" },
        failing: { euros: 0 },
        slow: { euros: 40, slowly: true },
        outside: async () => [...payments],
      };
    });
};

const idempotent = (execute: (whole: Whole) => Pay): Register =>
  tool((whole) => ({
    effect: "idempotent",
    reconcile: undefined as never,
    execute: async (input, context) => execute(whole)(input as JsonObject, context),
  }));

let made = 0;

it.each<readonly [string, Register, readonly string[]]>([
  [
    "a tool that is described otherwise in each process",
    tool(() => ({ inputSchema: { ...INPUT, maxProperties: 100 + ++made } })),
    ["found again"],
  ],
  ["a tool with an effect that nobody knows", tool(() => ({ effect: "twice" as never })), ["found again"]],
  [
    "a tool whose schema says something else than its check",
    tool(() => ({ inputSchema: { type: "object", properties: { euros: { type: "string" } } } })),
    ["fit its schema"],
  ],
  [
    "a tool whose check depends on the moment",
    tool(() => {
      let n = 0;
      return {
        validate: (value) =>
          typeof value === "object" && value !== null && typeof (value as JsonObject)["euros"] === "number"
            ? { ok: true, value: { ...(value as object), n: n++ } }
            : { ok: false, problem: "no" },
      };
    }),
    ["fit its schema"],
  ],
  ["a tool that takes anything", tool(() => ({ validate: (value) => ({ ok: true, value }) })), ["answers for any arguments"]],
  [
    "a tool that fails over strange arguments",
    tool(({ tool }) => ({
      validate: (value) => ("euros" in (value as object) ? tool.validate(value) : { ok: false, problem: "no euros" }),
    })),
    ["answers for any arguments"],
  ],
  [
    "a tool that refuses without a word",
    tool(({ tool }) => ({
      validate: async (value) => {
        const check = await tool.validate(value);
        return check.ok ? check : { ok: false, problem: "" };
      },
    })),
    ["answers for any arguments"],
  ],
  [
    "a tool that changes its arguments",
    tool(({ pay }) => ({
      execute: async (input, context) => {
        const result = await pay(input as JsonObject, context);
        (input as Record<string, unknown>)["euros"] = 0;
        return result;
      },
    })),
    ["changes nothing of its arguments"],
  ],
  [
    "a tool whose policy changes its arguments",
    tool(() => ({ approval: (input) => ((input as Record<string, unknown>)["euros"] = 0) > 0 })),
    ["changes nothing of its arguments"],
  ],
  [
    "a tool whose result is no JSON",
    tool(({ pay }) => ({
      execute: async (input, context) => new Map(Object.entries((await pay(input as JsonObject, context)) as object)),
    })),
    ["can be recorded", "what became", "two calls at once"],
  ],
  [
    "a tool that shows its result in a way that is none",
    tool(() => ({ toOutput: () => ({ type: "html", value: "<b>" }) as never })),
    ["can be recorded", "what became", "two calls at once"],
  ],
  ["a tool whose policy decides nothing", tool(() => ({ approval: () => "perhaps" as never })), ["has to approve"]],
  [
    "a tool that hides its failures",
    tool(({ tool }) => ({ execute: (input, context) => tool.execute(input, context).catch((error: Error) => error.message) })),
    ["went wrong"],
  ],
  [
    "a tool that fails without a word",
    tool(({ tool }) => ({
      execute: (input, context) => tool.execute(input, context).catch(() => Promise.reject(new Error(""))),
    })),
    ["went wrong"],
  ],
  [
    "a tool that fails with something that is no error",
    tool(({ tool }) => ({
      execute: (input, context) => tool.execute(input, context).catch(() => Promise.reject({ code: 17 })),
    })),
    ["went wrong"],
  ],
  [
    "a tool that ignores its signal",
    tool(({ tool }) => ({
      execute: (input, context) => tool.execute(input, { ...context, signal: new AbortController().signal }),
    })),
    ["after it was stopped"],
  ],
  ["a read that writes", tool(() => ({ effect: "read" })), ["in the world"]],
  [
    "an idempotent tool that looks at no key",
    idempotent(
      ({ pay, payments }) =>
        async (input, context) =>
          pay(input, { ...context, idempotencyKey: `${payments.size}` }),
    ),
    ["in the world"],
  ],
  ["a tool that never finds what it did", tool(() => ({ reconcile: async () => ({ outcome: "not-done" }) })), ["what became"]],
  [
    "a tool that takes one payment for another",
    tool(({ payments }) => ({
      reconcile: async () => (payments.size === 0 ? { outcome: "not-done" } : { outcome: "done", result: { paid: 40 } }),
    })),
    ["what became"],
  ],
  [
    "a tool that believes in what never began",
    tool(() => ({ reconcile: async () => ({ outcome: "done", result: { paid: 40 } }) })),
    ["what became"],
  ],
  [
    "a tool that pays when it is asked",
    tool(({ tool, payments }) => ({
      reconcile: async (input, context) => {
        payments.set(`asked ${payments.size}`, {});
        return (await tool.reconcile?.(input, context)) ?? { outcome: "unknown" };
      },
    })),
    ["what became"],
  ],
  [
    "a tool that finds another result",
    tool(({ tool }) => ({
      reconcile: async (input, context) => {
        const found = await tool.reconcile?.(input, context);
        return found?.outcome === "done" ? { ...found, result: "it was paid" } : { outcome: "not-done" };
      },
    })),
    ["what became"],
  ],
  [
    "a tool that can do only one thing at a time, and does not say so",
    tool(({ pay }) => {
      let isBusy = false;
      return {
        execute: async (input, context) => {
          if (isBusy) throw new Error("busy");
          isBusy = true;
          await pause(10);
          isBusy = false;
          return pay(input as JsonObject, context);
        },
      };
    }),
    ["two calls at once"],
  ],
])("%s fails", async (_name, register, parts) => {
  expect(await failuresAs(register, parts)).toEqual(parts.toSorted());
});

it("tools that keep all promises pass", async () => {
  expect(
    await failuresAs(
      tool(() => ({})),
      [],
    ),
  ).toEqual([]);
  expect(
    await failuresAs(
      idempotent(({ pay }) => pay),
      [],
    ),
  ).toEqual([]);
  expect(
    await failuresAs(
      tool(() => ({ reconcile: async () => ({ outcome: "unknown" }), approval: "always" })),
      [],
    ),
  ).toEqual([]);
});
