/** Whole runs through real provider packages, over HTTP, into a real store: what comes out, what is recorded, what was sent. */
import type { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelOverrides } from "../../src/adapters/models/catalog.ts";
import { CACHED, END_TO_END_WIRES, GOOGLE, type EndToEndWire, pairedCalls } from "./end-to-end-wires.ts";
import {
  ADDITIONS,
  createWorld,
  eventsOfType,
  type ScriptedAnswer,
  SENT_ADDITIONS,
  startScriptedServer,
  type World,
} from "./end-to-end-world.ts";

const SUMS = ["1+2", "3+4", "5+6", "3+7", "10+11"];
const PRICES: ModelOverrides = {
  "openai/gpt-5-mini": { price: { input: 0.25, output: 2, cacheRead: 0.025, asOf: "2026-01-01" } },
  "anthropic/claude-sonnet-4-5": { price: { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, asOf: "2026-01-01" } },
  "google/gemini-3.5-flash": { price: { input: 1.5, output: 9, cacheRead: 0.15, asOf: "2026-01-01" } },
  "local/qwen3": { price: { input: 2, output: 8, asOf: "2026-01-01" } },
};

/**
 * By hand, in millionths of a dollar. Step 0 has 1,000 tokens of input, of which 400 are read from the cache and, with
 * Anthropic, 500 are written to it; the others have 1,200 and 1,300 fresh ones. Output: 50, 30, 7.
 */
const COSTS: Readonly<Record<string, readonly number[]>> = {
  // 600 x 0.25 + 400 x 0.025 + 50 x 2 = 260; 1200 x 0.25 + 30 x 2 = 360; 1300 x 0.25 + 7 x 2 = 339
  openai: [260, 360, 339],
  // 100 x 3 + 400 x 0.3 + 500 x 3.75 + 50 x 15 = 3045; 1200 x 3 + 30 x 15 = 4050; 1300 x 3 + 7 x 15 = 4005
  anthropic: [3045, 4050, 4005],
  // No price for cached tokens, so they cost what others do: 1000 x 2 + 50 x 8 = 2400; 2640; 2656
  "openai-compatible": [2400, 2640, 2656],
  // 600 x 1.5 + 400 x 0.15 + 50 x 9 = 1410; 1200 x 1.5 + 30 x 9 = 2070; 1300 x 1.5 + 7 x 9 = 2013
  google: [1410, 2070, 2013],
};

let upstream: LLMock;
beforeAll(async () => {
  upstream = await startScriptedServer(ADDITIONS);
});
afterAll(async () => {
  await upstream.stop();
});

/** Lets every answer pass and keeps its events. */
function listen({ server }: World, answers: number): readonly string[][] {
  const heard: string[][] = [];
  for (let i = 0; i < answers; i++) {
    const events: string[] = [];
    heard.push(events);
    server.fail({ type: "rewrite", change: (event) => (events.push(event), event) });
  }
  return heard;
}

