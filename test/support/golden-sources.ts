/** Golden runs with tool sources and artifacts. */
import type { RunEvent } from "../../src/ports/events.ts";
import type { ToolSource } from "../../src/ports/tool-source.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { createWorld, makeAgent, makeTool, type World } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

const look = (description = "the tool box__look"): Tool =>
  makeTool("box__look", async () => "an empty box", { effect: "read", description });

const box = (tool: Tool, more: Partial<ToolSource> = {}): ToolSource => ({
  name: "box",
  open: async ({ key }) => ({
    tools: [tool],
    cleanup: { folder: key },
    afterRun: async ({ output }) => ({ artifacts: [{ name: "report.md", mediaType: "text/markdown", content: `# ${output}` }] }),
  }),
  cleanup: async () => {},
  ...more,
});

const broken: ToolSource = { name: "broken", optional: true, open: () => Promise.reject(new Error("no docker here")) };

const asked = { calls: [{ name: "box__look" }] };

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function interrupted(source: ToolSource): Promise<World> {
  const world = createWorld((model) => (model.step === 0 ? asked : { hang: true }));
  await world.executor.start({ ...makeAgent([]), sources: [source] }, { input: "Go on.", id: "golden" });
  await turns(40);
  await world.executor.shutdown();
  return world;
}

export const sourceScenarios: Readonly<Record<string, Play>> = {
  "sources-and-an-artifact": async () => {
    const world = createWorld([asked, { text: "It is empty." }]);
    const sources = [box(look()), broken];
    await world.clock.until(world.executor.run({ ...makeAgent([]), sources }, { input: "Go on.", id: "golden" }));
    return world.store.journal.read("golden");
  },
  "a-source-that-ends-badly": async () => {
    const world = createWorld([{ text: "Nothing to do." }]);
    const bad = box(look(), {
      open: async () => ({ tools: [], afterRun: () => Promise.reject(new Error("disk full")) }),
      cleanup: () => Promise.reject(new Error("still mounted")),
    });
    await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [bad] }, { input: "Go on.", id: "golden" }));
    return world.store.journal.read("golden");
  },
  "tools-changed-and-adopted": async () => {
    const first = await interrupted(box(look()));
    const asking = box(look("Looks into the box, and under it."), { changes: "ask" });
    const second = createWorld([], { from: first, sources: [asking] });
    await second.clock.until((await second.executor.resume("golden")).result);
    await second.executor.send("golden", { kind: "tools", source: "box", decision: "adopt" }, { id: "t1", from: "ana" });
    const third = createWorld([asked, { text: "It is empty." }], { from: first, sources: [asking] });
    await third.clock.until((await third.executor.resume("golden")).result);
    return third.store.journal.read("golden");
  },
};
