import { expect, it } from "vitest";
import { defineAgent } from "../../src/adapters/agents/define-agent.ts";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
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

it("S01 refuses what is no list, no function or no item of its list, by name, and does not show it", () => {
  const say = (more: object) => make({ models, ...more });
  expect(say({ observers: {} })).toThrow("the executor: `observers` is another object");
  expect(say({ observers: [null] })).toThrow("the executor: `observers[0]` is null");
  expect(say({ admit: "nobody" })).toThrow(
    expect.objectContaining({ code: "config_invalid", hint: "Give a function, or leave it out." }),
  );
  for (const key of ["sources", "budgets", "polling", "permission", "agents", "limits", "lanes"])
    expect(say({ [key]: null })).toThrow(`the executor: \`${key}\` is null`);
  expect(say({ secrets: "hunter2-hunter2" })).toThrow(/^the executor: `secrets` is a text$/);
  expect(say({ secrets: [{ env: "HOME" }, undefined] })).toThrow("the executor: `secrets[1]` is undefined");
  expect(say({ delivery: { adapters: {} } })).toThrow("`delivery`: `adapters` is another object");
});

it("S01 refuses an agent, a request or a target that is none, however it came here", async () => {
  const { executor } = world([{ text: "hello" }], { secrets: () => ({ value: "hunter2" }) as never });
  expect((await executor.run(agent([]), "hi")).error?.message).toContain(
    "what the executor's `secrets` gave: `secrets` is another",
  );
  const subject = world([{ text: "hello" }]).executor;
  const said = async (given: unknown, request: unknown = "hi") =>
    (await subject.run(given as never, request as never)).error ?? { code: "none", message: "" };
  expect(await said(null)).toMatchObject({ code: "agent_invalid", message: expect.stringContaining("That is not an agent") });
  const agents: Record<string, unknown> = {
    tools: {},
    delegates: [null],
    sources: 5,
    skills: "x",
    phases: [null],
    polling: null,
  };
  for (const [key, value] of Object.entries({ ...agents, limits: null, output: 5, mcpServers: {}, toolOptions: null }))
    expect(await said({ ...agent([]), [key]: value })).toMatchObject({
      code: "agent_invalid",
      message: expect.stringMatching(`^agent tester: \`${key}(\\[0\\])?\` is `),
    });
  expect(await said(agent([]), null)).toMatchObject({
    code: "request_invalid",
    message: expect.stringContaining("That is not a request"),
  });
  const requests = {
    input: {},
    images: [{}],
    attachments: ["a.txt"],
    history: {},
    extraTools: [{}],
    sources: [null],
    settings: null,
  };
  for (const [key, value] of Object.entries(requests))
    expect(await said(agent([]), { input: "hi", [key]: value })).toMatchObject({
      code: "request_invalid",
      message: expect.stringMatching(`^the request: \`${key}(\\[0\\])?\` is `),
    });
  for (const delivery of [{}, [null], "mail", 5, { to: "ana" }])
    for (const error of [await said(agent([]), { input: "hi", delivery }), await said({ ...agent([]), delivery })])
      expect(error).toMatchObject({
        code: "request_invalid",
        message: expect.stringMatching(/^a delivery target has no `kind`\. Give the executor/),
      });
  expect(() => defineAgent({ ...agent([]), output: 5 as never })).toThrow("`output` is no schema");
  expect(() => defineTool(null as never)).toThrow("That is not a tool.");
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