describe.each([...END_TO_END_WIRES, GOOGLE])("a run over $name", (wire) => {
  const start = (prices?: ModelOverrides): Promise<World> =>
    createWorld({ upstream: upstream.url, wires: [wire], ...(prices === undefined ? {} : { prices }) });

  test("takes several steps with parallel calls to the right answer", async () => {
    await using world = await start();
    const result = await world.run();
    expect(result).toMatchObject({ status: "completed", output: "The sum is 21.", toolCalls: 5, toolErrors: 0 });
    expect(world.executed).toEqual(SUMS);
    expect(
      result.steps.map(({ text, calls }) => ({ text, calls: calls.map((call) => [call.call, call.outcome, call.output]) })),
    ).toEqual([
      {
        text: "Adding the numbers.",
        calls: [
          ["0.0", "ok", 3],
          ["0.1", "ok", 7],
          ["0.2", "ok", 11],
        ],
      },
      {
        text: "Adding the sums.",
        calls: [
          ["1.0", "ok", 10],
          ["1.1", "ok", 21],
        ],
      },
      { text: "The sum is 21.", calls: [] },
    ]);
  });

  test("sends every call back with its result, and what was sent before unchanged", async () => {
    await using world = await start();
    await world.run();
    const bodies = world.server.requests.map(({ body }) => body);
    expect(bodies.map((body) => pairedCalls(wire, body))).toEqual([[], SENT_ADDITIONS.slice(0, 3), SENT_ADDITIONS]);
    expectGrowing(wire, bodies);
  });

  test("counts tokens and dollars exactly, cached ones at their own price", async () => {
    await using world = await start(PRICES);
    world.server.fail({ type: "rewrite", change: (event) => wire.withCache(event) });
    const result = await world.run();
    const cacheWrite = wire.name === "anthropic" ? CACHED.written : 0;
    expect(result.usage).toEqual({
      inputTokens: 3500,
      cacheReadTokens: CACHED.read,
      cacheWriteTokens: cacheWrite,
      outputTokens: 87,
      reasoningTokens: 0,
      unknownCalls: 0,
    });
    const answers = eventsOfType(await world.journal(result.run), "model.answered");
    expect(answers.map(({ usage }) => [usage.inputTokens, usage.cacheReadTokens, usage.outputTokens])).toEqual([
      [1000, CACHED.read, 50],
      [1200, 0, 30],
      [1300, 0, 7],
    ]);
    const costs = COSTS[wire.name] ?? [];
    expect(answers.map(({ costUsd = NaN }) => Math.round(costUsd * 1e9) / 1e3)).toEqual(costs);
    expect(result.costUsd).toBeCloseTo(costs.reduce((total, cost) => total + cost, 0) / 1e6, 12);
    expect(await world.executor.status(result.run)).toMatchObject({ row: { costUsd: result.costUsd, tokens: 3587 } });
  });

  test("does not run the calls of an answer that was cut at its length, says so to the model and goes on", async () => {
    await using world = await start();
    world.server.fail({ type: "none" }, { type: "rewrite", change: (event) => wire.cutByLength(event) });
    const result = await world.run();
    expect(result).toMatchObject({ status: "completed", output: "The sum is 21.", toolErrors: 0 });
    expect(world.executed).toEqual(SUMS.slice(0, 3));
    expect(result.steps[1]?.calls.map(({ outcome }) => outcome)).toEqual(["cancelled", "cancelled"]);
    expect(eventsOfType(await world.journal(result.run), "model.answered")[1]).toMatchObject({ finish: "length" });
    const told = pairedCalls(wire, world.server.requests[2]?.body).slice(3);
    expect(told.map(({ id }) => id)).toEqual(["call_d", "call_e"]);
    for (const { result } of told) expect(result).toContain("the answer reached its length limit");
  });
});

describe.each(END_TO_END_WIRES)("what $name gave to recognise its own answer", (wire) => {
  test("is recorded and given back as it was", async () => {
    await using world = await createWorld({ upstream: upstream.url, wires: [wire] });
    const heard = listen(world, 3);
    const { run } = await world.run();
    const ids = heard.map((events) => /"id":"((?:resp-|msg_|chatcmpl-)[^"]+)"/.exec(events[0] ?? "")?.[1]);
    expect(ids.every((id) => id !== undefined)).toBe(true);
    const answers = eventsOfType(await world.journal(run), "model.answered");
    expect(answers.map(({ response }) => response?.id)).toEqual(ids);
    const given = tokensOf(wire, heard.slice(0, 2));
    expect(given.length).toBeGreaterThan(1);
    const sent = JSON.stringify(world.server.requests[2]?.body);
    const recorded = JSON.stringify(answers);
    expect(given.filter((token) => !sent.includes(token) || !recorded.includes(token))).toEqual([]);
  });
});

