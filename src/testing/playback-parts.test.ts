/** Runs whose parts are many, recorded and played back: phases, shapes, sources, rules. */
import { describe, expect, it } from "vitest";
import { createExecutor } from "../create-executor.ts";
import { createDelegates } from "../delegates.ts";
import { defineTool } from "../adapters/tools/define-tool.ts";
import { createTools } from "../adapters/tools/registry.ts";
import { createMemoryStore } from "../adapters/store/memory.ts";
import type { Phase } from "../ports/definition.ts";
import type { RunEvent } from "../ports/events.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import type { Agent, ExecutorConfig, RunRequest } from "../run/types.ts";
import { clerk as agent, count } from "../../test/support/clerk.ts";
import { type Cassette, toCassette } from "./cassette.ts";
import { createFakeClock } from "./fake-clock.ts";
import { playCassette } from "./playback.ts";
import { type Script, scriptedModel } from "./scripted-model.ts";

const script: Script = [{ calls: [{ name: "count", input: { what: "mugs" } }] }, { text: "Three." }];

async function record(given: Agent, config: Partial<ExecutorConfig>, request: RunRequest = {}): Promise<Cassette> {
  const store = createMemoryStore();
  await using executor = createExecutor({ models: scriptedModel(script), store, ...config });
  const { run } = await executor.run(given, { input: "How many?", ...request });
  return toCassette(JSON.parse(JSON.stringify(await store.journal.read(run))) as RunEvent[]);
}

describe("a run with phases", () => {
  const helper: Agent = { name: "helper", description: "Helps.", instructions: "Help." };
  let weighed = 0;
  const weigh = defineTool({
    name: "weigh",
    description: "Weighs.",
    effect: "once",
    input: { type: "object" },
    execute: () => `${++weighed} kg`,
  });
  const find: Phase = { name: "Find", instructions: "Find.", tools: ["count", weigh, "agent__helper"] };
  const tell: Phase = { name: "Tell", instructions: "Tell {{Find}}.", model: "smart" };
  const staged: Agent = { name: "staged", instructions: "", phases: [find, tell] };
  const work: Script = ({ instructions, step }) => {
    if (instructions === helper.instructions) return { text: "Helped." };
    const prompt = { prompt: "What is it?" };
    const calls = [{ name: "count", input: { what: "mugs" } }, { name: "weigh" }, { name: "agent__helper", input: prompt }];
    return step === 0 ? { calls } : { text: "Three, of 1 kg." };
  };
  const recorded = (): Promise<Cassette> =>
    record(staged, { models: scriptedModel(work), tools: createTools([count]), delegates: createDelegates([helper]) });

  it("S27 is played back without calling the tools and delegates of its phases", async () => {
    weighed = 0;
    const cassette = await recorded();
    const { differences, result } = await playCassette(cassette, { agent: staged });
    expect([differences, result.output, weighed]).toEqual([[], "Three, of 1 kg.", 1]);
    expect(result.steps[0]?.calls.map(({ output }) => output)).toEqual([{ mugs: 3 }, "1 kg", "Helped."]);
    expect((await playCassette(cassette, { agent: staged, tools: [count], execute: ["count"] })).differences).toEqual([]);
  });

  it("S27 shows when a phase has other tools or words", async () => {
    const cassette = await recorded();
    const played = async (phase: Partial<Phase>): Promise<string | undefined> => {
      const changed = { ...staged, phases: [{ ...find, ...phase }, tell] };
      return (await playCassette(cassette, { agent: changed })).differences[0];
    };
    expect(await played({ instructions: "Look." })).toBe('step 1: instructions, line 1: "Find." -> "Look."');
    expect(await played({ tools: ["count", "agent__helper"] })).toBe("step 1: tool weigh is gone");
  });

  it("S27 has the models of each phase: one that was given up is given up again", async () => {
    const busy = (id: string): ModelCandidate => ({
      id,
      call: () => Promise.reject(Object.assign(new Error("busy"), { retryable: true })),
    });
    const answering = (id: string): ModelCandidate => ({
      id,
      call: () => Promise.resolve({ content: [{ type: "text", text: "Told." }], finish: "stop", usage: {} }),
    });
    const models = {
      resolve: (tier: string) => Promise.resolve(tier === "smart" ? [busy("a/1"), answering("a/2")] : [answering("a/3")]),
    };
    const toolless = { ...staged, phases: [{ ...find, tools: [] }, tell] };
    const cassette = await record(toolless, { models, limits: { retryBaseMs: 1 } });
    expect(cassette.calls.map(({ model }) => model)).toEqual(["a/3", "a/1", "a/1", "a/1", "a/2"]);
    expect((await playCassette(cassette, { agent: toolless })).differences).toEqual([]);
  });
});

it("a shape and settings of the request's own are those of the playback", async () => {
  const models = scriptedModel([{ text: "three" }, { text: '{"count":3}' }]);
  const output = { type: "object", properties: { count: { type: "number" } }, required: ["count"] };
  const cassette = await record(agent, { models }, { output, settings: { temperature: 0 } });
  const { differences, result } = await playCassette(cassette, { agent });
  expect([differences, result.data]).toEqual([[], { count: 3 }]);
});

it("S16 tools of sources are stood in for, whether they were chosen by name or by pattern", async () => {
  const source: ToolSource = {
    name: "shop",
    open: () => Promise.resolve({ tools: [{ ...count, name: "shop__count" }] }),
  };
  const chosen: Agent = { ...agent, tools: [count, "shop__*"] };
  const models = scriptedModel([{ calls: [{ name: "shop__count", input: { what: "mugs" } }] }, { text: "Three." }]);
  const cassette = await record(chosen, { models, sources: [source] });
  expect((await playCassette(cassette, { agent: chosen })).differences).toEqual([]);
  expect((await playCassette(cassette, { agent: { ...agent, tools: [count, "shop__count"] } })).differences).toEqual([]);
});

it("S13 rules of the executor are none of the recording, and can be said again", async () => {
  const permission = { count: "deny" } as const;
  const cassette = await record(agent, { permission });
  expect((await playCassette(cassette, { agent, permission })).differences).toEqual([]);
  expect((await playCassette(cassette, { agent })).differences).not.toEqual([]);
});

it("what a playback would not come to is refused: an approval that nobody gave in time, a result that was cut", async () => {
  const store = createMemoryStore();
  const clock = createFakeClock();
  const asking = { ...agent, tools: [{ ...count, approval: { required: true, deadlineMs: 50 } }] };
  await using executor = createExecutor({ models: scriptedModel(script), store, clock, agents: [asking] });
  const { run, status } = await clock.until(executor.run(asking, "How many?"));
  expect(status).toBe("waiting");
  clock.advance(100);
  await clock.until(executor.start(asking, { id: run, input: "How many?" }).then(({ result }) => result));
  const events = await store.journal.read(run);
  expect(() => toCassette(events)).toThrow("cannot be played back: nobody approved a call in time");
  const long = { ...count, outputBytes: 10, execute: async () => "three ".repeat(20) };
  await expect(record({ ...agent, tools: [long] }, {})).rejects.toThrow("became a file");
});
