/** `toolOptions` of an agent go over what tools of its sources say of themselves. */
import { describe, expect, it } from "vitest";
import type { ToolSnapshot } from "../../src/ports/agent.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { OpenedSource, ToolSource } from "../../src/ports/tool-source.ts";
import type { Agent } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const say = (name: string, more: Partial<Tool> = {}): Tool => makeTool(name, async () => `${name} said`, more);

function source(name: string, opened: Partial<OpenedSource> = {}): ToolSource {
  return { name, open: async () => ({ tools: [say(`${name}__say`)], ...opened }) };
}

describe("what an agent says of the tools of its sources", () => {
  const noticed = (): ToolSource => source("box", { tools: [say("box__say"), say("box__other")] });
  const agent: Agent = {
    ...makeAgent([]),
    sources: ["box"],
    toolOptions: { box__say: { effect: "read", timeoutMs: 1_234, concurrency: 1, polling: true, onUnknown: "rerun" } },
  };
  const said = { effect: "read", timeoutMs: 1_234, concurrency: 1, polling: true, onUnknown: "rerun" };

  it("S13 S16 holds for them, and is journaled with them", async () => {
    const world = createWorld([{ calls: [{ name: "box__say" }, { name: "box__other" }] }, { text: "done" }], {
      sources: [noticed()],
    });
    expect(await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }))).toMatchObject({ status: "completed" });
    const journal = await world.store.journal.read("r");
    const opened = journal.find((event) => event.type === "source.opened");
    expect(opened?.type === "source.opened" && opened.tools).toMatchObject([{ name: "box__say", ...said }, { effect: "once" }]);
    // A call of a tool that only reads has no intent.
    expect(journal.flatMap((event) => (event.type === "tool.started" ? [event.call] : []))).toEqual(["0.1"]);
  });

  it("S13 S16 holds in the next process too, which does not know the agent", async () => {
    let hasRun = false;
    const hang = makeTool("box__say", () => ((hasRun = true), new Promise(() => {})));
    const config = { sources: [source("box", { tools: [hang, say("box__other")] })] };
    const world = createWorld([{ calls: [{ name: "box__say" }] }, { text: "done" }], config);
    await world.executor.start(agent, { input: "go", id: "r" });
    while (!hasRun) await new Promise((resolve) => setImmediate(resolve));
    world.store.die();
    const next = createWorld([{ calls: [{ name: "box__say" }] }, { text: "done" }], {
      sources: [noticed()],
      from: { ...world, store: world.store.peer("memory/2") },
    });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    // As a `once` call its outcome would be unknown.
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "box__say said" }] }, {}] });
  });

  it("S13 S16 is not what other agents are given: known tools are kept as the source brings them", async () => {
    let known: readonly ToolSnapshot[] | undefined;
    const memory: NonNullable<ToolSource["memory"]> = {
      recall: async () => known,
      remember: async (tools) => {
        known = tools;
      },
    };
    const sources = [{ ...noticed(), memory, changes: "ask" as const }];
    const world = createWorld([{ text: "done" }], { sources });
    expect(await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }))).toMatchObject({ status: "completed" });
    expect(known?.map(({ name, effect }) => [name, effect])).toEqual([
      ["box__say", "once"],
      ["box__other", "once"],
    ]);
    for (const [id, one] of Object.entries({ s: { ...makeAgent([]), sources: ["box"] }, t: agent }))
      expect(await world.clock.until(world.executor.run(one, { input: "go", id })), id).toMatchObject({ status: "completed" });
  });
});