describe("the thought signatures of google", () => {
  test("are recorded and given back as they were, each with its call", async () => {
    await using world = await createWorld({ upstream: upstream.url, wires: [GOOGLE] });
    const signed: string[] = [];
    const sign = (): string => {
      signed.push(Buffer.from(`thought ${signed.length}`).toString("base64"));
      return `{"thoughtSignature":"${signed.at(-1)}","functionCall":`;
    };
    const change = (event: string): string => event.replaceAll('{"functionCall":', sign);
    world.server.fail({ type: "rewrite", change }, { type: "rewrite", change });
    expect(await world.run()).toMatchObject({ status: "completed", output: "The sum is 21." });
    const body = world.server.requests[2]?.body;
    expect(pairedCalls(GOOGLE, body)).toEqual(SENT_ADDITIONS);
    expect([...JSON.stringify(body).matchAll(/"thoughtSignature":"([^"]+)"/g)].map(([, signature]) => signature)).toEqual(signed);
    expect(signed).toHaveLength(5);
  });
});

const REPEATED_IDS: readonly ScriptedAnswer[] = [
  {
    text: "Twice.",
    calls: [
      { id: "call_same", input: { a: 1, b: 1 } },
      { id: "call_same", input: { a: 2, b: 2 } },
    ],
    usage: { input_tokens: 10, output_tokens: 5 },
  },
  { text: "Again.", calls: [{ id: "call_same", input: { a: 3, b: 3 } }], usage: { input_tokens: 10, output_tokens: 5 } },
  { text: "Done.", usage: { input_tokens: 10, output_tokens: 5 } },
];

describe.each(END_TO_END_WIRES)("call ids that $name gives twice", (wire) => {
  test("in one answer and in another: every call runs once, with its own arguments and an id of its own", async () => {
    await using repeating = await startRepeating();
    await using world = await createWorld({ upstream: repeating.url, wires: [wire] });
    const result = await world.run();
    expect(result).toMatchObject({ status: "completed", output: "Done.", toolCalls: 3 });
    expect(world.executed).toEqual(["1+1", "2+2", "3+3"]);
    const sent = pairedCalls(wire, world.server.requests[2]?.body);
    expect(sent.map(({ input, result }) => [input, result])).toEqual([
      [{ a: 1, b: 1 }, "2"],
      [{ a: 2, b: 2 }, "4"],
      [{ a: 3, b: 3 }, "6"],
    ]);
  });
});

describe("the cost of a run", () => {
  const [wire] = END_TO_END_WIRES.filter(({ name }) => name === "openai-compatible");
  if (wire === undefined) throw new Error("there is no wire without a price");

  test("is unknown for a model without a price", async () => {
    await using world = await createWorld({ upstream: upstream.url, wires: [wire] });
    const result = await world.run();
    expect(result).toMatchObject({ status: "completed", costUsd: "unknown", usage: { inputTokens: 3500, outputTokens: 87 } });
    for (const answer of eventsOfType(await world.journal(result.run), "model.answered"))
      expect(answer).not.toHaveProperty("costUsd");
  });

  test("cannot be limited for a model without a price: the run is refused before anything happens", async () => {
    await using world = await createWorld({ upstream: upstream.url, wires: [wire] });
    const result = await world.run({ costUsd: 0.5 });
    expect(result).toMatchObject({ status: "failed", seq: -1, error: { code: "limit_unpriced" } });
    expect(result.error?.message).toBe(
      "this run has a cost limit of $0.5, but there is no known price for local/qwen3. " +
        "Give its price in models.json (models.<id>.price), choose a priced model, or limit tokens instead of cost.",
    );
    expect(world.server.requests).toEqual([]);
    expect(await world.executor.status(result.run)).toBeUndefined();
  });

  test("is held to its limit for a model with a price", async () => {
    await using world = await createWorld({ upstream: upstream.url, wires: [wire], prices: PRICES });
    // Step 0 costs $0.0024: there is room for one more call of that size, the wrap-up, but not for two.
    const result = await world.run({ costUsd: 0.0055 });
    expect(result).toMatchObject({ status: "over_budget", error: { code: "limit_usd" } });
    expect(world.executed).toEqual(SUMS.slice(0, 3));
    expect(world.server.requests.map(({ body }) => (body as { tool_choice?: unknown }).tool_choice)).toEqual(["auto", "none"]);
  });
});

async function startRepeating(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = await startScriptedServer(REPEATED_IDS);
  return { url: server.url, [Symbol.asyncDispose]: () => server.stop() };
}

/** Each conversation begins with the whole of the one before, to the letter: providers cache by prefix. */
function expectGrowing(wire: EndToEndWire, bodies: readonly unknown[]): void {
  const conversations = bodies.map((body) => wire.conversationOf(body));
  for (const [index, conversation] of conversations.slice(1).entries()) {
    const before = conversations[index] ?? [];
    expect(conversation.slice(0, before.length)).toEqual(before);
    expect(conversation.length).toBeGreaterThan(before.length);
  }
}

function tokensOf(wire: EndToEndWire, heard: readonly (readonly string[])[]): readonly string[] {
  return heard.flat().flatMap((event) => wire.tokensOfAnswer.exec(event)?.[1] ?? []);
}
