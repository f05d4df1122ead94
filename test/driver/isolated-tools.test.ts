/** Runs whose tools compute for ever, end their thread or never come back, in threads of their own: a real store, real time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExecutor } from "../../src/create-executor.ts";
import type { LimitsInput } from "../../src/ports/limits.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Executor, ExecutorConfig } from "../../src/run/types.ts";
import { crashEverywhere } from "../../src/testing/crash-everywhere.ts";
import { type Script, scriptedModel } from "../../src/testing/scripted-model.ts";
import * as tools from "../support/isolated-tools.ts";
import { newFolder, openForTest } from "../support/sqlite-store.ts";
import { makeAgent, makeTool } from "../support/world.ts";

const { dying, hung, pay, settled } = tools;

interface Setup {
  readonly executor: Executor;
  readonly store: Store;
  readonly folder: string;
  readonly warnings: string[];
}

async function setUp(script: Script, config: Partial<ExecutorConfig> = {}): Promise<Setup> {
  const folder = await newFolder();
  const store = openForTest({ file: join(folder, "runs.db"), heartbeatMs: 50, leaseMs: 300 });
  const warnings: string[] = [];
  const observers = [{ warning: (_run: string, message: string) => void warnings.push(message) }];
  const executor = createExecutor({ models: scriptedModel(script), store, observers, ...config });
  onTestFinished(() => executor.shutdown());
  return { executor, store, folder, warnings };
}

const oneCall = (name: string, input: Record<string, string | boolean> = {}): Script => [
  { calls: [{ name, input }] },
  { text: "end" },
];

/** Room for a machine that has much else to do. */
const SLACK_MS = 500;

describe("the threads of an isolated tool", () => {
  const script: Script = ({ step }) => (step === 0 ? { calls: [{ name: "where", input: {} }] } : { text: "end" });

  /** The thread in which a run of that executor had its call. */
  async function threadOf(executor: Executor): Promise<unknown> {
    return (await executor.run(makeAgent([{ ...tools.where }]), "go")).steps[0]?.calls[0]?.output;
  }

  it("are ended when the last executor that used them shuts down, and not before", async () => {
    const [one, other, third] = [await setUp(script), await setUp(script), await setUp(script)];
    const first = await threadOf(one.executor);
    expect([await threadOf(one.executor), await threadOf(other.executor)]).toEqual([first, first]);
    await one.executor.shutdown();
    expect(await threadOf(other.executor)).toBe(first);
    await other.executor[Symbol.asyncDispose]();
    // Well before an idle thread is ended by itself.
    expect(await threadOf(third.executor)).not.toBe(first);
  });

  it("stay where an executor shuts down that never called it", async () => {
    const [one, other] = [await setUp(script), await setUp([{ text: "end" }])];
    const first = await threadOf(one.executor);
    await other.executor.run(makeAgent([{ ...tools.where }]), "go");
    await other.executor.shutdown();
    expect(await threadOf(one.executor)).toBe(first);
  });
});

