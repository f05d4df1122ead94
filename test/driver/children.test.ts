/** S14: children that wait, that other processes drive, and that a parent must not leave behind. */
import { expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/store/memory.ts";
import { childRunId } from "../../src/kernel/children.ts";
import type { CreateRequest, Store } from "../../src/ports/store.ts";
import type { Agent } from "../../src/run/types.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const CHILD = childRunId("r", "0.0");
const ask = { calls: [{ name: "agent__helper", input: { prompt: "x" } }] };
const turns = async (n = 30): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};
const lead = (helper: Partial<Agent> = {}): Agent => ({
  ...makeAgent([]),
  name: "lead",
  delegates: [{ name: "helper", instructions: "Help.", ...helper }],
});
const request = { input: "go", id: "r" };

async function until(world: World, run: string, status: string): Promise<void> {
  for (let i = 0; i < 500 && (await world.store.runs.get(run))?.status !== status; i++) await turns(1);
  expect((await world.store.runs.get(run))?.status, run).toBe(status);
}

const approving: Script = (call) => {
  if (call.run === "r") return call.step === 0 ? ask : { text: "end" };
  return call.step === 0 ? { calls: [{ name: "pay" }] } : { text: "paid" };
};

it("S14 a run whose child waits for approval waits as a row, and goes on when the child was approved and has ended", async () => {
  const paid: string[] = [];
  const pay = makeTool("pay", async (_input, context) => (paid.push(context.idempotencyKey), "receipt"), { approval: "always" });
  const agent = lead({ tools: [pay] });
  const world = createWorld(approving, { agents: [agent] });
  const waiting = await world.clock.until(world.executor.run(agent, request));
  expect(waiting).toMatchObject({ status: "waiting", waitingFor: { kind: "child", runs: [CHILD] } });
  expect(await world.store.runs.get("r")).toMatchObject({ status: "waiting" });
  expect((await world.store.runs.get("r"))?.owner).toBeUndefined();
  await world.executor.send(CHILD, { kind: "approve", approval: `${CHILD}:0.0` });
  await until(world, "r", "completed");
  expect(paid).toEqual([`${CHILD}:0.0`]);
  expect(await world.executor.result("r")).toMatchObject({ output: "end" });
});

it("S14 a parent waits for a child that another process drives, and takes it over when that process dies", async () => {
  const agent = lead();
  const script: Script = (call) => (call.run === "r" ? (call.step === 0 ? ask : { text: "end" }) : { hang: true });
  const world = createWorld(script, { agents: [agent] });
  await world.executor.start(agent, request);
  await until(world, CHILD, "running");
  await turns();
  // Another process has the child, a third one takes the parent over.
  world.store.die();
  const second = world.store.peer("memory/2");
  const child = createWorld(script, { agents: [agent], from: { ...world, store: second } });
  await child.executor.resume(CHILD);
  const third = createWorld((call) => (call.run === "r" ? { text: "end" } : { text: "again" }), {
    agents: [agent],
    from: { ...world, store: world.store.peer("memory/3") },
  });
  const handle = await third.executor.resume("r");
  await turns(60);
  expect(third.models.calls).toEqual([]);
  second.die();
  expect(await third.clock.until(handle.result)).toMatchObject({ status: "completed", output: "end" });
  expect((await third.store.runs.get(CHILD))?.status).toBe("completed");
});

it("S14 a parent that waits is found by the next sweep when the process died between a child's end and the word of it", async () => {
  const agent = lead({
    tools: [
      makeTool("pay", () => Promise.reject(Object.assign(new Error("?"), { code: "unknown_outcome" })), { onUnknown: "ask" }),
    ],
  });
  const kept = createMemoryStore({ now: () => 0 });
  const world = createWorld(approving, { agents: [agent], from: { ...createWorld([]), store: kept } });
  expect(await world.clock.until(world.executor.run(agent, request))).toMatchObject({ status: "waiting" });
  expect(await kept.owners.orphans(10)).toEqual([]);
  const second = kept.peer("memory/2");
  const mute = (store: Store): Store =>
    faultyStore(store, [{ method: "inbox.send", only: (run: string) => run === "r", hang: true }]);
  const dying = createWorld(approving, { agents: [agent], from: { ...world, store: second }, through: mute });
  await dying.executor.send(CHILD, { kind: "resolve", call: "0.0", outcome: "done", output: "receipt" });
  await until(dying, CHILD, "completed");
  second.die();
  expect((await kept.runs.get("r"))?.status).toBe("waiting");
  const third = createWorld(approving, { agents: [agent], from: { ...world, store: kept.peer("memory/3") } });
  const { resumed } = await third.executor.recover();
  expect(resumed.map(({ run }) => run)).toEqual(["r"]);
  expect(await third.clock.until(resumed[0]?.result ?? Promise.reject(new Error("none")))).toMatchObject({ status: "completed" });
  expect(third.models.calls.map(({ run }) => run)).toEqual(["r"]);
});

it("S14 a child whose start never came about is closed with its parent, and nobody can start it any more", async () => {
  const agent = lead();
  const stopAt = (store: Store): Store =>
    faultyStore(store, [{ method: "runs.create", only: ({ run }: CreateRequest) => run === CHILD, hang: true }]);
  const world = createWorld(() => ask, { agents: [agent], through: stopAt });
  await world.executor.start(agent, request);
  await turns();
  world.store.die();
  expect((await world.store.journal.read("r")).at(-1)?.type).toBe("child.started");
  const next = createWorld(() => ask, { agents: [agent], from: { ...world, store: world.store.peer("memory/2") } });
  await next.executor.send("r", { kind: "cancel", reason: "enough" });
  const handle = await next.executor.resume("r");
  expect(await next.clock.until(handle.result)).toMatchObject({ status: "cancelled" });
  expect(await next.store.runs.get(CHILD)).toMatchObject({ status: "cancelled", parent: "r", step: 0 });
  expect(next.models.calls).toEqual([]);
});

it("S14 a kill does not wait for a child that another process holds and does not end: the order waits in its inbox", async () => {
  const agent = lead();
  const script: Script = (call) => (call.run === "r" ? ask : { hang: true });
  const world = createWorld(script, { agents: [agent] });
  await world.executor.start(agent, request);
  await until(world, CHILD, "running");
  await turns();
  world.store.die();
  const frozen = world.store.peer("memory/2");
  expect((await frozen.owners.claim(CHILD)).ok).toBe(true);
  const next = createWorld(script, { agents: [agent], from: { ...world, store: world.store.peer("memory/3") } });
  const handle = await next.executor.resume("r");
  await next.executor.send("r", { kind: "kill", reason: "runaway" });
  expect(await next.clock.until(handle.result)).toMatchObject({ status: "killed" });
  expect(await frozen.inbox.pending(CHILD)).toMatchObject([{ kind: "kill", from: "r" }]);
});
