/** S14: children that their parent does not wait for. */
import { describe, expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { Agent } from "../../src/run/types.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import type { Script, ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "../support/world.ts";

const CHILD = childRunId("r", "0.0");
const hand = (prompt = "x") => ({ name: "agent__helper", input: { prompt } });
const helper: Agent = { name: "helper", instructions: "Help.", description: "Helps.", background: true };
const lead = (more: Partial<Agent> = {}): Agent => ({ ...makeAgent([]), name: "lead", delegates: [helper], ...more });
const request = { input: "go", id: "r" };
const turns = async (n = 30): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Resolves when told to. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const userTexts = (call: ModelCall | undefined): readonly string[] =>
  (call?.messages ?? []).flatMap((message) =>
    message.role === "user" ? message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])) : [],
  );

async function typesOf(world: World, run = "r"): Promise<readonly RunEvent["type"][]> {
  return (await world.store.journal.read(run)).map(({ type }) => type);
}

describe("a child in the background", () => {
  it("S14 answers its call at once, and its end is told before the parent's next step", async () => {
    const { opened, open } = gate();
    const world = createWorld(async (call): Promise<ScriptedAnswer> => {
      if (call.run !== "r") return await opened.then(() => ({ text: "Forty-two." }));
      if (call.step === 0) return { calls: [hand()] };
      if (call.step === 1) return { calls: [{ name: "other" }] };
      return { text: "end" };
    });
    const other = makeTool("other", async () => {
      open();
      while ((await world.store.runs.get(CHILD))?.status !== "completed") await turns(1);
      await turns();
      return "done";
    });
    const result = await world.clock.until(world.executor.run(lead({ tools: [other] }), request));
    expect(result).toMatchObject({ status: "completed", output: "end" });
    expect(result.steps[0]?.calls[0]).toMatchObject({ outcome: "ok", child: CHILD });
    expect(String(result.steps[0]?.calls[0]?.output)).toContain(CHILD);
    const parents = world.models.calls.filter(({ run }) => run === "r");
    expect(userTexts(parents[1])).toEqual(["go"]);
    expect(userTexts(parents[2])[1]).toMatch(/agent__helper .* has ended: completed.*\nForty-two\.$/s);
    const child = await world.executor.result(CHILD);
    expect(result.usage.inputTokens).toBe(4 * (child?.usage.inputTokens ?? 0));
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S14 holds the parent's final answer until it has ended, and then the parent answers again", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { text: "Forty-two." };
      return call.step === 0 ? { calls: [hand()] } : { text: userTexts(call).length === 1 ? "It is under way." : "It is 42." };
    });
    const result = await world.clock.until(world.executor.run(lead(), request));
    expect(result).toMatchObject({ status: "completed", output: "It is 42." });
    expect((await typesOf(world)).filter((type) => type.startsWith("child."))).toEqual(["child.started", "child.ended"]);
  });

  it("S14 is ended by a parent that is cancelled, before the parent ends", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { hang: true };
      return call.step === 0 ? { calls: [hand()] } : { hang: true };
    });
    const handle = await world.executor.start(lead(), request);
    while (world.models.calls.length < 3) await turns(1);
    await world.executor.send("r", { kind: "cancel", reason: "enough" });
    expect(await world.clock.until(handle.result)).toMatchObject({ status: "cancelled" });
    expect(await world.store.runs.get(CHILD)).toMatchObject({ status: "cancelled" });
    expect((await typesOf(world)).slice(-3)).toEqual(["child.ended", "run.settling", "run.finished"]);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S14 does not keep a kill waiting when another process holds it and does not end it", async () => {
    const world = createWorld(
      (call): ScriptedAnswer => (call.run === "r" && call.step === 0 ? { calls: [hand()] } : { hang: true }),
      {
        agents: [lead()],
      },
    );
    await world.executor.start(lead(), request);
    while (world.models.calls.length < 3) await turns(1);
    world.store.die();
    // Another process has the child and hears nothing, a third one has the parent.
    const deaf = world.store.peer("memory/2");
    expect(await deaf.owners.claim(CHILD)).toMatchObject({ ok: true });
    const third = createWorld(() => ({ hang: true }), {
      agents: [lead()],
      from: { ...world, store: world.store.peer("memory/3") },
    });
    const handle = await third.executor.resume("r");
    await turns();
    await handle.kill("now");
    expect(await third.clock.until(handle.result)).toMatchObject({ status: "killed" });
    const journal = await third.store.journal.read("r");
    expect(journal.at(-3)).toMatchObject({ type: "tool.ended", call: "0.0", outcome: "unknown" });
    expect((await third.store.inbox.pending(CHILD)).map(({ kind }) => kind)).toEqual(["kill"]);
    expect((await storeViolations(third.store)).filter(({ run }) => run === "r")).toEqual([]);
  });

  it("S14 is ended by a limit of its parent, which says what it has", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { hang: true };
      if (call.toolChoice === "none") return { text: userTexts(call).join("\n") };
      return { calls: [call.step === 0 ? hand() : { name: "other", input: { n: call.step } }] };
    });
    const agent = lead({ tools: [makeTool("other", async () => "x")] });
    const result = await world.clock.until(world.executor.run(agent, { ...request, limits: { maxSteps: 3 } }));
    expect(result).toMatchObject({ status: "out_of_steps" });
    expect(result.output).toContain("has ended: cancelled");
    expect(await world.store.runs.get(CHILD)).toMatchObject({ status: "cancelled" });
  });

  it("S14 that hangs is ended by its own time, and its parent's answer says so within its own", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { hang: true };
      return call.step === 0 ? { calls: [hand()] } : { text: `answer ${call.step}` };
    });
    const result = await world.clock.until(world.executor.run(lead(), { ...request, limits: { timeMs: 20_000 } }));
    expect(result).toMatchObject({ status: "completed", output: "answer 2" });
    expect(await world.store.runs.get(CHILD)).toMatchObject({ status: "timed_out" });
  });

  it("S14 gets half of what is left, and the parent keeps the rest for itself", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { text: "y" };
      return call.step === 0 ? { calls: [hand()] } : { text: "end" };
    });
    await world.clock.until(world.executor.run(lead(), { ...request, limits: { tokens: 1_000 } }));
    const [started] = await world.store.journal.read(CHILD);
    expect(started?.type === "run.started" && started.limits.tokens).toBe(Math.floor((1_000 - 15 - 30) / 2));
  });

  it("S14 waits for a place when as many are under way as may be, and its call with it", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r") return { text: "y" };
      return call.step === 0 ? { calls: [hand("1"), hand("2"), hand("3")] } : { text: "end" };
    });
    const result = await world.clock.until(world.executor.run(lead(), { ...request, limits: { parallelChildren: 2 } }));
    expect(result).toMatchObject({ status: "completed" });
    const types = (await typesOf(world)).filter((type) => type.startsWith("child.") || type === "model.started");
    const last = types.lastIndexOf("child.started");
    expect(types.slice(0, last).filter((type) => type === "child.started")).toHaveLength(2);
    expect(types.indexOf("child.ended")).toBeLessThan(last);
    expect(types.indexOf("model.started", 1)).toBeGreaterThan(last);
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S14 that waits for a person leaves its parent a row in the store, and its end wakes the parent", async () => {
    const pay = makeTool("pay", async () => "receipt", { approval: "always" });
    const agent = lead({ delegates: [{ ...helper, tools: [pay] }] });
    const script: Script = (call) => {
      if (call.run !== "r") return call.step === 0 ? { calls: [{ name: "pay" }] } : { text: "paid" };
      return call.step === 0 ? { calls: [hand()] } : { text: userTexts(call).at(-1) ?? "" };
    };
    const world = createWorld(script, { agents: [agent] });
    const waiting = await world.clock.until(world.executor.run(agent, request));
    expect(waiting).toMatchObject({ status: "waiting", waitingFor: { kind: "child", runs: [CHILD] } });
    expect((await world.store.runs.get("r"))?.owner).toBeUndefined();
    await world.executor.send(CHILD, { kind: "approve", approval: `${CHILD}:0.0` });
    for (let i = 0; i < 500 && (await world.store.runs.get("r"))?.status !== "completed"; i++) await turns(1);
    expect(await world.executor.result("r")).toMatchObject({ status: "completed", output: expect.stringContaining("paid") });
  });

  it("S27 goes on over a change of phase, and its end is told in the phase that is under way then", async () => {
    const { opened, open } = gate();
    const world = createWorld(async (call): Promise<ScriptedAnswer> => {
      if (call.run !== "r") return await opened.then(() => ({ text: "Forty-two." }));
      if (call.step === 0) return { calls: [hand()] };
      if (call.step === 1) return { text: "first" };
      open();
      return { text: userTexts(call).at(-1) ?? "" };
    });
    const phases = [
      { name: "One", instructions: "1" },
      { name: "Two", instructions: "2", input: "go on" },
    ];
    const result = await world.clock.until(world.executor.run(lead({ phases }), request));
    expect(result).toMatchObject({ status: "completed", output: expect.stringContaining("Forty-two.") });
    expect(await storeViolations(world.store)).toEqual([]);
  });

  it("S14 stays with the original when that is forked, and the fork is told so", async () => {
    const world = createWorld((call): ScriptedAnswer => {
      if (call.run !== "r" && call.run !== "f") return { text: "y" };
      return call.step === 0 ? { calls: [hand()] } : { text: userTexts(call).join("\n") };
    });
    const agent = lead();
    await world.clock.until(world.executor.run(agent, request));
    const started = (await world.store.journal.read("r")).find(({ type }) => type === "child.started");
    const handle = await world.executor.fork("r", { at: started?.seq ?? 0, id: "f" });
    expect(await world.clock.until(handle.result)).toMatchObject({
      status: "completed",
      output: expect.stringContaining("does not report here"),
    });
    expect(await world.store.runs.list({ parent: "f" })).toEqual([]);
  });
});
