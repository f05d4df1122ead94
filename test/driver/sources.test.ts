import { describe, expect, it } from "vitest";
import { defineTool } from "../../src/adapters/tools/define-tool.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { OpenedSource, RunEnding, SourceIdentity, ToolSource } from "../../src/ports/tool-source.ts";
import type { Agent, RunResult } from "../../src/run/types.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "../support/world.ts";

const say = (name: string, more: Partial<Tool> = {}): Tool => makeTool(name, async () => `${name} said`, more);

function source(name: string, opened: Partial<OpenedSource> = {}, more: Partial<ToolSource> = {}): ToolSource {
  return { name, open: async () => ({ tools: [say(`${name}__say`)], ...opened }), ...more };
}

const types = async (world: World, run = "r"): Promise<readonly string[]> =>
  (await world.store.journal.read(run)).map(({ type }) => type).filter((type) => !type.startsWith("model."));

const peerOf = (world: World): Pick<WorldOptions, "from"> => ({ from: { ...world, store: world.store.peer("memory/2") } });

describe("a tool source", () => {
  it("S16 gives a run its tools before the first model call, and is closed before the end", async () => {
    const log: string[] = [];
    const box = source(
      "box",
      { cleanup: { folder: "x" }, close: async () => void log.push("close") },
      { cleanup: async (left) => void log.push(`cleanup ${left.key} ${JSON.stringify(left.left)}`) },
    );
    const world = createWorld([{ calls: [{ name: "box__say" }] }, { text: "done" }]);
    const agent = { ...makeAgent([say("own")]), sources: [box] };
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "ok", output: "box__say said" }] }, {}] });
    expect(world.models.calls[0]?.tools.map(({ name }) => name)).toEqual(["own", "box__say"]);
    expect(log).toEqual(["close", 'cleanup r.box [{"folder":"x"}]']);
    const expected = [
      "run.started",
      "source.opened",
      "tool.started",
      "tool.ended",
      "run.settling",
      "source.closed",
      "run.finished",
    ];
    expect(await types(world)).toEqual(expected);
  });

  it("S16 is named by agent, request or executor, with arguments from JSON", async () => {
    const seen: unknown[] = [];
    const noting = (name: string, more: Partial<ToolSource> = {}): ToolSource => ({
      name,
      open: async ({ source, arguments: given }) => (seen.push([source, given]), { tools: [] }),
      ...more,
    });
    const sources = [noting("a"), noting("b"), noting("every", { everyRun: true }), noting("unused")];
    const world = createWorld([{ text: "ok" }], { sources });
    const agent = { ...makeAgent([]), sources: ["a"] };
    await world.clock.until(
      world.executor.run(agent, { input: "go", sources: [{ source: "b", arguments: { branch: "main" } }] }),
    );
    expect(seen).toEqual([
      ["a", undefined],
      ["b", { branch: "main" }],
      ["every", undefined],
    ]);
  });

  it("S16 offers only the tools that are chosen by name or pattern", async () => {
    const three = source("s", { tools: [say("s__read"), say("s__read_all"), say("s__write")] });
    const world = createWorld(() => ({ text: "ok" }), { sources: [three] });
    await world.clock.until(world.executor.run({ ...makeAgent([]), tools: ["s__read*"] }, "go"));
    expect(world.models.calls[0]?.tools.map(({ name }) => name)).toEqual(["s__read", "s__read_all"]);
    const chosen = { ...makeAgent([]), sources: [{ source: "s", tools: ["*write"] }] };
    await world.clock.until(world.executor.run(chosen, "go"));
    expect(world.models.calls[1]?.tools.map(({ name }) => name)).toEqual(["s__write"]);
  });

  it("S27 gives a phase that lists tools those of its sources that it lists, and any other phase all of them", async () => {
    const three = source("s", { tools: [say("s__read"), say("s__write")] });
    const world = createWorld(() => ({ text: "ok" }));
    const phases = [
      { name: "look", instructions: "Look.", tools: ["s__read"] },
      { name: "do", instructions: "Do." },
      { name: "rest", instructions: "Rest.", tools: [say("own")] },
    ];
    const agent = { ...makeAgent([]), sources: [three], phases };
    await world.clock.until(world.executor.run(agent, "go"));
    expect(world.models.calls.map(({ tools }) => tools.map(({ name }) => name))).toEqual([
      ["s__read"],
      ["s__read", "s__write"],
      ["own"],
    ]);
  });

  it("is refused at the door when nobody knows its name, or when it is there twice", async () => {
    const world = createWorld([{ text: "ok" }], { sources: [source("workspace")] });
    const unknown = await world.executor.run({ ...makeAgent([]), sources: ["workspce"] }, "go");
    expect(unknown.error).toMatchObject({ code: "source_unknown" });
    expect(unknown.error?.message).toContain("Did you mean workspace?");
    const twice = await world.executor.run({ ...makeAgent([]), sources: ["workspace"] }, { input: "go", sources: ["workspace"] });
    expect(twice.error).toMatchObject({ code: "source_invalid" });
  });

  it("S16 that cannot be opened fails the run by name; an optional one is left out", async () => {
    const broken = source("broken", {}, { open: () => Promise.reject(new Error("no docker here")) });
    const warnings: string[] = [];
    const world = createWorld([{ text: "without" }], { observers: [{ warning: (_run, text) => void warnings.push(text) }] });
    const failed = await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [broken] }, { input: "go", id: "r" }));
    expect(failed).toMatchObject({
      status: "failed",
      error: { code: "source_failed", message: "the tool source broken could not be opened: no docker here" },
    });
    expect(world.models.calls).toHaveLength(0);
    const agent = { ...makeAgent([]), sources: [{ ...broken, optional: true }, source("fine")] };
    const result = await world.clock.until(world.executor.run(agent, { input: "go", id: "r2" }));
    expect(result).toMatchObject({ status: "completed", output: "without" });
    expect(world.models.calls[0]?.tools.map(({ name }) => name)).toEqual(["fine__say"]);
    expect(warnings).toContain("the tool source broken could not be opened: no docker here");
  });

  it("S16 that brings a tool with a broken JSON Schema fails before the model is called", async () => {
    const input = { type: "object", properties: { id: { type: "string", pattern: "[" } } };
    const find = defineTool({ name: "box__find", description: "f", input, execute: () => "found" });
    // Loads both drafts of the validator: while a module is being loaded, nothing seems to happen, and a fake clock moves on.
    await expect(find.lateSchema?.read()).rejects.toMatchObject({ code: "tool_invalid" });
    const world = createWorld([{ text: "ok" }]);
    const agent = { ...makeAgent([]), sources: [source("box", { tools: [say("box__say"), find] })] };
    const result = await world.clock.until(world.executor.run(agent, "go"));
    expect(result.error).toMatchObject({
      code: "source_failed",
      message: expect.stringContaining("box could not be opened: Tool box__find: its input is not a valid JSON Schema") as string,
    });
    expect(world.models.calls).toHaveLength(0);
  });

  it("S16 that brings a name twice fails: the agent's, or another source's", async () => {
    const same = (name: string): ToolSource => source(name, { tools: [say("same")] });
    const world = createWorld([{ text: "ok" }]);
    const own = await world.clock.until(world.executor.run({ ...makeAgent([say("same")]), sources: [same("a")] }, "go"));
    expect(own.error?.message).toContain("the tool source a could not be opened: it brings a tool named same");
    const both = await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [same("a"), same("b")] }, "go"));
    expect(both).toMatchObject({ status: "failed", error: { code: "source_failed" } });
  });

  it("S16 that hangs is left behind when the time is up, and closed when it comes back late", async () => {
    let come = (_opened: OpenedSource): void => {};
    let isClosed = false;
    const slow = source("slow", {}, { open: () => new Promise((resolve) => (come = resolve)) });
    const world = createWorld((call) => ({ text: `tools: ${call.toolChoice}` }));
    const handle = await world.executor.start({ ...makeAgent([], { timeMs: 6_000 }), sources: [slow] }, { input: "go", id: "r" });
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "timed_out" });
    come({ tools: [], close: async () => void (isClosed = true) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(true);
  });
});

