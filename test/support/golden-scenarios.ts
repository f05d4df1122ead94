/** Runs that together write every event type: what golden journals are made from. */
import { createPerRunStore } from "../../src/adapters/store/per-run.ts";
import { ExecutusError } from "../../src/kernel/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { UnknownOutcomeError } from "../../src/kernel/unknown-outcome.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import type { ModelCall } from "../../src/ports/models.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { RunRequest } from "../../src/run/types.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import type { Script, ScriptedAnswer } from "../../src/testing/scripted-model.ts";
import { compactionScenarios } from "./golden-compaction.ts";
import { fileScenarios } from "./golden-files.ts";
import { phaseScenarios } from "./golden-phases.ts";
import { definitionScenarios } from "./golden-definition.ts";
import { sourceScenarios } from "./golden-sources.ts";
import { budgetScenarios } from "./golden-budgets.ts";
import { delegationScenarios } from "./golden-delegation.ts";
import { waitingScenarios } from "./golden-waiting.ts";
import { supervisionScenarios } from "./golden-supervision.ts";
import { laneScenarios } from "./golden-lanes.ts";
import { createWorld, makeAgent, makeTool, type World, type WorldOptions } from "./world.ts";

type Play = () => Promise<readonly RunEvent[]>;

const echo = (name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(name, async (input) => `${name} ${JSON.stringify(input)}`, more);
const call = (name: string, n: number) => ({ name, input: { n } });
const untilTold = (answer: ScriptedAnswer) => (model: ModelCall) =>
  model.toolChoice === "none" ? { text: "That is all I found." } : answer;

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface Plan {
  readonly script: Script;
  readonly tools?: readonly Tool[];
  readonly limits?: object;
  readonly request?: RunRequest;
  readonly options?: WorldOptions;
}

function simple({ script, tools = [], limits, request, options }: Plan): Play {
  return async () => {
    const agent = makeAgent(tools, limits);
    const world = createWorld(script, { agents: [agent], ...options });
    await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden", ...request }));
    return world.store.journal.read("golden");
  };
}

/** The first process dies while `tool` runs (or, without one, in the model call); a second one takes over. */
function crashing(plan: Plan & { readonly second?: Script; readonly dieIn?: string }): Play {
  return async () => {
    let reached = (): void => {};
    const inTool = new Promise<void>((resolve) => (reached = resolve));
    const hang = (): Promise<never> => (reached(), new Promise(() => {}));
    const tools = (plan.tools ?? []).map((tool) => (tool.name === plan.dieIn ? { ...tool, execute: hang } : tool));
    const agent = makeAgent(tools, plan.limits);
    const world = createWorld(plan.script, { agents: [agent] });
    await world.executor.start(agent, { input: "Go on.", id: "golden" });
    await (plan.dieIn === undefined ? turns(5) : inTool);
    world.store.die();
    const healthy = makeAgent(plan.tools ?? [], plan.limits);
    const next = createWorld(plan.second ?? plan.script, {
      agents: [healthy],
      from: { ...world, store: world.store.peer("golden/2") },
    });
    const handle = await next.executor.resume("golden");
    await next.clock.until(handle.result);
    return next.store.journal.read("golden");
  };
}

/** A store on a full disk. */
function full(store: Store): Store {
  const error = new ExecutusError("store_unavailable", "The disk of runs.db is full", { retryable: true });
  return faultyStore(store, [{ method: "runs.create", error }]);
}

const busy = (message: string) => Object.assign(new Error(message), { retryable: true, retryAfterMs: 1_500 });

/** Sends commands from inside a tool, so that they arrive at a known point. */
function commanding(
  commands: (world: World, run: string) => Promise<unknown>,
  plan: Omit<Plan, "tools"> & { readonly tools?: readonly Tool[] },
): Play {
  return async () => {
    let world: World;
    const tool = makeTool("commander", async (_input, context) => {
      await commands(world, context.run);
      return "sent";
    });
    const agent = makeAgent([tool, ...(plan.tools ?? [])], plan.limits);
    world = createWorld(plan.script, { agents: [agent], ...plan.options });
    const result = await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden" }));
    if (result.status === "waiting") return world.store.journal.read("golden");
    return world.store.journal.read("golden");
  };
}

const commander = { calls: [{ name: "commander" }] };

export const goldenScenarios: Readonly<Record<string, Play>> = {
  ...phaseScenarios,
  ...sourceScenarios,
  ...definitionScenarios,
  ...compactionScenarios,
  ...fileScenarios,
  "plain-answer": simple({ script: [{ text: "Hello." }] }),
  "parallel-calls-and-reasoning": simple({
    script: [
      { reasoning: "Both at once.", text: "Looking.", calls: [call("a", 1), call("b", 2), call("missing", 3)] },
      { text: "Done." },
    ],
    tools: [echo("a"), echo("b", { effect: "read" })],
  }),
  "images-and-history": simple({
    script: [{ text: "A cat, as before." }],
    request: {
      input: "And this?",
      images: [{ mediaType: "image/png", bytes: new Uint8Array([137, 80, 78, 71]), filename: "cat.png" }],
      history: [
        { role: "user", content: [{ type: "text", text: "What is it?" }] },
        { role: "assistant", content: [{ type: "text", text: "A cat.", providerMetadata: { anthropic: { signature: "sig" } } }] },
      ],
      caller: "u1",
      channel: "c1",
      tenant: "t1",
      labels: { kind: "golden" },
      idempotencyKey: "golden-key",
    },
  }),
  "not-kept": simple({
    script: [{ text: "Hello." }],
    request: { durability: "best-effort" },
    options: { through: (store) => createPerRunStore(full(store), () => store) },
  }),
  "model-retries": simple({ script: (model) => (model.attempt < 3 ? { error: busy("overloaded") } : { text: "At last." }) }),
  "model-refuses": simple({ script: () => ({ error: Object.assign(new Error("bad request"), { retryable: false }) }) }),
  "steps-run-out": simple({ script: untilTold({ calls: [call("a", 1)] }), tools: [echo("a")], limits: { maxSteps: 3 } }),
  "time-runs-out": simple({
    script: (model) => (model.toolChoice === "none" ? { text: "Partial." } : { hang: true }),
    tools: [echo("a")],
    limits: { timeMs: 6_000 },
  }),
  "tokens-run-out": simple({
    script: untilTold({ calls: [call("a", 1)], usage: { inputTokens: 90, outputTokens: 10 } }),
    tools: [echo("a", { execute: async (_i, c) => c.call })],
    limits: { tokens: 450, maxSteps: 50 },
  }),
  "money-runs-out": simple({
    script: untilTold({ calls: [call("a", 1)], usage: { inputTokens: 1e6, outputTokens: 0 } }),
    tools: [echo("a", { execute: async (_i, c) => c.call })],
    limits: { costUsd: 3.5, maxSteps: 50 },
  }),
  "repeats-until-stopped": simple({ script: untilTold({ calls: [call("a", 1)] }), tools: [echo("a")], limits: { maxSteps: 20 } }),
  "errors-until-stopped": simple({
    script: (model) => (model.toolChoice === "none" ? { text: "It does not work." } : { calls: [call("f", model.step)] }),
    tools: [makeTool("f", () => Promise.reject(new Error("no such file")))],
  }),
  "tool-times-out": simple({
    script: [{ calls: [call("deaf", 1)] }, { text: "Unknown." }],
    tools: [makeTool("deaf", () => new Promise(() => {}), { timeoutMs: 1_000 })],
  }),
  "large-result": simple({
    script: [{ calls: [call("big", 1)] }, { text: "Big." }],
    tools: [makeTool("big", async () => "x".repeat(300_000))],
  }),
  "crash-in-a-model-call": crashing({ script: [{ hang: true }], second: [{ text: "Again." }] }),
  "crash-in-a-call-told-to-the-model": crashing({
    script: [{ calls: [call("pay", 1)] }, { text: "Check it." }],
    tools: [echo("pay")],
    dieIn: "pay",
  }),
  "crash-in-a-call-that-had-happened": crashing({
    script: [{ calls: [call("pay", 1)] }, { text: "Paid." }],
    tools: [echo("pay", { reconcile: async () => ({ outcome: "done", result: "receipt 7" }) })],
    dieIn: "pay",
  }),
  "crash-in-a-call-that-had-not": crashing({
    script: [{ calls: [call("pay", 1)] }, { text: "Paid." }],
    tools: [echo("pay", { reconcile: async () => ({ outcome: "not-done" }) })],
    dieIn: "pay",
  }),
  "crash-in-a-call-that-may-be-repeated": crashing({
    script: [{ calls: [call("pay", 1)] }, { text: "Paid." }],
    tools: [echo("pay", { onUnknown: "rerun" })],
    dieIn: "pay",
  }),
  "waits-for-a-person": simple({
    script: [{ calls: [call("pay", 1)] }, { text: "ok" }],
    tools: [makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer from the bank")), { onUnknown: "ask" })],
  }),
  "a-person-decides": async () => {
    const pay = makeTool("pay", () => Promise.reject(new UnknownOutcomeError("no answer from the bank")), { onUnknown: "ask" });
    const agent = makeAgent([pay]);
    const world = createWorld([{ calls: [call("pay", 1)] }, { text: "Thank you." }], { agents: [agent] });
    await world.clock.until(world.executor.run(agent, { input: "Go on.", id: "golden" }));
    await world.executor.send(
      "golden",
      { kind: "resolve", call: "0.0", outcome: "done", output: "receipt 7" },
      { id: "d1", from: "ana" },
    );
    await world.clock.until((await world.executor.resume("golden")).result);
    return world.store.journal.read("golden");
  },
  "steered-and-extended": commanding(
    async ({ executor }, run) => {
      await executor.send(run, { kind: "steer", content: "Only the last week." }, { id: "s1", from: "ana" });
      await executor.send(run, { kind: "extend", steps: 5, timeMs: 1_000 }, { id: "e1" });
    },
    { script: [commander, { text: "The last week, then." }] },
  ),
  cancelled: commanding(
    ({ executor }, run) => executor.send(run, { kind: "cancel", reason: "not needed" }, { id: "c1", from: "ana" }),
    { script: [commander, { hang: true }] },
  ),
  killed: commanding(({ executor }, run) => executor.send(run, { kind: "kill", reason: "runaway" }, { id: "k1" }), {
    script: [commander, { hang: true }],
  }),
  compacted: commanding(({ executor }, run) => executor.send(run, { kind: "compact", instructions: "short" }, { id: "m1" }), {
    script: [commander, { text: "After the summary." }],
    options: { compactor: { compact: async () => ({ summary: "So far: nothing much.", keep: 0 }) } },
  }),
  "compaction-fails": commanding(({ executor }, run) => executor.send(run, { kind: "compact" }, { id: "m1" }), {
    script: [commander, { text: "Without, then." }],
  }),
  "tools-missing": async () => {
    const world = createWorld(() => ({ hang: true }));
    const agent = makeAgent([echo("a")]);
    await world.executor.start(agent, { input: "Go on.", id: "golden" });
    await turns(3);
    await world.executor.shutdown();
    const without = createWorld([], { from: world });
    await (
      await without.executor.resume("golden")
    ).result;
    return world.store.journal.read("golden");
  },
  "stopped-in-the-middle": async () => {
    const world = createWorld((model) => (model.step < 2 ? { calls: [call("a", model.step)] } : { hang: true }));
    await world.executor.start(makeAgent([echo("a")]), { input: "Go on.", id: "golden" });
    await turns(40);
    await world.executor.shutdown();
    return world.store.journal.read("golden");
  },
  ...budgetScenarios,
  ...delegationScenarios,
  ...waitingScenarios,
  ...supervisionScenarios,
  ...laneScenarios,
};
