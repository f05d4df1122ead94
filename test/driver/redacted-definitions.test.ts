/** A registered secret in an agent's own definition: a resumed run finds its code, and nothing counts as changed that did not change. */
import { beforeAll, expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { ChangePolicy } from "../../src/ports/definition.ts";
import type { Agent } from "../../src/run/types.ts";
import type { Secret, SecretProvider } from "../../src/run/redaction.ts";
import { createWorld, type World } from "../support/world.ts";

const CANARY = "canary-0123456789";
const secretsOf = (value: string): readonly Secret[] => [{ name: "TOKEN", value }];

/** A secret in the description of a tool, in its schema, in the prompt and in the schema of the answer. */
function agentWith(secret: string, run: () => Promise<string>, more: Partial<Agent> = {}): Agent {
  const tool = defineTool({
    name: "pay",
    description: `Pays with ${secret}.`,
    effect: "read",
    input: { type: "object", properties: { key: { type: "string", default: secret, enum: [secret, "other"] } } },
    execute: run,
  });
  const output = { type: "object", properties: { by: { enum: [secret, "other"] } }, required: ["by"] };
  return { name: "payer", instructions: `Use ${secret}.`, tools: [tool], output, ...more };
}

const script = [{ calls: [{ name: "pay", input: { key: "other" } }] }, { text: '{"by":"other"}' }];
const hang = (): Promise<string> => new Promise(() => {});
const done = async (): Promise<string> => "paid";

beforeAll(async () => {
  // Schemas are compiled by a validator that its first use loads; real waiting looks like a run that stalls to a fake clock.
  const world = createWorld(script, {});
  await world.clock.until(world.executor.run(agentWith("warm-up-only", done), { input: "x" }));
});

async function died(agent: Agent, secrets: readonly Secret[] | SecretProvider = secretsOf(CANARY)): Promise<World> {
  const world = createWorld(script, { secrets, agents: [agent] });
  await world.executor.start(agent, { input: "x", id: "r" });
  const isCalled = async () => (await world.store.journal.read("r")).some(({ type }) => type === "model.answered");
  while (!(await isCalled())) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  world.store.die();
  return world;
}

it("S26 keeps no run from going on: its tools are there", async () => {
  const world = await died(agentWith(CANARY, hang));
  const agents = [agentWith(CANARY, done)];
  const next = createWorld(script, {
    secrets: secretsOf(CANARY),
    agents,
    from: { ...world, store: world.store.peer("memory/2") },
  });
  expect((await next.executor.plan("r")).missing).toEqual([]);
  const result = await next.clock.until((await next.executor.resume("r")).result);
  expect(result).toMatchObject({ status: "completed", data: { by: "other" } });
  expect(JSON.stringify(await next.store.journal.read("r"))).not.toContain(CANARY);
});

it("S26 may be another one by then, or not be registered any more", async () => {
  const renewed = "renewed-987654321";
  const world = await died(agentWith(CANARY, hang));
  const next = createWorld(script, {
    secrets: secretsOf(renewed),
    agents: [agentWith(renewed, done)],
    from: { ...world, store: world.store.peer("memory/2") },
  });
  expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed" });
});

it.each<ChangePolicy>(["adopt", "ask"])("is no change of a definition by itself: %s", async (onChange) => {
  const world = await died(agentWith(CANARY, hang, { onChange }));
  const from = { ...world, store: world.store.peer("memory/2") };
  const next = createWorld(script, { secrets: secretsOf(CANARY), agents: [agentWith(CANARY, done, { onChange })], from });
  expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({ status: "completed" });
  const types = (await next.store.journal.read("r")).map(({ type }) => type);
  expect(types.filter((type) => type.startsWith("agent."))).toEqual([]);
});

it.each<ChangePolicy>(["adopt", "ask"])("does not enter the journal with a definition that did change: %s", async (onChange) => {
  const world = await died(agentWith(CANARY, hang, { onChange }));
  const from = { ...world, store: world.store.peer("memory/2") };
  const changed = agentWith(CANARY, done, { onChange, instructions: `Do use ${CANARY}.` });
  const next = createWorld(script, { secrets: secretsOf(CANARY), agents: [changed], from });
  const resumed = await next.clock.until((await next.executor.resume("r")).result);
  expect(resumed.status).toBe(onChange === "ask" ? "waiting" : "completed");
  if (onChange === "ask") await next.executor.send("r", { kind: "adopt" });
  for (let i = 0; i < 500 && (await next.store.runs.get("r"))?.status !== "completed"; i++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(await next.executor.result("r")).toMatchObject({ status: "completed" });
  const journal = JSON.stringify(await next.store.journal.read("r"));
  expect(journal).toContain("Do use [redacted TOKEN].");
  expect(journal).not.toContain(CANARY);
});