describe("the end of a run", () => {
  it("S30 afterRun gets the whole transcript, also what was compacted, and its artifacts are on the result", async () => {
    let told: RunEnding | undefined;
    const scribe = source("scribe", {
      afterRun: async (ending) => {
        told = ending;
        return {
          artifacts: [
            { name: "log.md", mediaType: "text/markdown", content: `# ${ending.output}` },
            { name: "raw", content: new Uint8Array([1, 2]) },
          ],
        };
      },
    });
    const compact = makeTool("compact", async (_input, context) => {
      await world.executor.send(context.run, { kind: "compact" });
      return "compacted";
    });
    const world = createWorld([{ calls: [{ name: "compact" }] }, { text: "end" }], {
      compactor: { compact: async () => ({ summary: "short", keep: 0 }) },
    });
    const result = await world.clock.until(
      world.executor.run({ ...makeAgent([compact]), sources: [scribe] }, { input: "go", id: "r" }),
    );
    expect(told).toMatchObject({ status: "completed", output: "end", steps: [{}, {}] });
    expect(told?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(result.artifacts).toMatchObject([
      { name: "log.md", mediaType: "text/markdown", data: { bytes: 5 } },
      { name: "raw", mediaType: "application/octet-stream", data: { bytes: 2 } },
    ]);
    const bytes = await world.blobs.get(result.artifacts[0]?.data.hash ?? "");
    expect(new TextDecoder().decode(bytes)).toBe("# end");
    const journal = await types(world);
    expect(journal.slice(-6)).toEqual([
      "run.settling",
      "artifact.added",
      "artifact.added",
      "source.settled",
      "source.closed",
      "run.finished",
    ]);
  });

  it("S30 a failing afterRun is reported and changes nothing", async () => {
    const bad = source("bad", { afterRun: () => Promise.reject(new Error("disk full")) });
    const warnings: string[] = [];
    const world = createWorld([{ text: "fine" }], { observers: [{ warning: (_run, text) => void warnings.push(text) }] });
    const result = await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [bad] }, { input: "go", id: "r" }));
    expect(result).toMatchObject({ status: "completed", output: "fine", artifacts: [] });
    expect(result.error).toBeUndefined();
    expect(warnings).toEqual(["the tool source bad failed after the run: disk full"]);
    const settled = (await world.store.journal.read("r")).find(({ type }) => type === "source.settled");
    expect(settled).toMatchObject({ source: "bad", error: "disk full" });
  });

  it("S35 afterRun is not aborted by who cancelled the run, and is given up after its own time", async () => {
    let aborted: unknown;
    const slow = source("slow", {
      afterRun: async ({ signal, status }) => {
        expect([status, signal.aborted]).toEqual(["cancelled", false]);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        aborted = signal.reason;
        await new Promise(() => {});
      },
    });
    const world = createWorld([{ hang: true }]);
    const started = world.clock.now();
    const agent = { ...makeAgent([], { settleMs: 5_000, graceMs: 1_000 }), sources: [slow] };
    const handle = await world.executor.start(agent, { input: "go", id: "r" });
    await new Promise((resolve) => setImmediate(resolve));
    await handle.cancel("enough");
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "cancelled" });
    expect(String(aborted)).toContain("timed out after 5000 ms");
    expect(world.clock.now() - started).toBe(6_000);
    expect((await types(world)).slice(-3)).toEqual(["source.settled", "source.closed", "run.finished"]);
  });

  it("S30 afterRun is called only when all required sources had been opened; cleanup is called for each", async () => {
    const log: string[] = [];
    const one = source(
      "one",
      { afterRun: async () => void log.push("after one") },
      { cleanup: async ({ key }) => void log.push(key) },
    );
    const two = source(
      "two",
      {},
      { open: () => Promise.reject(new Error("no")), cleanup: async ({ key }) => void log.push(key) },
    );
    const world = createWorld([{ text: "never" }]);
    await world.clock.until(world.executor.run({ ...makeAgent([]), sources: [one, two] }, { input: "go", id: "r" }));
    expect(log.toSorted()).toEqual(["r.one", "r.two"]);
  });

  it.each([
    ["kill", "killed"],
    ["cancel", "cancelled"],
  ] as const)("S16 cleanup runs when the run is stopped by a %s", async (kind, status) => {
    const cleaned: SourceIdentity[] = [];
    const box = source("box", { cleanup: 7 }, { cleanup: async (left) => void cleaned.push(left) });
    const world = createWorld([{ hang: true }]);
    const handle = await world.executor.start({ ...makeAgent([]), sources: [box] }, { input: "go", id: "r" });
    await new Promise((resolve) => setImmediate(resolve));
    await world.executor.send("r", { kind });
    expect(await world.clock.until(handle.result)).toMatchObject({ status });
    expect(cleaned).toMatchObject([{ key: "r.box", left: [7] }]);
  });

  it("S16 a cleanup that hangs or throws is reported with what may have stayed, and the run still ends", async () => {
    const hangs = source("hangs", {}, { cleanup: () => new Promise(() => {}) });
    const throws = source("throws", {}, { cleanup: () => Promise.reject(new Error("still mounted")) });
    const world = createWorld([{ text: "ok" }]);
    const result = await world.clock.until(
      world.executor.run({ ...makeAgent([]), sources: [hangs, throws] }, { input: "go", id: "r" }),
    );
    expect(result).toMatchObject({ status: "completed" });
    const closed = (await world.store.journal.read("r")).filter(({ type }) => type === "source.closed");
    expect(closed).toMatchObject([
      { source: "throws", error: "still mounted" },
      { source: "hangs", error: "timed out after 30000 ms" },
    ]);
  });

  it("costs a run without sources nothing: settled and finished in one commit", async () => {
    const world = createWorld([{ text: "ok" }]);
    let commits = 0;
    world.store.journal.watch("r", (_run, what) => void (commits += what === "journal" ? 1 : 0));
    await world.clock.until(world.executor.run(makeAgent([]), { input: "go", id: "r" }));
    expect(commits).toBe(2);
  });
});

