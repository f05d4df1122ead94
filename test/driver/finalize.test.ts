/** What the seed's own tests held to (S46): how a run ends, and what is left of one that did not. */
import { describe, expect, it } from "vitest";
import { toArray } from "../../src/kernel/list.ts";
import { foldJournal } from "../../src/run/result.ts";
import type { Executor, RunResult } from "../../src/run/types.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { agent, journal, tool, types, world, type World } from "../support/driver-world.ts";

const look = { calls: [{ name: "look" }] };
const quick = tool("look", async () => "seen");

interface Ending {
  readonly script: Script;
  readonly limits?: object;
  /** Done as soon as the run has started. */
  readonly meanwhile?: (executor: Executor) => Promise<unknown>;
  readonly status: RunResult["status"];
}

const hang: Script = (call) => (call.step === 0 ? { text: "so far", ...look } : { hang: true });
const refused = Object.assign(new Error("no such model"), { retryable: false });

const endings: Readonly<Record<string, Ending>> = {
  "an answer": { script: [look, { text: "done" }], status: "completed" },
  "a genuine error": { script: (call) => (call.step === 0 ? look : { error: refused }), status: "failed" },
  "the time limit": { script: hang, limits: { timeMs: 6_000 }, status: "timed_out" },
  "a cancel": { script: hang, meanwhile: (executor) => executor.send("r", { kind: "cancel" }), status: "cancelled" },
  "a kill": { script: hang, meanwhile: (executor) => executor.send("r", { kind: "kill" }), status: "killed" },
  "the step limit": { script: () => look, limits: { maxSteps: 2, repeats: 9 }, status: "out_of_steps" },
  "a shutdown": { script: hang, meanwhile: (executor) => executor.shutdown({ graceMs: 10 }), status: "interrupted" },
};

async function play({ script, limits, meanwhile }: Ending): Promise<{ readonly result: RunResult; readonly world: World }> {
  const made = world(script);
  const handle = await made.executor.start(agent([quick], limits), { input: "go", id: "r" });
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  await made.clock.until(meanwhile?.(made.executor) ?? Promise.resolve());
  return { result: await made.clock.until(handle.result), world: made };
}

describe("finalize", () => {
  it.each(Object.entries(endings))("S46 S28 %s ends as what it is, once", async (_name, ending) => {
    const { result, world } = await play(ending);
    const events = types(await journal(world.store, "r"));
    const isFinal = ending.status !== "interrupted";
    expect(result.status).toBe(ending.status);
    expect(events.filter((type) => type === "run.finished")).toHaveLength(isFinal ? 1 : 0);
    expect(events.includes("run.settling")).toBe(isFinal);
    expect(result.steps[0]?.calls[0]?.outcome).toBe("ok");
  });

  it("S46 saves each step as it goes, and completes after the last", async () => {
    const seen: number[] = [];
    const counting = tool("look", async (_input, context) => {
      seen.push((await made.store.journal.read(context.run)).filter(({ type }) => type === "model.answered").length);
      return "seen";
    });
    const made = world([look, { calls: [{ name: "look", input: { again: true } }] }, { text: "done" }]);
    await made.executor.run(agent([counting]), { input: "go", id: "r" });
    expect(seen).toEqual([1, 2]);
    expect(types(await journal(made.store, "r")).slice(-2)).toEqual(["run.settling", "run.finished"]);
  });

  it("S46 S05 fails at a terminal error, with everything up to it", async () => {
    const { result } = await play({
      script: (c) => (c.step === 0 ? { text: "so far", ...look } : { error: refused }),
      status: "failed",
    });
    expect(result).toMatchObject({
      output: "so far",
      toolCalls: 1,
      error: { message: expect.stringContaining("no such model") },
    });
    expect(result.steps).toHaveLength(1);
    expect(result.limits.maxSteps).toBe(12);
  });

  it("S46 S26 S37 resumes with the transcript and no new input, and runs no finished call again", async () => {
    let ran = 0;
    const once = tool("look", async () => `seen ${++ran}`);
    const first = world((call) => (call.step === 0 ? look : { hang: true }));
    const handle = await first.executor.start(agent([once]), { input: "go", id: "r" });
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    await first.clock.until(first.executor.shutdown({ graceMs: 10 }));
    expect((await handle.result).status).toBe("interrupted");
    const before = foldJournal(await journal(first.store, "r"))?.state;
    const second = world([look, { text: "done" }], { agents: [agent([once])] }, first);
    const result = await (await second.executor.resume("r")).result;
    expect(result).toMatchObject({ status: "completed", output: "done", toolCalls: 1 });
    expect(ran).toBe(1);
    expect(second.models.calls).toHaveLength(1);
    expect(second.models.calls[0]?.messages).toEqual(before === undefined ? [] : toArray(before.messages));
  });
});