describe("a run whose isolated tool", () => {
  it.each(Object.entries(hung))(
    "%s is left at its deadline and its grace time, while its process goes on",
    async (_how, tool) => {
      const script: Script = ({ run, step }) =>
        run === "r" && step === 0 ? { calls: [{ name: tool.name, input: {} }] } : { text: "end" };
      const { executor, folder, warnings, store } = await setUp(script);
      const other = createExecutor({
        models: scriptedModel(script),
        store: openForTest({ file: join(folder, "runs.db"), heartbeatMs: 50, leaseMs: 300 }),
        agents: [makeAgent([tool])],
      });
      onTestFinished(() => other.shutdown());
      const agent = makeAgent([{ ...tool, timeoutMs: 1_500 }], { graceMs: 300 });
      let isOver = false;
      const running = executor.run(agent, { input: "go", id: "r" }).finally(() => (isOver = true));
      let beside = 0;
      for (; !isOver; beside++) {
        // It lives for all to see: nobody else takes its run, though the lease is shorter than the call.
        expect(await other.recover()).toEqual({ resumed: [], skipped: [] });
        expect(await executor.run(makeAgent([]), "go")).toMatchObject({ status: "completed" });
        await pause(20);
      }
      const result = await running;
      expect(result).toMatchObject({ status: "completed", output: "end", steps: [{ calls: [{ outcome: "error" }] }, {}] });
      expect(result.steps[0]?.calls[0]?.output).toBe(`${tool.name} timed out after 1500 ms.`);
      expect(beside).toBeGreaterThan(5);
      const events = await store.journal.read("r");
      const tookMs = events.flatMap((event) => (event.type === "tool.ended" ? [event.durationMs ?? 0] : []))[0] ?? 0;
      // A thread that this machine has not even started by then is left at once.
      expect(tookMs).toBeGreaterThan(1_490);
      expect(tookMs).toBeLessThan(1_800 + SLACK_MS);
      expect(events.filter(({ type }) => type === "attempt.started")).toEqual([]);
      expect(warnings).toEqual([]);
    },
  );

  it.each(Object.values(dying).map((tool) => [tool.name, tool] as const))(
    "takes its thread with it (%s) is told so, and goes on; of a `once` call the outcome is unknown",
    async (name, tool) => {
      const { executor } = await setUp(oneCall(name));
      const known = await executor.run(makeAgent([tool]), "go");
      expect(known).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "error" }] }, {}] });
      expect(known.steps[0]?.calls[0]?.output).toContain(`${name} did not come to its end: its thread `);
      const again = await setUp(oneCall(name));
      const doubtful = await again.executor.run(makeAgent([{ ...tool, effect: "once" }]), "go");
      expect(doubtful).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "unknown" }] }, {}] });
    },
  );

  it("is stopped in the middle of a `once` call is told that nobody knows, and what reconcile found", async () => {
    const unknown = await setUp(({ step }) =>
      step === 0 ? { calls: [{ name: "pay", input: { file: `${unknown.folder}/e`, hangs: true } }] } : { text: "end" },
    );
    const limits: LimitsInput = { graceMs: 100, toolTimeoutMs: 1_500 };
    expect(await unknown.executor.run(makeAgent([pay], limits), "go")).toMatchObject({
      status: "completed",
      steps: [{ calls: [{ outcome: "unknown" }] }, {}],
    });
    const found = await setUp(({ step }) =>
      step === 0 ? { calls: [{ name: "settled", input: { file: `${found.folder}/e`, hangs: true } }] } : { text: "end" },
    );
    writeFileSync(join(found.folder, "e"), "");
    expect(await found.executor.run(makeAgent([settled], limits), "go")).toMatchObject({
      status: "completed",
      steps: [{ calls: [{ outcome: "ok", output: "found" }] }, {}],
    });
  });

  it("would come back too late is ended before that: nothing of it enters the journal", async () => {
    const { executor, store, folder, warnings } = await setUp(({ step }) =>
      step === 0 ? { calls: [{ name: "late", input: { file: join(folder, "marks") } }] } : { text: "end" },
    );
    const limits: LimitsInput = { graceMs: 50, toolTimeoutMs: 1_500 };
    const result = await executor.run(makeAgent([tools.late], limits), { input: "go", id: "r" });
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome: "error" }] }, {}] });
    const before = await store.journal.read("r");
    await pause(1_300);
    expect(readFileSync(join(folder, "marks"), "utf8")).toBe("begun\n");
    expect(await store.journal.read("r")).toEqual(before);
    expect(before.filter(({ type }) => type === "tool.ended")).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  it("computes for ever is killed at once, and keeps no process from shutting down", async () => {
    const { executor, folder } = await setUp(({ step }) =>
      step === 0 ? { calls: [{ name: "pay", input: { file: join(folder, "effects"), hangs: true } }] } : { text: "end" },
    );
    const agent = makeAgent([pay], { graceMs: 100 });
    const handle = await executor.start(agent, "go");
    while (!existsSync(join(folder, "effects"))) await pause(10);
    const killedAt = performance.now();
    await handle.kill("enough");
    expect(await handle.result).toMatchObject({ status: "killed", steps: [{ calls: [{ outcome: "unknown" }] }] });
    expect(performance.now() - killedAt).toBeLessThan(SLACK_MS);
    await executor.start(agent, { input: "go", id: "next" });
    while (readFileSync(join(folder, "effects"), "utf8").split("\n").length < 3) await pause(10);
    const shutAt = performance.now();
    await executor.shutdown({ graceMs: 100 });
    expect(performance.now() - shutAt).toBeLessThan(100 + SLACK_MS);
  });
});

