/** Tool sources whose opening nobody waits for any more: of two openings in one process only one would be closed. */
import { expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { EventType } from "../../src/ports/events.ts";
import type { OpenedSource, ToolSource } from "../../src/ports/tool-source.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Its first opening comes at once, later ones when they are released. */
function slowBox() {
  const held: (() => void)[] = [];
  const box = { opens: 0, open: 0, told: 0, left: 0 };
  const open = async (): Promise<OpenedSource> => {
    if (box.opens++ > 0) await new Promise<void>((resolve) => held.push(resolve));
    box.open++;
    box.left = 1;
    return { tools: [], afterRun: async () => void box.told++, close: async () => void box.open-- };
  };
  const release = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await turn();
    while (held.length > 0) held.pop()?.();
  };
  const cleanup = async (): Promise<void> => void (box.left = 0);
  return { box, source: { name: "box", open, cleanup } satisfies ToolSource, release };
}

async function has({ store }: World, type: EventType): Promise<void> {
  while (!(await store.journal.read("r")).some((event) => event.type === type)) await turn();
}

/** Taken over by a second process, which is still opening the source when the run is told to end. */
async function cancelledWhileOpening() {
  const { box, source, release } = slowBox();
  const agent = { ...makeAgent([]), sources: [source] };
  const first = createWorld([{ hang: true }]);
  await first.executor.start(agent, { input: "go", id: "r" });
  while (first.models.calls.length === 0) await turn();
  await first.executor.shutdown();
  const next = createWorld([], { from: { ...first, store: first.store.peer("memory/2") }, agents: [agent] });
  const { result } = await next.executor.resume("r");
  while (box.opens < 2) await turn();
  await next.executor.send("r", { kind: "cancel" });
  await has(next, "run.settling");
  return { box, release, next, result };
}

// Seed 2767 of the simulation.
it("a source that is being opened when its run is stopped is not opened a second time to be told of the end", async () => {
  const { box, release, next, result } = await cancelledWhileOpening();
  await release();
  expect(await next.clock.until(result)).toMatchObject({ status: "cancelled" });
  expect(box).toEqual({ opens: 2, open: 0, told: 1, left: 0 });
});

// Seed 54722 of the simulation.
it("a source that is still being opened when the time to be told is up is not told later", async () => {
  const { box, release, next, result } = await cancelledWhileOpening();
  await next.clock.until(has(next, "source.settled"));
  await release();
  expect(await next.clock.until(result)).toMatchObject({ status: "cancelled" });
  expect(box).toEqual({ opens: 2, open: 0, told: 0, left: 0 });
});

// Seed 90829 of the simulation.
it("what is still being opened to be told of the end is cleaned up when that is there", async () => {
  const { box, source, release } = slowBox();
  const pay = makeTool("pay", async () => "paid", { approval: "always" });
  const agent = { ...makeAgent([pay]), sources: [source] };
  const world = createWorld([{ calls: [{ name: "pay" }] }], { agents: [agent] });
  expect(await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }))).toMatchObject({ status: "waiting" });
  await world.executor.send("r", { kind: "cancel" });
  const { result } = await world.executor.resume("r");
  await world.clock.until(has(world, "source.settled"));
  await release();
  expect(await world.clock.until(result)).toMatchObject({ status: "cancelled" });
  expect(box).toEqual({ opens: 2, open: 0, told: 0, left: 0 });
});

// Seed 20010 of the simulation.
it("a source that is being opened while its run begins to wait is not opened a second time when that goes on", async () => {
  const { box, source, release } = slowBox();
  const pay = makeTool("pay", async () => "paid", { approval: "always" });
  const helper = { name: "helper", instructions: "Help.", description: "Helps." };
  const agent = { ...makeAgent([pay]), delegates: [helper], sources: [source] };
  const child = childRunId("r", "0.1");
  const calls = [{ name: "pay" }, { name: "agent__helper", input: { prompt: "x" } }];
  const script = ({ run, step }: { readonly run: string; readonly step: number }) => {
    if (run !== "r") return { hang: true as const };
    return step === 0 ? { calls } : { text: "done" };
  };
  const first = createWorld(script);
  await first.executor.start(agent, { input: "go", id: "r" });
  while (first.models.calls.length < 2) await turn();
  await first.executor.shutdown();
  const next = createWorld(script, { from: { ...first, store: first.store.peer("memory/2") }, agents: [agent] });
  const { result } = await next.executor.resume("r");
  while (box.opens < 2) await turn();
  await next.executor.send(child, { kind: "kill" });
  const killed = await next.executor.resume(child).then(
    (handle) => handle.result,
    () => undefined,
  );
  expect(killed?.status ?? "killed").toBe("killed");
  await has(next, "child.ended");
  // Longer than it may take to come back.
  next.clock.advance(3_000);
  await next.executor.send("r", { kind: "approve", approval: "r:0.0" });
  await has(next, "approval.answered");
  await release();
  expect(await next.clock.until(result)).toMatchObject({ status: "completed" });
  expect(box).toEqual({ opens: 2, open: 0, told: 1, left: 0 });
});
