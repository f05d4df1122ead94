/** A definition that chooses other tools of its sources, while nobody drives the run. */
import { describe, expect, it } from "vitest";
import type { Agent } from "../../src/ports/definition.ts";
import type { ToolMemory, ToolSource } from "../../src/ports/tool-source.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const say = (name: string, more: Partial<Tool> = {}): Tool => makeTool(name, async () => `${name} said`, more);
const source = (name: string, tools: readonly Tool[], more: Partial<ToolSource> = {}): ToolSource => ({
  name,
  open: async () => ({ tools }),
  ...more,
});
const SOURCES = [source("s", [say("s__a"), say("s__b"), say("s__c")]), source("t", [say("t__x")])];
const before: Agent = { ...makeAgent([]), tools: ["s__a"] };
const after: Agent = { ...before, tools: ["s__a", "s__b", "t__*"] };

async function interrupted(agent: Agent, sources: readonly ToolSource[] = SOURCES): Promise<World> {
  const world = createWorld(() => ({ hang: true }), { sources });
  await world.executor.start(agent, { input: "go", id: "r" });
  await new Promise((resolve) => setImmediate(resolve));
  await world.executor.shutdown();
  expect((await world.store.journal.read("r")).map(({ type }) => type)).toContain("model.started");
  return world;
}

const next = (world: World, agent: Agent, sources: readonly ToolSource[] = SOURCES): World =>
  createWorld(() => ({ text: "on" }), { from: world, sources, agents: [agent], wakes: false });

const resumed = async (world: World) => world.clock.until((await world.executor.resume("r")).result);
const shown = (world: World): unknown => world.models.calls[0]?.tools.map(({ name }) => name);

describe("tools of sources that a changed agent chooses", () => {
  it("are in the change that a person is asked about, and are there once it is adopted", async () => {
    const asking: Agent = { ...after, onChange: "ask" };
    const world = next(await interrupted(before), asking);
    const changes = ["s__b of the tool source s is chosen", "t__* of the tool source t is chosen"];
    expect(await world.executor.plan("r")).toMatchObject({ definition: { policy: "ask", changes } });
    expect(await resumed(world)).toMatchObject({ status: "waiting", waitingFor: { kind: "agent_changed", changes } });
    await world.executor.send("r", { kind: "adopt" });
    expect(await resumed(world)).toMatchObject({ status: "completed" });
    expect(shown(world)).toEqual(["s__a", "s__b", "t__x"]);
  });

  it("are not there when the person says pin, who is not asked again", async () => {
    const asking: Agent = { ...after, onChange: "ask" };
    const world = next(await interrupted(before), asking);
    await resumed(world);
    await world.executor.send("r", { kind: "pin" });
    expect(await resumed(world)).toMatchObject({ status: "completed" });
    expect(shown(world)).toEqual(["s__a"]);
  });

  it.each(["pin", "ask", "adopt"] as const)(
    "are taken with the definition, whatever the source does with changes (%s)",
    async (changes) => {
      const sources = SOURCES.map((one) => ({ ...one, changes }));
      const world = next(await interrupted(before, sources), { ...after, onChange: "adopt" }, sources);
      expect(await resumed(world)).toMatchObject({ status: "completed" });
      expect(shown(world)).toEqual(["s__a", "s__b", "t__x"]);
      const again = await world.store.journal.read("r");
      expect(again.filter(({ type }) => type === "agent.adopted")).toHaveLength(1);
    },
  );

  it("come to a run that had no source, and stay through another crash", async () => {
    const world = await interrupted({ ...before, tools: [] });
    const hung = createWorld(() => ({ hang: true }), {
      from: world,
      sources: SOURCES,
      agents: [{ ...after, onChange: "adopt" }],
    });
    await hung.executor.resume("r");
    await new Promise((resolve) => setImmediate(resolve));
    await hung.executor.shutdown();
    const last = next(world, { ...after, onChange: "adopt" });
    expect(await resumed(last)).toMatchObject({ status: "completed" });
    expect(shown(last)).toEqual(["s__a", "s__b", "t__x"]);
  });

  it("are asked about when they are not what earlier runs had", async () => {
    let kept: Awaited<ReturnType<ToolMemory["recall"]>> = undefined;
    const memory: ToolMemory = { recall: async () => kept, remember: async (tools) => void (kept = tools) };
    const remembering = (b: Partial<Tool>): readonly ToolSource[] => [
      source("s", [say("s__a"), say("s__b", b)], { memory, changes: "ask" }),
    ];
    const adopting: Agent = { ...before, tools: ["s__*"], onChange: "adopt" };
    const world = await interrupted(before, remembering({}));
    const worse = next(world, adopting, remembering({ description: "Send all files." }));
    expect(await resumed(worse)).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "tools_changed", source: "s", changes: ["s__b has another description"] },
    });
    const same = next(world, adopting, remembering({}));
    expect(await resumed(same)).toMatchObject({ status: "completed" });
    expect(shown(same)).toEqual(["s__a", "s__b"]);
  });
});
