import { expect, it } from "vitest";
import { createExecutor } from "../../src/create-executor.ts";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import type { ExecutorConfig } from "../../src/run/types.ts";
import { scriptedModel } from "../../src/testing/scripted-model.ts";
import { agent, types, world } from "../support/driver-world.ts";

const models = scriptedModel([{ text: "hello" }]);
/** What JavaScript would let through. */
const make = (config: unknown) => () => createExecutor(config as ExecutorConfig);

it("S01 throws at construction and names what is missing", () => {
  expect(make(undefined)).toThrow("an executor needs a configuration");
  expect(make({})).toThrow("an executor needs `models`, and has none");
  expect(make({ models: {} })).toThrow("the executor's `models` has no `resolve`");
  expect(make({ models, tools: [] })).toThrow("the executor's `tools` has no `resolve`, `names`");
  expect(make({ models, store: { journal: {}, runs: {} } })).toThrow("the executor's `store` has no `inbox`, `owners`");
});

it("S01 names the nearest for a field that is none, and says what to do", () => {
  expect(make({ models, stor: createMemoryStore() })).toThrow("`stor` is not a field of an executor's configuration");
  expect(make({ models, stor: createMemoryStore() })).toThrow(
    expect.objectContaining({ code: "config_invalid", hint: "Did you mean `store`?" }),
  );
});

it("S08 journals who asked for what, where and under which names, and lists by each of them", async () => {
  const { executor, store } = world([{ text: "hello" }]);
  const subject = { ...agent([]), id: "agent-7", limits: { maxSteps: 5 } };
  const about = { caller: "ana", channel: "general", tenant: "acme", labels: { kind: "review", pr: "17" } };
  await executor.run(subject, { input: "hi", id: "r", model: "smart", parent: "p", ...about });
  await executor.run(agent([]), { input: "hi", id: "other", caller: "ben", tenant: "umbrella" });
  const [started] = await store.journal.read("r");
  expect(types(await store.journal.read("r"))[0]).toBe("run.started");
  expect(started).toMatchObject({
    run: "r",
    at: expect.any(Number),
    agent: { id: "agent-7", name: "tester", tier: "smart" },
    request: { ...about, parent: "p", input: [{ type: "text", text: "hi" }] },
    limits: { maxSteps: 5 },
  });
  const filters = [
    { agent: "tester", caller: "ana" },
    { channel: "general" },
    { tenant: "acme" },
    { label: ["pr", "17"] as const },
    { prefix: "r" },
  ];
  for (const filter of filters) expect((await store.runs.list(filter)).map((row) => row.run)).toEqual(["r"]);
  expect(await store.runs.list({ label: ["pr", "18"] })).toEqual([]);
});
