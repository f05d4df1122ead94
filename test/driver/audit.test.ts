/** What a run says of itself: on its result, to a tool that asks, to observers. */
import { describe, expect, it } from "vitest";
import { createConsoleObserver } from "../../src/adapters/observers/console.ts";
import { createJsonLinesObserver } from "../../src/adapters/observers/json-lines.ts";
import { createTools } from "../../src/adapters/tools/registry.ts";
import { statusTool } from "../../src/adapters/tools/status-tool.ts";
import type { Observer } from "../../src/ports/observer.ts";
import { createWorld, makeAgent, makeTool } from "../support/world.ts";

const fine = makeTool("fine", async () => "ok");
const broken = makeTool("broken", async () => {
  throw new Error("no");
});
const script = [
  { calls: [{ name: "fine" }, { name: "broken" }], usage: { inputTokens: 100, outputTokens: 20, reasoningTokens: 15 } },
  { text: "done", usage: { inputTokens: 200, outputTokens: 30, reasoningTokens: 5 } },
];

it("S09 the result rolls up status, output, error, calls, time and tokens, and the journal has every step and call", async () => {
  const world = createWorld(script);
  const result = await world.clock.until(world.executor.run(makeAgent([fine, broken]), { input: "go", id: "r" }));
  expect(result).toMatchObject({
    status: "completed",
    output: "done",
    toolCalls: 2,
    toolErrors: 1,
    usage: { inputTokens: 300, outputTokens: 50, reasoningTokens: 20 },
    costUsd: expect.closeTo(0.0004, 9) as number,
    activeMs: expect.any(Number) as number,
    artifacts: [],
  });
  expect(result.steps.map(({ calls }) => calls.map(({ name, outcome }) => [name, outcome]))).toEqual([
    [
      ["fine", "ok"],
      ["broken", "error"],
    ],
    [],
  ]);
  const types = (await world.store.journal.read("r")).map(({ type }) => type);
  expect(types.filter((type) => type === "tool.ended")).toHaveLength(2);
  expect(types.at(-1)).toBe("run.finished");
});

it("S09 the roll-up of a cancelled run is closed too", async () => {
  const world = createWorld(() => ({ hang: true }));
  const handle = await world.executor.start(makeAgent([]), { input: "go", id: "r" });
  await handle.cancel("enough");
  const result = await world.clock.until(handle.result);
  expect(result).toMatchObject({ status: "cancelled", error: { message: "enough" }, usage: { unknownCalls: 1 } });
});

it("S10 a tool registered by name tells where the run stands and what is left", async () => {
  const asking = [{ calls: [{ name: "run_status" }] }, { text: "ok" }];
  const world = createWorld(asking, { tools: createTools([statusTool()]) });
  const agent = { ...makeAgent([], { maxSteps: 5, tokens: 1_000, costUsd: 1 }), tools: ["run_status"] };
  const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
  expect(result.steps[0]?.calls[0]?.output).toMatchObject({
    run: "r",
    agent: "tester",
    step: 1,
    used: { tokens: 15, toolCalls: 1, toolErrors: 0, costUsd: 0.00002 },
    limits: { steps: 5, seconds: 60, tokens: 1_000, costUsd: 1 },
    left: { steps: 4, seconds: 60, tokens: 985, costUsd: 0.99998 },
  });
});

describe("an observer", () => {
  it("gets every committed event as a line of JSON, and what is streamed if it wants that", async () => {
    const lines: string[] = [];
    const observer = createJsonLinesObserver((line) => lines.push(line), { deltas: true });
    const world = createWorld(script, { observers: [observer] });
    await world.clock.until(world.executor.run(makeAgent([fine, broken]), { input: "go", id: "r" }));
    const written = lines.map(
      (line) => JSON.parse(line) as { readonly run: string; readonly type: string; readonly seq?: number },
    );
    expect(written.every(({ run }) => run === "r")).toBe(true);
    const committed = written.filter(({ seq }) => seq !== undefined);
    expect(committed).toEqual((await world.store.journal.read("r")).map((event) => ({ run: "r", ...event })));
    expect(written.some(({ type }) => type === "text.delta")).toBe(true);
    expect(lines.every((line) => line.endsWith("\n"))).toBe(true);
  });

  it("can be short, for people", async () => {
    const lines: string[] = [];
    const world = createWorld(script, { observers: [createConsoleObserver({ write: (line) => lines.push(line) })] });
    await world.clock.until(world.executor.run(makeAgent([fine, broken]), { input: "go", id: "r" }));
    const shown = lines.map((line) => line.replace(/^\S+ r /, "").trim());
    expect(shown[0]).toBe("started tester");
    expect(shown).toEqual(expect.arrayContaining(["step 1 answered by script/model in 0 ms", "call 0.0 ok", "call 0.1 error"]));
    expect(shown.at(-1)).toBe("completed");
  });

  it("that throws, at once or later, fails no run and is reported once to the others", async () => {
    const warnings: string[] = [];
    const throwing: Observer = {
      events: () => {
        throw new Error("disk full");
      },
    };
    const rejecting = { events: () => Promise.reject(new Error("socket gone")) } as unknown as Observer;
    const watching: Observer = { warning: (_run, message) => void warnings.push(message) };
    const world = createWorld(script, { observers: [throwing, rejecting, watching] });
    const result = await world.clock.until(world.executor.run(makeAgent([fine, broken]), { input: "go" }));
    expect(result.status).toBe("completed");
    expect(warnings).toEqual([
      "an observer failed, which changes nothing for the run: disk full",
      "an observer failed, which changes nothing for the run: socket gone",
    ]);
  });

  it("that is alone is reported to the process", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const alone: Observer = {
      events: () => {
        throw new Error("alone (meant by the test)");
      },
    };
    const world = createWorld([{ text: "ok" }], { observers: [alone] });
    expect((await world.clock.until(world.executor.run(makeAgent([]), "go"))).status).toBe("completed");
    expect(await warned).toMatchObject({ name: "ExecutusWarning", message: expect.stringContaining("alone") as string });
  });
});