describe("an isolated tool", () => {
  const run = async (tool: Tool, config: Partial<ExecutorConfig> = {}): Promise<Setup & { readonly output: unknown }> => {
    const made = await setUp(oneCall(tool.name), config);
    const result = await made.executor.run(makeAgent([tool]), { input: "go", id: "r" });
    expect(result.status).toBe("completed");
    return { ...made, output: result.steps[0]?.calls[0]?.output };
  };

  it("has its arguments checked before a thread sees them", async () => {
    const { executor } = await setUp([{ calls: [{ name: "add", input: { n: "one" } }] }, { text: "end" }]);
    expect(await executor.run(makeAgent([tools.add]), "go")).toMatchObject({ steps: [{ calls: [{ outcome: "invalid" }] }, {}] });
  });

  it("has its results recorded as those of any other: JSON only, large ones as files, without secrets", async () => {
    expect((await run(tools.map)).output).toContain("its result cannot be recorded as JSON: result is a Map");
    expect((await run(tools.big)).output).toContain("[cut here: the whole result has 600000 bytes");
    const { output, store } = await run(tools.secret, { secrets: [{ name: "DB_TOKEN", value: "tok-4f9a1c77e0" }] });
    expect(output).toBe("refused: postgres://app:[redacted DB_TOKEN]@db/main");
    expect(JSON.stringify(await store.journal.read("r"))).not.toContain("tok-4f9a1c77e0");
  });

  it("can attach to the conversation and leave files", async () => {
    const { executor, store } = await setUp(oneCall("reporter"));
    const result = await executor.run(makeAgent([tools.reporter]), { input: "go", id: "r" });
    expect(result).toMatchObject({ status: "completed", artifacts: [{ name: "report.txt", mediaType: "text/plain" }] });
    expect(JSON.stringify(await store.journal.read("r"))).toContain("look at this");
  });

  it("can ask, and go on with the answer in a thread", async () => {
    const { executor } = await setUp(oneCall("asker"));
    const agent = makeAgent([tools.asker]);
    const { waitingFor } = await executor.run(agent, { input: "go", id: "r" });
    if (waitingFor?.kind !== "question") throw new Error("it does not wait for an answer");
    await executor.send("r", { kind: "answer", question: waitingFor.waits[0]?.id ?? "", answer: "that" });
    const result = await executor.run(agent, { input: "go", id: "r" });
    expect(result.steps[0]?.calls[0]?.output).toBe('it is "that", in thread true');
  });

  it("survives a stop at each write of its run, once and twice", async () => {
    const folder = await newFolder();
    const file = join(folder, "effects");
    const script: Script = [{ calls: [{ name: "pay", input: { file } }] }, { calls: [{ name: "add" }] }, { text: "end" }];
    const agent = (): ReturnType<typeof makeAgent> => {
      writeFileSync(file, "");
      return makeAgent([pay, tools.add]);
    };
    const outside = (): readonly string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
    const report = await crashEverywhere(agent, script, { outside, pairs: true });
    expect(report.points).toBeGreaterThan(8);
    expect(report.unknown).toBeGreaterThan(0);
  });

  it("is what is missing when a plain one computes for ever: nothing else happens in that process", async () => {
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const wait = makeTool("wait", async () => {
      for (const until = performance.now() + 300; performance.now() < until;);
      return ticks;
    });
    const { executor } = await setUp(oneCall("wait"));
    const result = await executor.run(makeAgent([wait]), "go");
    clearInterval(ticking);
    expect(result.steps[0]?.calls[0]?.output).toBeLessThan(10);
  });
});

describe("kill -9 in the middle of an isolated `once` call", () => {
  it.each([
    ["pay", "unknown"],
    ["settled", "ok"],
  ])("of %s: its effect is not repeated, its outcome is %s", async (name, outcome) => {
    const folder = await newFolder();
    const effects = join(folder, "effects");
    appendFileSync(effects, "");
    const program = join(import.meta.dirname, "../support/isolated-process.ts");
    const child = spawn(process.execPath, ["--conditions=executus-source", "--no-warnings", program, folder, name], {
      stdio: "inherit",
    });
    const ended = once(child, "exit");
    while (readFileSync(effects, "utf8") === "") await pause(10);
    child.kill("SIGKILL");
    expect((await ended)[1]).toBe("SIGKILL");
    const executor = createExecutor({
      models: scriptedModel(oneCall(name, { file: effects, hangs: true })),
      store: openForTest({ file: join(folder, "runs.db") }),
      agents: [makeAgent([pay, settled])],
    });
    onTestFinished(() => executor.shutdown());
    const result = await (await executor.resume("r")).result;
    expect(result).toMatchObject({ status: "completed", steps: [{ calls: [{ outcome }] }, {}] });
    expect(readFileSync(effects, "utf8")).toBe("r:0.0\n");
  });
});
