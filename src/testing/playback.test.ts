/** Every golden journal that can be played back, played back; and what shows as a difference. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createExecutor } from "../create-executor.ts";
import { createMemoryStore } from "../adapters/store/memory.ts";
import { isExecutusError } from "../kernel/errors.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Agent } from "../run/types.ts";
import { clerk as agent, count } from "../../test/support/clerk.ts";
import { type Cassette, toCassette } from "./cassette.ts";
import { playCassette } from "./playback.ts";
import { type Script, scriptedModel } from "./scripted-model.ts";

const folder = join(import.meta.dirname, "../../test/golden/v0.1");
const journals = readdirSync(folder)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name): [string, readonly RunEvent[]] => [
    name,
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RunEvent),
  ]);

function tryCassette(events: readonly RunEvent[]): Cassette | undefined {
  try {
    return toCassette(events);
  } catch (error) {
    if (isExecutusError(error) && error.code === "not_supported") return undefined;
    throw error;
  }
}

const playable = journals.flatMap(([name, events]): [string, Cassette, Agent][] => {
  const cassette = tryCassette(events);
  return cassette === undefined ? [] : [[name, cassette, agentOf(cassette, events)]];
});

/** The agent of a golden journal, from its snapshot: its tools are stood in for. */
function agentOf({ tools, prompts, agent, limits }: Cassette, [first]: readonly RunEvent[]): Agent {
  const supervision = first?.type === "run.started" ? first.agent.supervision : undefined;
  const [base] = prompts;
  return {
    name: agent,
    instructions: base?.instructions ?? "",
    tools: tools.map(({ name }) => name),
    settings: base?.settings ?? {},
    limits,
    ...(supervision === undefined ? {} : { supervision }),
  };
}

describe("golden journals", () => {
  it("many can be played back", () => {
    expect(playable.length).toBeGreaterThan(15);
  });

  const inWords = ({ prompts }: Cassette): boolean => prompts.some(({ instructions }) => instructions.includes("must be JSON"));

  // Phases and the schema of an answer are the agent's, and these journals do not say more of it than its prompts.
  it.each(playable.filter(([, cassette]) => cassette.prompts.length <= 1 && !inWords(cassette)))(
    "%s is played back without a difference",
    async (_name, cassette, agent) => {
      expect((await playCassette(cassette, { agent })).differences).toEqual([]);
    },
  );
});

