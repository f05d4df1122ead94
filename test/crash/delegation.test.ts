/** S14: parent, child and grandchild, stopped at every write of any of their journals. */
import { expect, it } from "vitest";
import { childRunId } from "../../src/kernel/children.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";
import type { ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { type Scenario, survivesEverywhere } from "../support/crash-points.ts";
import { makeTool } from "../support/world.ts";

const CHILD = childRunId("r", "0.0");
const SECOND = childRunId("r", "0.1");
const GRANDCHILD = childRunId(CHILD, "1.0");
const hand = (name: string, prompt: string) => ({ name: `agent__${name}`, input: { prompt } });
const write = (n: number) => ({ name: "write", input: { n } });

const log = (effects: string[]): Tool =>
  makeTool("write", async (_input, context) => {
    effects.push(context.idempotencyKey);
    return `written ${context.call}`;
  });

/** The step a run has answered is never asked of its model again. */
function checked(script: (call: ModelCall) => ScriptedAnswer): Scenario["script"] {
  return (call) => {
    expect(call.messages.filter(({ role }) => role === "assistant")).toHaveLength(call.step);
    return script(call);
  };
}

const helper = (tools: readonly Tool[], more: Partial<Agent> = {}): Agent => ({
  name: "helper",
  instructions: "Help.",
  tools,
  ...more,
});

it("S14 a run with a child survives everywhere", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r") return call.step === 0 ? { calls: [hand("helper", "x")] } : { text: "end" };
      return call.step < 2 ? { calls: [write(call.step)] } : { text: "child's end" };
    }),
    tools: (effects) => [log(effects)],
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools)] }),
  });
  expect(points).toBeGreaterThan(15);
});

it("S14 two children beside a call of the run's own survive everywhere", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r")
        return call.step === 0 ? { calls: [hand("helper", "x"), hand("helper", "y"), write(0)] } : { text: "end" };
      return call.step === 0 ? { calls: [write(call.run === SECOND ? 2 : 1)] } : { text: `end of ${call.run}` };
    }),
    tools: (effects) => [log(effects)],
    agentWith: (tools) => ({ tools, delegates: [helper(tools)] }),
    limits: { tokens: 100_000, costUsd: 1 },
  });
  expect(points).toBeGreaterThan(10);
});

it("S14 a grandchild survives everywhere", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r") return call.step === 0 ? { calls: [hand("helper", "x")] } : { text: "end" };
      if (call.run === GRANDCHILD) return call.step === 0 ? { calls: [write(9)] } : { text: "the deepest" };
      if (call.step === 0) return { calls: [write(0)] };
      return call.step === 1 ? { calls: [hand("third", "y")] } : { text: "child's end" };
    }),
    tools: (effects) => [log(effects)],
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools, { delegates: [{ ...helper(tools), name: "third" }] })] }),
  });
  expect(points).toBeGreaterThan(20);
});

it("S14 a skill that is a run of its own survives everywhere, with the tools of its caller", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r")
        return call.step === 0 ? { calls: [{ name: "skill__tidy", input: { prompt: "x" } }] } : { text: "end" };
      return call.step === 0 ? { calls: [write(0)] } : { text: "tidied" };
    }),
    tools: (effects) => [log(effects)],
    agentWith: () => ({
      delegates: [{ kind: "skill", name: "tidy", description: "Tidies.", body: async () => "Tidy up." }],
    }),
  });
  expect(points).toBeGreaterThan(10);
});

it("S14 a child that fails survives everywhere", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r") return call.step === 0 ? { calls: [hand("helper", "x")] } : { text: "end" };
      return { error: Object.assign(new Error("refused"), { retryable: false }) };
    }),
    tools: (effects) => [log(effects)],
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools)] }),
  });
  expect(points).toBeGreaterThan(10);
});

it("S14 a child that waits for a person survives everywhere", async () => {
  const points = await survivesEverywhere({
    script: checked((call) => {
      if (call.run === "r") return call.step === 0 ? { calls: [hand("helper", "x")] } : { text: "end" };
      return call.step === 0 ? { calls: [{ name: "pay" }] } : { text: "paid" };
    }),
    tools: () => [
      makeTool("pay", () => Promise.reject(Object.assign(new Error("no answer"), { code: "unknown_outcome" })), {
        onUnknown: "ask",
      }),
    ],
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools)] }),
    whenWaiting: async ({ executor, store }) => {
      await executor.send(CHILD, { kind: "resolve", call: "0.0", outcome: "done", output: "receipt" }, { id: "decided" });
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      if ((await store.runs.get(CHILD))?.status === "waiting") await executor.resume(CHILD);
    },
  });
  expect(points).toBeGreaterThan(10);
});

it("S14 a child in the background survives everywhere: it is started once, and its end is told once", async () => {
  let answers = async (): Promise<number> => 0;
  const points = await survivesEverywhere({
    script: async (call) => {
      if (call.run === "r") return call.step === 0 ? { calls: [hand("helper", "x")] } : { text: `answer ${call.step}` };
      if (call.step === 0) return { calls: [write(0)] };
      // Its end comes after the parent's answer in every process, so that all of them have one transcript.
      while ((await answers()) < 2) await new Promise((resolve) => setImmediate(resolve));
      return { text: "child's end" };
    },
    tools: (effects, scene) => {
      answers = async () => (await scene().store.journal.read("r")).filter(({ type }) => type === "model.answered").length;
      return [log(effects)];
    },
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools, { background: true })] }),
    afterwards: async ({ store }) => {
      const journal = await store.journal.read("r");
      for (const type of ["child.started", "child.ended"]) expect(journal.filter((event) => event.type === type)).toHaveLength(1);
      expect(await store.runs.list({ parent: "r" })).toHaveLength(1);
    },
  });
  expect(points).toBeGreaterThan(15);
});

it.each(["cancel", "kill"] as const)("S14 a %s that reaches a child survives everywhere", async (kind) => {
  const points = await survivesEverywhere({
    status: kind === "kill" ? "killed" : "cancelled",
    script: checked((call) => {
      if (call.run === "r") return { calls: [hand("helper", "x")] };
      return call.step === 0 ? { calls: [{ name: "stop" }] } : { hang: true };
    }),
    tools: (_effects, scene) => [
      makeTool(
        "stop",
        async () => {
          await scene().store.inbox.send("r", { id: "stop", kind, reason: "enough" });
          return "told";
        },
        { effect: "idempotent" },
      ),
    ],
    agentWith: (tools) => ({ tools: [], delegates: [helper(tools)] }),
  });
  expect(points).toBeGreaterThan(10);
});
