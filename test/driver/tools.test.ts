import { describe, expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import { createTools } from "../../src/adapters/tools/registry.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { agent, tool, world } from "../support/driver-world.ts";

describe("tools", () => {
  it("answers unknown tools and unfit arguments as data", async () => {
    const strict = defineTool({
      name: "strict",
      description: "s",
      input: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
      execute: async () => "ran",
    });
    const { executor, models } = world([{ calls: [{ name: "strct" }, { name: "strict", input: { n: "x" } }] }, { text: "ok" }]);
    const result = await executor.run(agent([strict]), "x");
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["invalid", "invalid"]);
    const shown = JSON.stringify(models.calls[1]?.messages);
    expect(shown).toContain("Did you mean strict?");
    expect(shown).toContain("must be number");
  });

  it.each<[string, string]>([
    ['{"n": ', "Unexpected end of JSON input"],
    ['{"n": 1, n: 2}', "at position 9 (line 1 column 10)"],
    ['{"n": 1,\n"m": x}', "Unexpected token 'x'"],
    ["one", "Unexpected token 'o'"],
  ])("tells the model that arguments are not valid JSON, and where: %s", async (input, place) => {
    let ran = 0;
    const lookup = tool("lookup", async () => `${ran++}`);
    const { executor, models } = world([{ calls: [{ name: "lookup", input }] }, { text: "ok" }]);
    const result = await executor.run(agent([lookup]), "x");
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["invalid"]);
    const shown = JSON.stringify(models.calls[1]?.messages.at(-1));
    expect(shown).toContain("Not run: the arguments of lookup are not valid JSON: ");
    expect(shown).toContain(place);
    expect(shown).not.toContain("must be object");
    expect(ran).toBe(0);
  });

  it("tells the model that arguments which are JSON and no object do not fit", async () => {
    const lookup = tool("lookup", async () => "x");
    const { executor, models } = world([{ calls: [{ name: "lookup", input: '{"n":1}' }] }, { text: "ok" }]);
    await executor.run(agent([lookup]), "x");
    expect(JSON.stringify(models.calls[1]?.messages.at(-1))).toContain("do not fit its schema. must be object");
  });

  it.each<[string, object, string]>([
    [
      "a pattern that is none",
      { id: { type: "string", pattern: "[" } },
      "properties.id.pattern: Invalid regular expression: /[/",
    ],
    [
      "a name pattern that is none",
      { id: { patternProperties: { "(": { type: "string" } } } },
      "properties.id.patternProperties: Invalid regular",
    ],
    [
      "a bound of an old draft",
      { n: { type: "number", exclusiveMinimum: true } },
      "properties.n.exclusiveMinimum: must be number",
    ],
    [
      "a reference elsewhere",
      { n: { $ref: "https://x.org/n.json" } },
      "properties.n.$ref: can't resolve reference https://x.org/n.json",
    ],
    ["a reference to nothing", { n: { $ref: "#/$defs/n" } }, "properties.n.$ref: can't resolve reference #/$defs/n"],
  ])("refuses a run with a tool whose JSON Schema is broken, before it starts: %s", async (_what, properties, problem) => {
    const broken = defineTool({
      name: "broken",
      description: "b",
      input: { type: "object", properties },
      execute: () => Promise.resolve("ran"),
    });
    const invalid = {
      code: "tool_invalid",
      message: expect.stringContaining(`Tool broken: its input is not a valid JSON Schema: ${problem}`) as string,
    };
    const { executor, store } = world([{ text: "ok" }], { tools: createTools([broken]) });
    const named = { name: "a", instructions: "i", tools: ["broken"] };
    const phased = { name: "a", instructions: "i", phases: [{ name: "p", instructions: "i", tools: [broken] }] };
    await expect(executor.start(agent([broken]), "x")).rejects.toMatchObject(invalid);
    await expect(executor.start(named, "x")).rejects.toMatchObject(invalid);
    await expect(executor.start(phased, "x")).rejects.toMatchObject(invalid);
    await expect(executor.start(agent([]), { input: "x", extraTools: [broken] })).rejects.toMatchObject(invalid);
    expect(await store.runs.list({})).toEqual([]);
  });

  it("never runs calls of an answer that was cut", async () => {
    let ran = 0;
    const lookup = tool("lookup", async () => `${ran++}`);
    const { executor } = world([{ calls: [{ name: "lookup" }], finish: "length" }, { text: "ok" }]);
    const result = await executor.run(agent([lookup]), "x");
    expect(ran).toBe(0);
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "cancelled" }] }, {}], toolErrors: 0 });
  });

  it("makes a result that is not JSON a clear tool error", async () => {
    const big = tool("big", async () => ({ items: [{ id: 1n }] }));
    const map = tool("map", async () => new Map());
    const { executor, models } = world([{ calls: [{ name: "big" }, { name: "map" }] }, { text: "ok" }]);
    await executor.run(agent([big, map]), "x");
    const shown = JSON.stringify(models.calls[1]?.messages);
    expect(shown).toContain("result.items[0].id is a bigint");
    expect(shown).toContain("result is a Map");
  });

  it.each<[string, unknown]>([
    ["result is a TypeError", new TypeError("no such street")],
    ["result.weather is a Promise", { weather: Promise.resolve("sunny") }],
    ["result is a Response", new Response("sunny")],
    ["result[0].reason is an Error", [{ status: "rejected", reason: new Error("rain") }]],
    ["result is a WeakMap", new WeakMap()],
    // As an imported module is.
    ["result is a Module", Object.create(null, { [Symbol.toStringTag]: { value: "Module" } })],
  ])("does not record as an empty object what holds more than its fields show: %s", async (problem, given) => {
    const odd = tool("odd", () => Promise.resolve(given));
    const { executor, models } = world([{ calls: [{ name: "odd" }] }, { text: "ok" }]);
    const result = await executor.run(agent([odd]), "x");
    expect(JSON.stringify(models.calls[1]?.messages)).toContain(problem);
    expect(result).toMatchObject({ steps: [{ calls: [{ outcome: "error" }] }, {}] });
  });

  it("records an object of a class by its fields, and an empty one as empty", async () => {
    const Point = class {
      readonly x = 1;
    };
    const odd = tool("odd", async () => ({ at: new Point(), nothing: {}, bare: Object.create(null) as object }));
    const { executor } = world([{ calls: [{ name: "odd" }] }, { text: "ok" }]);
    const { steps } = await executor.run(agent([odd]), "x");
    expect(steps[0]?.calls[0]?.output).toEqual({ at: { x: 1 }, nothing: {}, bare: {} });
  });

  it("S13 holds a tool to its own bound on what the model is given of a result", async () => {
    const chatty = tool("chatty", async () => "y".repeat(5_000), { outputBytes: 1_000 });
    const quiet = tool("quiet", async () => "z".repeat(5_000));
    const { executor, models } = world([{ calls: [{ name: "chatty" }, { name: "quiet" }] }, { text: "ok" }]);
    await executor.run(agent([chatty, quiet]), "x");
    const shown = JSON.stringify(models.calls[1]?.messages.at(-1));
    expect(shown).toContain("5000 bytes; read on with read_attachment, file result-0.0, offset 1000");
    expect(shown.match(/y{9,}/)?.[0]).toHaveLength(1_000);
    expect(shown.match(/z{9,}/)?.[0]).toHaveLength(5_000);
  });

  it("S13 names the nearest tool and runs nothing for a name that is not there", async () => {
    const { executor, models } = world([{ text: "never" }]);
    const named = { ...agent([]), tools: ["lokup"] };
    const { createTools } = await import("../../src/adapters/tools/registry.ts");
    const lookup = tool("lookup", async () => "x");
    const registered = world([{ text: "never" }], { tools: createTools([lookup]) });
    const result = await registered.executor.run(named, "x");
    expect(result).toMatchObject({ status: "failed", error: { code: "tool_unknown" } });
    expect(result.error?.message).toContain("Did you mean lookup?");
    expect((await executor.run(named, "x")).error?.message).toContain("no tools are registered");
    expect(models.calls).toHaveLength(0);
  });

  it("spills a large result and gives the model the head and a reference", async () => {
    const large = tool("large", async () => "x".repeat(300_000));
    const { executor, models } = world([{ calls: [{ name: "large" }] }, { text: "ok" }]);
    await executor.run(agent([large]), { input: "x", id: "r" });
    const shown = JSON.stringify(models.calls[1]?.messages.at(-1));
    expect(shown.length).toBeLessThan(20_000);
    expect(shown).toContain("300000 bytes; read on with read_attachment, file result-0.0");
  });

  it("abandons a tool that ignores its signal, and does not call a once tool's outcome an error", async () => {
    const { executor, clock } = world([{ calls: [{ name: "deaf" }, { name: "deafRead" }] }, { text: "ok" }]);
    const deaf = tool("deaf", () => new Promise(() => {}), { timeoutMs: 1_000 });
    const deafRead = tool("deafRead", () => new Promise(() => {}), { timeoutMs: 1_000, effect: "read" });
    const result = await clock.until(executor.run(agent([deaf, deafRead]), "x"));
    expect(result.steps[0]?.calls.map((call) => call.outcome)).toEqual(["unknown", "error"]);
    expect(result.activeMs).toBe(3_000);
  });

  it("asks reconcile about a call whose tool cannot tell", async () => {
    const asked: string[] = [];
    const pay = tool("pay", () => Promise.reject(new UnknownOutcomeError("lost")), {
      reconcile: async (_input, context) => (asked.push(context.idempotencyKey), { outcome: "done", result: "paid" }),
    });
    const { executor } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }]);
    const result = await executor.run(agent([pay]), { input: "x", id: "r" });
    expect(asked).toEqual(["r:0.0"]);
    expect(result.steps[0]?.calls[0]).toMatchObject({ outcome: "ok", output: "paid" });
  });

  it.each<[string, Partial<Tool>, string]>([
    ["its reconcile says that it did not happen", { reconcile: async () => ({ outcome: "not-done" }) }, "error"],
    ["its policy is to run it again", { onUnknown: "rerun" }, "unknown"],
  ])("makes a call three times that never says what it did, where %s", async (_why, more, outcome) => {
    let tries = 0;
    const lost = (): Promise<never> => {
      // A break must not hang the test.
      if (++tries > 10) throw new Error("made too often");
      return Promise.reject(new UnknownOutcomeError("lost"));
    };
    const { executor } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }]);
    const result = await executor.run(agent([tool("pay", lost, more)]), "x");
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome }] }, {}] });
    expect(tries).toBe(3);
  });

  it("makes such a call again each time that a person says so", async () => {
    let tries = 0;
    const lost = (): Promise<never> => (tries++, Promise.reject(new UnknownOutcomeError("lost")));
    const paying = agent([tool("pay", lost, { onUnknown: "ask" })]);
    const { executor } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }], { agents: [paying] });
    await executor.run(paying, { input: "x", id: "r" });
    for (let doubt = 1; doubt < 5; doubt++) {
      await executor.send("r", { kind: "resolve", call: "0.0", outcome: "retry", doubt });
      expect(await (await executor.resume("r")).result).toMatchObject({ status: "waiting" });
    }
    expect(tries).toBe(5);
  });

  it("waits for a person when the policy is ask, and goes on with the answer", async () => {
    const pay = tool("pay", () => Promise.reject(new UnknownOutcomeError("lost")), { onUnknown: "ask" });
    const { executor, store } = world([{ calls: [{ name: "pay" }] }, { text: "ok" }], { agents: [agent([pay])] });
    const result = await executor.run(agent([pay]), { input: "x", id: "r" });
    expect(result).toMatchObject({ status: "waiting", waitingFor: { kind: "resolution", calls: ["0.0"] } });
    expect((await store.runs.get("r"))?.status).toBe("waiting");
    await executor.send("r", { kind: "resolve", call: "0.0", outcome: "done", output: "receipt 7" });
    const handle = await executor.resume("r");
    expect(await handle.result).toMatchObject({
      status: "completed",
      steps: [{ calls: [{ outcome: "ok", output: "receipt 7" }] }, {}],
    });
  });

  it("S10 tells a tool where its run stands", async () => {
    const views: unknown[] = [];
    const self = tool("self", async (_input, context) => (views.push(context.status()), ""));
    const { executor } = world([{ calls: [{ name: "self" }] }, { text: "ok" }]);
    await executor.run(agent([self]), { input: "x", id: "r" });
    expect(views).toMatchObject([{ run: "r", step: 1, status: "running", toolCalls: 1, limits: { maxSteps: 12 } }]);
  });
});
