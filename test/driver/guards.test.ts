/** Guards against loops: what they see, what they leave alone. */
import { describe, expect, it } from "vitest";
import type { GuardTripped } from "../../src/ports/events.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const again =
  (...names: readonly string[]) =>
  ({ step, toolChoice }: ModelCall): ScriptedAnswer =>
    toolChoice === "none" ? { text: "gave up" } : { calls: [{ name: names[step % names.length] ?? "" }] };
const other = ({ step, toolChoice }: ModelCall): ScriptedAnswer =>
  toolChoice === "none" ? { text: "gave up" } : { calls: [{ name: "search", input: { words: `w${step}` } }] };
const pending = (name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(name, async () => "pending", { effect: "read", ...more });

async function tripped(world: World): Promise<readonly string[]> {
  const events = await world.store.journal.read("r");
  return events
    .filter((event): event is typeof event & GuardTripped => event.type === "guard.tripped")
    .map(({ guard, action }) => `${guard} ${action}`);
}

const run = (world: World, tools: readonly Tool[], more: object = {}) =>
  world.executor.run({ ...makeAgent(tools, { maxSteps: 30 }), ...more }, { input: "x", id: "r" });

describe("polling tools", () => {
  it("S21 leaves a tool alone that says it is called again and again", async () => {
    const world = createWorld(again("poll"));
    expect(await run(world, [pending("poll", { polling: true })])).toMatchObject({ status: "out_of_steps", toolCalls: 29 });
    expect(await tripped(world)).toEqual([]);
  });

  it.each([
    ["of the executor", { polling: ["po*"] }, {}],
    ["of the agent", {}, { polling: ["*oll"] }],
    ["of the agent's options for the tool", {}, { toolOptions: { poll: { polling: true } } }],
  ])("S21 leaves a tool alone that is on the list %s, and journals that", async (_whose, config, agent) => {
    const world = createWorld(again("poll"), config);
    expect(await run(world, [pending("poll")], agent)).toMatchObject({ status: "out_of_steps" });
    const [started] = await world.store.journal.read("r");
    expect(started?.type === "run.started" && started.agent.tools).toMatchObject([{ name: "poll", polling: true }]);
  });

  it("S21 sees no cycle in polling with pauses between", async () => {
    const world = createWorld(again("poll", "pause"));
    expect(await run(world, [pending("poll", { polling: true }), pending("pause")])).toMatchObject({ status: "out_of_steps" });
    expect(await tripped(world)).toEqual([]);
  });

  it("S21 still stops a polling tool that only fails", async () => {
    const world = createWorld(again("poll"));
    const broken = makeTool("poll", () => Promise.reject(new Error("gone")), { polling: true });
    expect(await run(world, [broken])).toMatchObject({ status: "failed", error: { code: "tool_errors" } });
  });

  it("S21 stops what is not on the list", async () => {
    const world = createWorld(again("poll"), { polling: ["polls"] });
    expect(await run(world, [pending("poll")])).toMatchObject({ status: "looping" });
  });
});

describe("different calls with one result", () => {
  const search = makeTool("search", async () => "no results", { effect: "read" });

  it("S21 hints, blocks, then stops", async () => {
    const world = createWorld(other);
    expect(await run(world, [search])).toMatchObject({ status: "looping", output: "gave up", toolCalls: 12 });
    expect(await tripped(world)).toEqual(["results hint", ...Array.from({ length: 4 }, () => "results block"), "results stop"]);
    const told = world.models.calls[5]?.messages.at(-1);
    expect(JSON.stringify(told)).toContain("5 different calls of search in a row gave the same result.");
  });

  it("S21 lets the run go on once something else was found, and warns anew", async () => {
    const found = makeTool("search", async (_input, { call }) => (call === "6.0" ? "a treasure" : "no results"), {
      effect: "read",
    });
    const world = createWorld((call) => (call.step < 13 ? other(call) : { text: "end" }));
    expect(await run(world, [found])).toMatchObject({ status: "completed" });
    expect(await tripped(world)).toEqual(["results hint", "results hint"]);
  });

  it("S21 warns before it blocks, however many calls one step makes", async () => {
    const calls = Array.from({ length: 14 }, (_, i) => ({ name: "search", input: { words: `w${i}` } }));
    const world = createWorld([{ calls }, { text: "Nothing anywhere." }]);
    expect(await run(world, [search])).toMatchObject({ status: "completed" });
    expect(await tripped(world)).toEqual(["results hint"]);
  });

  it("S21 sees no loop in acts that all report the same", async () => {
    const save = makeTool("search", async () => "saved", { effect: "idempotent" });
    const world = createWorld((call) => (call.step < 20 ? other(call) : { text: "end" }));
    expect(await run(world, [save])).toMatchObject({ status: "completed" });
  });
});