describe("a difference", () => {
  async function recorded(script: Script): Promise<Cassette> {
    const store = createMemoryStore();
    await using executor = createExecutor({ models: scriptedModel(script), store });
    const { run } = await executor.run(agent, "How many mugs?");
    return toCassette(JSON.parse(JSON.stringify(await store.journal.read(run))) as RunEvent[]);
  }

  const script: Script = [{ calls: [{ name: "count", input: { what: "mugs" } }] }, { text: "Three." }];

  it("is nowhere as long as nothing changed, also where a tool really runs", async () => {
    const cassette = await recorded(script);
    expect((await playCassette(cassette, { agent })).differences).toEqual([]);
    expect((await playCassette(cassette, { agent, execute: ["count"] })).differences).toEqual([]);
  });

  it.each<[string, Partial<Agent>, string]>([
    ["another prompt", { instructions: "Guess." }, 'step 1: instructions, line 1: "Count." -> "Guess."'],
    ["other settings", { settings: { temperature: 1 } }, "step 1: settings.temperature: none -> 1"],
    ["a tool that is gone", { tools: [] }, "step 1: tool count is gone"],
    ["a new tool", { tools: [count, { ...count, name: "weigh" }] }, "step 1: tool weigh is new"],
  ])("shows: %s", async (_what, change, difference) => {
    const { differences } = await playCassette(await recorded(script), { agent: { ...agent, ...change } });
    expect(differences[0]).toBe(difference);
  });

  it("shows where a call would be refused, and where a tool returns something else", async () => {
    const cassette = await recorded(script);
    const strict = { ...count, validate: () => ({ ok: false as const, problem: "no" }) };
    expect((await playCassette(cassette, { agent: { ...agent, tools: [strict] } })).differences[0]).toMatch(
      /^step 2: message 3 is .*arguments of count do not fit/,
    );
    const other = { ...count, execute: async () => ({ mugs: 4 }) };
    const { differences } = await playCassette(cassette, { agent: { ...agent, tools: [other] }, execute: ["count"] });
    expect(differences[0]).toBe('call 0.0: count gave {"mugs":4} instead of {"mugs":3}');
  });

  it("shows where limits end the run elsewhere", async () => {
    const cassette = await recorded(script);
    const shorter = { ...cassette, limits: { ...cassette.limits, maxSteps: 1 } };
    expect((await playCassette(shorter, { agent })).differences.at(-1)).toContain("it ended");
  });

  describe("of a run that handed work to others", () => {
    const helper: Agent = { name: "helper", description: "Helps.", instructions: "Help." };
    const lead: Agent = { name: "lead", instructions: "Lead.", delegates: [helper] };
    const handing: Script = ({ instructions, step }) => {
      if (instructions !== lead.instructions) return { text: "Forty-two." };
      return step === 0 ? { calls: [{ name: "agent__helper", input: { prompt: "What is it?" } }] } : { text: "It is 42." };
    };

    async function record(given: Agent): Promise<Cassette> {
      const store = createMemoryStore();
      await using executor = createExecutor({ models: scriptedModel(handing), store });
      return toCassette(await store.journal.read((await executor.run(given, "Go.")).run));
    }

    it("S14 is nowhere as long as nothing changed: no other run is started", async () => {
      const { differences, result } = await playCassette(await record(lead), { agent: lead });
      expect(differences).toEqual([]);
      expect(result.steps[0]?.calls[0]).toMatchObject({ output: "Forty-two." });
      expect(result.steps[0]?.calls[0]?.child).toBeUndefined();
    });

    it("S14 shows when a delegate is described otherwise, or is gone", async () => {
      const cassette = await record(lead);
      const other = { ...lead, delegates: [{ ...helper, description: "Helps a lot." }] };
      expect((await playCassette(cassette, { agent: other })).differences[0]).toContain("tool agent__helper, description");
      expect((await playCassette(cassette, { agent: { ...lead, delegates: [] } })).differences[0]).toContain(
        "tool agent__helper is gone",
      );
    });

    it("S14 is refused where they worked in the background", async () => {
      await expect(record({ ...lead, delegates: [{ ...helper, background: true }] })).rejects.toThrow("in the background");
    });
  });

  describe("of a run that goes on from others", () => {
    const talk: Script = ({ run, step }) =>
      step === 0 && run !== "b" ? { calls: [{ name: "count", input: { what: run } }] } : { text: `That was ${run}.` };

    /** The journals of three runs that go on from each other, and what the last one's model was shown first. */
    async function thread() {
      const store = createMemoryStore();
      const models = scriptedModel(talk);
      await using executor = createExecutor({ models, store });
      await executor.run(agent, { input: "One?", id: "a", limits: { maxSteps: 2 } });
      await executor.run(agent, { input: "Two?", id: "b", continues: "a" });
      const history = [{ role: "user" as const, content: [{ type: "text" as const, text: "By the way." }] }];
      await executor.run(agent, { input: "Three?", id: "c", continues: "b", history });
      const [a, b, c] = await Promise.all(["a", "b", "c"].map((run) => store.journal.read(run)));
      const shown = models.calls.find(({ run }) => run === "c")?.messages;
      return { a: a ?? [], b: b ?? [], c: c ?? [], shown };
    }

    it("S14 is nowhere as long as nothing changed: the conversation before is in the recording", async () => {
      const { a, b, c, shown } = await thread();
      const cassette = JSON.parse(JSON.stringify(toCassette(c, [a, b]))) as Cassette;
      expect(shown).toHaveLength(8);
      expect(cassette.calls[0]?.add).toEqual(shown);
      const { differences, result } = await playCassette(cassette, { agent });
      expect([differences, result.output]).toEqual([[], "That was c."]);
      expect((await playCassette(cassette, { agent: { ...agent, instructions: "Guess." } })).differences[0]).toBe(
        'step 1: instructions, line 1: "Count." -> "Guess."',
      );
    });

    it("S14 shows when another conversation comes before", async () => {
      const { a, b, c } = await thread();
      const cassette = toCassette(c, [a, b]);
      const other = { ...cassette, history: cassette.history.slice(1) };
      expect((await playCassette(other, { agent })).differences[0]).toMatch(/^step 1: message 1 is .* instead of .*One\?/);
    });

    it("S14 is refused where a run of the thread is missing, whole or in part, or goes on from itself", async () => {
      const { a, b, c } = await thread();
      const missing = (run: string): string =>
        `run c cannot be played back: it goes on from the run ${run}, whose journal is not here`;
      expect(() => toCassette(c)).toThrow(missing("b"));
      expect(() => toCassette(c, [b])).toThrow(missing("a"));
      expect(() => toCassette(c, [a, b.slice(0, -1)])).toThrow(missing("b"));
      const [first, ...rest] = b;
      if (first?.type !== "run.started") throw new Error("there is no start");
      const round = [{ ...first, request: { ...first.request, continues: { run: "b", seq: 1 } } }, ...rest];
      expect(() => toCassette(c, [round])).toThrow(missing("b"));
    });
  });

  it("shows a summary that is made once more, and a supervisor that is asked once more", async () => {
    const byName = (name: string): [Cassette, Agent] => {
      const [, cassette, agent] = playable.find(([file]) => file === `${name}.jsonl`) ?? [];
      if (cassette === undefined || agent === undefined) throw new Error(`${name} is not played back`);
      return [cassette, agent];
    };
    const [shortened, reader] = byName("compacted-by-ratio");
    const lost = { ...shortened, compactions: [] };
    expect((await playCassette(lost, { agent: reader })).differences[0]).toContain("shortened once more than it was");
    const [extended, worker] = byName("extended-by-its-supervisor");
    const { decisions } = extended;
    const silent = { ...extended, decisions: (decisions ?? []).map((one) => ({ ...one, action: "leave" as const })) };
    expect((await playCassette(silent, { agent: worker })).differences).not.toEqual([]);
  });

  it("is refused for what cannot be played back", async () => {
    const cancelled = journals.find(([name]) => name === "cancelled.jsonl")?.[1] ?? [];
    expect(() => toCassette(cancelled)).toThrow("cannot be played back: it was cancelled");
    expect(() => toCassette(cancelled.slice(0, 2))).toThrow("it has not ended yet");
  });
});