describe("another process", () => {
  it("S16 opens the sources again before it goes on, with what was left, and cleans up at the end", async () => {
    const log: string[] = [];
    const box = (process: number): ToolSource => ({
      name: "box",
      open: async ({ key, left, attempt }) => {
        log.push(`${process} open ${key} ${JSON.stringify(left)} ${attempt}`);
        return { tools: [say("box__say", { effect: "read" })], cleanup: { folder: `f${process}` } };
      },
      cleanup: async ({ left }) => void log.push(`${process} cleanup ${JSON.stringify(left)}`),
    });
    const ask = { calls: [{ name: "box__say" }] };
    const script = [ask, { text: "end" }];
    let died = (): void => {};
    const inModel = new Promise<void>((resolve) => (died = resolve));
    const first = createWorld((call) => (call.step === 0 ? ask : (died(), { hang: true })));
    await first.executor.start({ ...makeAgent([]), sources: [box(1)] }, { input: "go", id: "r" });
    await inModel;
    first.store.die();
    const next = createWorld(script, { agents: [{ ...makeAgent([]), sources: [box(2)] }], ...peerOf(first) });
    const result = await next.clock.until((await next.executor.resume("r")).result);
    expect(result).toMatchObject({ status: "completed", output: "end" });
    expect(log).toEqual(["1 open r.box [] 1", '2 open r.box [{"folder":"f1"}] 2', '2 cleanup [{"folder":"f1"},{"folder":"f2"}]']);
    const opened = (await next.store.journal.read("r")).filter(({ type }) => type === "source.opened");
    expect(opened.map((event) => "tools" in event)).toEqual([true, false]);
  });

  it("waits, naming the source, when it has no code for it or cannot open it now; and goes on when it can", async () => {
    const first = createWorld(() => ({ hang: true }));
    const agent = { ...makeAgent([]), sources: [source("box")] };
    await first.executor.start(agent, { input: "go", id: "r" });
    await new Promise((resolve) => setImmediate(resolve));
    await first.executor.shutdown();
    const without = createWorld([], { from: first });
    expect(await without.clock.until((await without.executor.resume("r")).result)).toMatchObject({
      status: "waiting",
      waitingFor: {
        kind: "tools_missing",
        names: ["the tool source box could not be opened: nothing of that name is registered in this process"],
      },
    });
    const down = source("box", {}, { open: () => Promise.reject(new Error("starting up")) });
    const broken = createWorld([], { from: first, sources: [down] });
    expect(await broken.clock.until((await broken.executor.resume("r")).result)).toMatchObject({
      status: "waiting",
      waitingFor: { names: ["the tool source box could not be opened: starting up"] },
    });
    const healthy = createWorld([{ text: "on" }], { from: first, sources: [source("box")] });
    expect(await healthy.clock.until((await healthy.executor.resume("r")).result)).toMatchObject({ status: "completed" });
  });

  it("S30 does not repeat an afterRun or a cleanup that is journaled", async () => {
    const log: string[] = [];
    const box = (process: number, hang: boolean): ToolSource =>
      source(
        "box",
        { afterRun: async () => void log.push(`${process} after`) },
        { cleanup: () => (log.push(`${process} cleanup`), hang ? new Promise<void>(() => {}) : Promise.resolve()) },
      );
    const first = createWorld([{ text: "end" }]);
    const handle = await first.executor.start({ ...makeAgent([]), sources: [box(1, true)] }, { input: "go", id: "r" });
    while (!log.includes("1 cleanup")) await new Promise((resolve) => setImmediate(resolve));
    first.store.die();
    void handle;
    const next = createWorld([], { sources: [box(2, false)], ...peerOf(first) });
    expect(await next.clock.until((await next.executor.resume("r")).result)).toMatchObject({
      status: "completed",
      output: "end",
    });
    expect(log).toEqual(["1 after", "1 cleanup", "2 cleanup"]);
    expect(await first.executor.send("r", { kind: "kill" })).toBe("run_finished");
  });

  /** The process dies again and again; resolves to what the run came to. */
  async function crashing(agent: Agent, times: number): Promise<RunResult> {
    let world = createWorld([{ hang: true }], { agents: [agent] });
    await world.executor.start(agent, { input: "go", id: "r" });
    for (let crash = 0; crash < times; crash++) {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      const died = world;
      died.store.die();
      world = createWorld([{ hang: true }], {
        agents: [agent],
        from: { ...died, store: died.store.peer(`memory/${crash + 2}`) },
      });
      const handle = await world.executor.resume("r");
      if (crash === times - 1) return world.clock.until(handle.result);
    }
    return world.executor.result("r");
  }

  it("S16 cleans up for a poisoned run", async () => {
    const cleaned: string[] = [];
    const box = source("box", {}, { cleanup: async ({ key }) => void cleaned.push(key) });
    const result = await crashing({ ...makeAgent([], { recoveries: 2 }), sources: [box] }, 2);
    expect(result).toMatchObject({ status: "poisoned" });
    expect(cleaned).toEqual(["r.box"]);
  });

  it("S16 gives up an afterRun and a cleanup that kill every process", async () => {
    const log: string[] = [];
    const deadly = (what: string) => () => (log.push(what), new Promise<never>(() => {}));
    const box = source("box", { afterRun: deadly("after") }, { cleanup: deadly("cleanup") });
    const agent = { ...makeAgent([], { recoveries: 2, settleMs: 1e9 }), sources: [box] };
    const result = await crashing(agent, 6);
    expect(result).toMatchObject({ status: "poisoned" });
    expect(log).toEqual(["after", "after", "cleanup", "cleanup"]);
  });
});
