/** Follow-ups: a finished run's conversation goes on in a new run, by reference. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/adapters/store/sqlite.ts";
import { exportRuns, importRuns } from "../../src/adapters/store/sqlite-maintenance.ts";
import type { Agent } from "../../src/ports/definition.ts";
import type { Compactor } from "../../src/ports/compactor.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { RunRequest, RunResult } from "../../src/run/types.ts";
import { createWorld, makeTool, type World } from "../support/world.ts";

const agent: Agent = { name: "talker", instructions: "Talk.", tools: [makeTool("look", async () => "seen")] };
const ask = (world: World, request: RunRequest, who: Agent = agent): Promise<RunResult> =>
  world.clock.until(world.executor.run(who, request));
const said = (call: ModelCall | undefined): readonly string[] =>
  (call?.messages ?? []).flatMap(({ content }) => content.map((part) => (part.type === "text" ? part.text : part.type)));

describe("a follow-up", () => {
  it("has the whole conversation before it, and its journal only names where that is", async () => {
    const world = createWorld((call) =>
      call.run === "a" && call.step === 0 ? { calls: [{ name: "look" }] } : { text: `answer of ${call.run}` },
    );
    await ask(world, { input: "One?", id: "a" });
    await ask(world, { input: "Two?", id: "b", continues: "a" });
    await ask(world, { input: "Three?", id: "c", continues: "b" });
    expect(said(world.models.calls.at(-1))).toEqual("One?|tool-call|tool-result|answer of a|Two?|answer of b|Three?".split("|"));
    const events = await world.store.journal.read("c");
    expect(events[0]).toMatchObject({ request: { continues: { run: "b", seq: 4 } } });
    expect(JSON.stringify(events)).not.toContain("answer of a");
    const result = await world.executor.result("c");
    expect(result).toMatchObject({ output: "answer of c", steps: [{ step: 0, text: "answer of c" }] });
  });

  it("of a thread of 300 runs is made in linear time, without recursion", async () => {
    const world = createWorld(() => ({ text: "ok" }));
    let last: string | undefined;
    for (let i = 0; i < 300; i++) {
      await ask(world, { input: String(i), id: `r${i}`, ...(last === undefined ? {} : { continues: last }) });
      last = `r${i}`;
    }
    expect(world.models.calls.at(-1)?.messages).toHaveLength(599);
  });

  it("sees what is left of a conversation that was shortened", async () => {
    const compactor: Compactor = { compact: async () => ({ summary: "We looked.", keep: 2 }) };
    const world = createWorld(
      (call) =>
        call.run === "a" && call.step < 2 ? { calls: [{ name: "look", input: call.step }] } : { text: `answer of ${call.run}` },
      { compactor },
    );
    await world.clock.until(
      (async () => {
        const handle = await world.executor.start(agent, { input: "One?", id: "a" });
        await world.executor.send("a", { kind: "compact", afterStep: 2 });
        return handle.result;
      })(),
    );
    await ask(world, { input: "Two?", id: "b", continues: "a" });
    const [first, ...rest] = said(world.models.calls.at(-1));
    expect(first).toBe("One?");
    expect(rest).toContain("We looked.");
    expect(rest.slice(-2)).toEqual(["answer of a", "Two?"]);
  });

  it("to a run with phases goes on from its last one; with phases, each begins with the thread", async () => {
    const staged: Agent = {
      ...agent,
      phases: [
        { name: "Find", instructions: "f" },
        { name: "Tell", instructions: "t", input: "Tell {{Find}}" },
      ],
    };
    const world = createWorld((call) => ({ text: `answer ${call.step} of ${call.run}` }));
    await ask(world, { input: "One?", id: "a" }, staged);
    await ask(world, { input: "Two?", id: "b", continues: "a" }, staged);
    const thread = ["Tell answer 0 of a", "answer 1 of a"];
    expect(world.models.calls.slice(2).map(said)).toEqual([
      [...thread, "Two?"],
      [...thread, "Tell answer 0 of b"],
    ]);
  });

  it("is refused for a run that has not ended, that is not there, or without anything to say", async () => {
    const world = createWorld(() => ({ hang: true }));
    await world.executor.start(agent, { input: "One?", id: "a" });
    const refused = await ask(world, { input: "Two?", continues: "a" });
    expect(refused).toMatchObject({ status: "failed", error: { code: "run_unfinished" } });
    expect(refused.error?.message).toContain("executus steer a");
    expect((await ask(world, { input: "Two?", continues: "nope" })).error?.code).toBe("run_unknown");
    await world.clock.until(world.executor.send("a", { kind: "kill" }));
    await world.executor.shutdown();
  });

  it("is not told that the run before it was at its limit", async () => {
    const world = createWorld(({ run, toolChoice }) =>
      run === "a" && toolChoice !== "none" ? { calls: [{ name: "look" }] } : { text: `answer of ${run}` },
    );
    const first = await ask(world, { input: "One?", id: "a", limits: { maxSteps: 2 } });
    expect(first.status).toBe("out_of_steps");
    expect(said(world.models.calls.at(-1)).join()).toContain("This is your last step");
    await ask(world, { input: "Go on.", id: "b", continues: "a" });
    await ask(world, { input: "And now?", id: "c", continues: "b" });
    expect(said(world.models.calls.at(-1))).toEqual([
      "One?",
      "tool-call",
      "tool-result",
      "answer of a",
      "Go on.",
      "answer of b",
      "And now?",
    ]);
  });

  it("has the tenant of its thread, and cannot see that of another", async () => {
    const world = createWorld(() => ({ text: "ok" }));
    await ask(world, { input: "One?", id: "a", tenant: "acme" });
    await ask(world, { input: "Two?", id: "b", continues: "a" });
    await ask(world, { input: "Three?", id: "c", continues: "b", tenant: "acme" });
    expect((await world.store.runs.list({ tenant: "acme" })).map(({ run }) => run)).toEqual(["c", "b", "a"]);
    const other = await ask(world, { input: "What did they say?", continues: "a", tenant: "rival" });
    const nobody = await ask(world, { input: "What did they say?", continues: "none", tenant: "rival" });
    expect(other.error?.message).toBe(nobody.error?.message.replace("none", "a"));
    expect(other.error?.code).toBe("run_unknown");
    await ask(world, { input: "One?", id: "ours" });
    expect((await ask(world, { input: "Two?", continues: "ours", tenant: "rival" })).error?.code).toBe("run_unknown");
    expect(world.models.calls).toHaveLength(4);
  });

  it("whose thread is not there is shown, and not resumed", async () => {
    const world = createWorld(() => ({ text: "ok" }));
    await ask(world, { input: "One?", id: "a" });
    const holding = createWorld(() => ({ hang: true }), { from: { ...world } });
    await holding.executor.start(agent, { input: "Two?", id: "b", continues: "a" });
    await holding.executor.shutdown();
    const read = world.store.journal.read.bind(world.store.journal);
    const without = createWorld(() => ({ text: "ok" }), {
      from: { ...world },
      through: (store) => ({
        ...store,
        journal: { ...store.journal, read: async (run, options) => (run === "a" ? [] : read(run, options)) },
      }),
    });
    expect((await without.executor.status("b"))?.status).toBe("interrupted");
    await expect(without.executor.resume("b")).rejects.toMatchObject({
      code: "thread_incomplete",
      message: expect.stringContaining("a") as string,
    });
    const again = createWorld(() => ({ text: "ok" }), { agents: [agent], from: { ...world } });
    const resumed = await again.executor.resume("b");
    expect((await again.clock.until(resumed.result)).status).toBe("completed");
    // There is nothing to go on with, whatever is missing.
    await expect(without.executor.resume("b")).rejects.toMatchObject({ code: "run_finished", run: "b" });
    await expect(without.executor.plan("b")).rejects.toMatchObject({ code: "run_finished", run: "b" });
  });
});

it("a thread is exported whole, kept by prune, and says what is missing after an import", async () => {
  const folder = mkdtempSync(join(tmpdir(), "executus-thread-"));
  const open = (name: string) => openSqliteStore({ file: join(folder, name) });
  try {
    await using store = open("one.db");
    const world = createWorld(() => ({ text: "ok" }), { through: () => store });
    await ask(world, { input: "One?", id: "a" });
    await ask(world, { input: "Two?", id: "b", continues: "a" });
    const lines: string[] = [];
    for await (const line of exportRuns(store, ["b"])) lines.push(line);
    expect(
      lines.filter((line) => line.startsWith('{"run":')).map((line) => (JSON.parse(line) as { run: { run: string } }).run.run),
    ).toEqual(["a", "b"]);
    await using other = open("two.db");
    expect(await importRuns(other, lines)).toMatchObject({ imported: 2, skipped: 0 });
    expect((await other.runs.get("b"))?.continues).toBe("a");
    expect(await other.runs.remove(["a"])).toBe(0);
    await using third = open("three.db");
    const start = lines.findIndex((line) => line.includes('"run":{"run":"b"'));
    const alone = [lines[0] ?? "", ...lines.slice(start, -1), '{"end":1}'];
    expect(await importRuns(third, alone)).toMatchObject({ imported: 1, skipped: 0, incomplete: [{ run: "b", continues: "a" }] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
