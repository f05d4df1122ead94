/** Structured answers: asked for, checked, put right once, then a clear failure. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { defineAgent } from "../../src/adapters/agents/define-agent.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import type { RunRequest } from "../../src/run/types.ts";
import { createWorld, makeTool } from "../support/world.ts";

const schema = {
  type: "object",
  properties: { count: { type: "integer" } },
  required: ["count"],
  additionalProperties: false,
} as const;
const look = makeTool("look", async () => "seen");
const counter = defineAgent({ name: "counter", instructions: "Count.", output: schema });

async function run<T>(agent: Agent<T>, script: Script, request: RunRequest = {}) {
  const world = createWorld(script, { agents: [agent] });
  const result = await world.clock.until(world.executor.run(agent, { input: "How many?", id: "r", ...request }));
  return { world, result, events: await world.store.journal.read("r"), stored: await world.executor.result("r") };
}

describe("a structured answer", () => {
  it.each(['{"count":3}', ' {"count": 3}\n', '```json\n{"count":3}\n```', '```\n{"count":3}\n```'])(
    "is parsed from %j",
    async (text) => {
      const { result, stored, events } = await run(counter, [{ text }]);
      expect(result).toMatchObject({ status: "completed", output: text, data: { count: 3 } });
      expect(stored.data).toEqual({ count: 3 });
      expect(events.find(({ type }) => type === "model.answered")).toMatchObject({ output: { ok: true } });
    },
  );

  it("is asked for in words and as data, with every call that can be the last", async () => {
    const { world } = await run(counter, [{ text: '{"count":3}' }]);
    expect(world.models.calls[0]?.output).toEqual({ schema });
    expect(world.models.calls[0]?.instructions).toContain(
      `fits this JSON Schema, without any other text:\n${JSON.stringify(schema)}`,
    );
  });

  it("has the type of its schema, defaults and transforms included", async () => {
    const output = z.object({
      count: z.number(),
      unit: z.string().default("mugs"),
      at: z.string().transform((text) => text.length),
    });
    const agent = defineAgent({ name: "counter", instructions: "Count.", output });
    const { result, stored } = await run(agent, [{ text: '{"count":3,"at":"now"}' }]);
    expectTypeOf(result.data).toEqualTypeOf<{ count: number; unit: string; at: number } | undefined>();
    expect(result.data).toEqual({ count: 3, unit: "mugs", at: 3 });
    expect(stored.data).toEqual(result.data);
  });

  it("can be asked for by a request, instead of the agent's", async () => {
    const output = z.object({ many: z.boolean() });
    const { result } = await run(counter, [{ text: '{"many":true}' }], { output });
    expect(result.data).toEqual({ many: true });
  });

  it("that does not fit is asked for once more, without tools, and the model is told why", async () => {
    const agent = defineAgent({ ...counter, tools: [look], output: schema });
    const { world, result, events } = await run(agent, [
      { calls: [{ name: "look" }] },
      { text: '{"count":"three","x":1}' },
      { text: '{"count":3}' },
    ]);
    expect(result).toMatchObject({ status: "completed", data: { count: 3 } });
    const told = JSON.stringify(world.models.calls[2]?.messages.at(-1));
    expect(told).toContain("count: must be integer");
    expect(told).toContain("x: is not a known field");
    expect(world.models.calls[2]?.toolChoice).toBe("none");
    expect(events.filter(({ type }) => type === "output.refused")).toHaveLength(1);
  });

  it("that stays wrong is a failure with its text kept", async () => {
    const { result } = await run(counter, [{ text: "Three." }, { text: "Three, I say." }]);
    expect(result).toMatchObject({ status: "failed", output: "Three, I say.", error: { code: "output_invalid" } });
    expect(result.error?.message).toContain("it is not JSON");
    expect(result).not.toHaveProperty("data");
  });

  it.each([
    ["", "it is empty"],
    ['{"count":', "it is not complete JSON"],
  ])("that was cut is said to be (%j)", async (text, problem) => {
    const { result } = await run(counter, () => ({ text, finish: "length" }));
    expect(result.error?.message).toContain(problem);
  });

  it("may use the last step for the repair, and fails when there is none left", async () => {
    const agent = defineAgent({ ...counter, tools: [look], output: schema });
    const script: Script = [{ calls: [{ name: "look" }] }, { text: "no" }, { text: '{"count":3}' }];
    expect((await run(agent, script, { limits: { maxSteps: 3 } })).result).toMatchObject({
      status: "completed",
      data: { count: 3 },
    });
    const { result } = await run(counter, [{ text: "no" }], { limits: { maxSteps: 1 } });
    expect(result).toMatchObject({ status: "failed", error: { code: "output_invalid" } });
  });

  it("is checked at the wrap-up of a limit too, whose status stays", async () => {
    const agent = defineAgent({ ...counter, tools: [look], output: schema });
    const script = (last: string) => (call: ModelCall) =>
      call.toolChoice === "none" ? { text: last } : { calls: [{ name: "look", input: call.step }] };
    const good = await run(agent, script('{"count":3}'), { limits: { maxSteps: 2 } });
    expect(good.result).toMatchObject({ status: "out_of_steps", data: { count: 3 } });
    const bad = await run(agent, script("three"), { limits: { maxSteps: 2 } });
    expect(bad.result).toMatchObject({ status: "out_of_steps", output: "three" });
    expect(bad.result).not.toHaveProperty("data");
  });

  it("is that of the last phase", async () => {
    const phases = [
      { name: "Count", instructions: "c" },
      { name: "Tell", instructions: "{{Count}}" },
    ];
    const { world, result } = await run(defineAgent({ ...counter, phases, output: schema }), [
      { text: "three" },
      { text: '{"count":3}' },
    ]);
    expect(result).toMatchObject({ status: "completed", data: { count: 3 } });
    expect(world.models.calls.map(({ output }) => output === undefined)).toEqual([true, false]);
  });

  it("may be repaired again after a message that came in between", async () => {
    const answers = ["no", "no again", "no", '{"count":3}'];
    const world = createWorld(async (call) => {
      if (call.step === 1) await world.executor.send("r", { kind: "steer", content: "Try harder." });
      return { text: answers[call.step] ?? "" };
    });
    const result = await world.clock.until(world.executor.run(counter, { input: "x", id: "r" }));
    expect(result).toMatchObject({ status: "completed", data: { count: 3 } });
  });

  it("is checked by the journaled schema where the agent has changed", async () => {
    const first = createWorld(() => ({ hang: true }), { agents: [counter] });
    await first.executor.start(counter, { input: "x", id: "r" });
    await first.executor.shutdown();
    const changed = defineAgent({ ...counter, output: z.object({ other: z.string() }) });
    const next = createWorld(() => ({ text: '{"count":3}' }), { agents: [changed], from: { ...first } });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", data: { count: 3 } });
  });
});

describe("a schema", () => {
  it.each([{ type: "array" }, { type: "object", properties: { a: { type: "nonsense" } } }])(
    "%o is refused before the run starts",
    async (output) => {
      const world = createWorld([]);
      const result = await world.executor.run({ name: "bare", instructions: "" }, { input: "x", id: "r", output });
      expect(result).toMatchObject({ status: "failed", error: { code: "request_invalid" } });
      expect(await world.store.runs.get("r")).toBeUndefined();
    },
  );

  it("is refused in a definition, naming the agent", () => {
    const define = (): Agent => defineAgent({ name: "x", instructions: "", output: { type: "string" } });
    expect(define).toThrow(/Agent x: its `output` must be an object/);
  });
});
