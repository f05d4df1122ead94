/**
 * Every scenario is stopped before and after each of its writes, taken over by another process, and must end as if nothing had
 * happened: same transcript, no committed call run again, no `once` call run twice.
 */
import { describe, expect, it } from "vitest";
import { toArray } from "../src/kernel/list.ts";
import type { Message } from "../src/ports/messages.ts";
import type { AppendRequest, Store } from "../src/ports/store.ts";
import type { Tool } from "../src/ports/tools.ts";
import { foldJournal } from "../src/run/result.ts";
import type { Script } from "../src/testing/scripted-model.ts";
import { createWorld, makeAgent, makeTool, type World } from "./support/world.ts";

interface Scenario {
  readonly script: Script;
  readonly tools: (effects: string[], world: () => World) => readonly Tool[];
  readonly limits?: object;
}

const log = (effects: string[], name: string, more: Partial<Tool> = {}): Tool =>
  makeTool(
    name,
    async (input, context) => {
      effects.push(context.idempotencyKey);
      return `${name} ${JSON.stringify(input)}`;
    },
    more,
  );

const call = (name: string, n: number) => ({ name, input: { n } });

const scenarios: Readonly<Record<string, Scenario>> = {
  "one call per step": {
    script: [{ calls: [call("a", 1)] }, { calls: [call("a", 2)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
  },
  "parallel once calls": {
    script: [{ calls: [call("a", 1), call("a", 2), call("a", 3)] }, { calls: [call("a", 4), call("a", 5)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
  },
  "read, idempotent and once calls together": {
    script: [{ calls: [call("r", 1), call("i", 2), call("o", 3)] }, { text: "end" }],
    tools: (effects) => [log(effects, "r", { effect: "read" }), log(effects, "i", { effect: "idempotent" }), log(effects, "o")],
  },
  "more calls than may run at once": {
    script: [{ calls: [call("a", 1), call("a", 2), call("a", 3), call("a", 4)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
    limits: { parallelCalls: 2 },
  },
  "a refused call beside a good one": {
    script: [{ calls: [call("nope", 1), call("a", 2)] }, { text: "end" }],
    tools: (effects) => [log(effects, "a")],
  },
  "a model that fails first": {
    script: (m) =>
      m.step === 1 && m.attempt === 1
        ? { error: Object.assign(new Error("busy"), { retryable: true }) }
        : m.step < 2
          ? { calls: [call("a", m.step)] }
          : { text: "end" },
    tools: (effects) => [log(effects, "a")],
    limits: { modelAttempts: 10 },
  },
  "a steer from a tool": {
    script: [{ calls: [call("s", 1)] }, { text: "end" }],
    tools: (effects) => [
      makeTool(
        "s",
        async (_input, context) => {
          effects.push(context.idempotencyKey);
          await context.attach([{ type: "text", text: "by the way" }]);
          return "steered";
        },
        { effect: "idempotent" },
      ),
    ],
  },
  "the wrap-up at the step limit": {
    script: (m) => (m.toolChoice === "none" ? { text: "end" } : { calls: [call("a", m.step)] }),
    tools: (effects) => [log(effects, "a")],
    limits: { maxSteps: 3 },
  },
  "a loop that is stopped": {
    script: (m) => (m.toolChoice === "none" ? { text: "end" } : { calls: [call("a", 0)] }),
    tools: (effects) => [log(effects, "a")],
    limits: { repeats: 2, maxSteps: 20 },
  },
  "a call that fails": {
    script: [{ calls: [call("f", 1)] }, { text: "end" }],
    tools: (effects) => [
      makeTool("f", async (_input, context) => {
        effects.push(context.idempotencyKey);
        throw new Error("no");
      }),
    ],
  },
};

/** Stops the process for good at its n-th write: before it, or after it was made but before anybody heard of it. */
function crashAt(world: () => World, at: number, when: "before" | "after"): (store: Store) => Store {
  let writes = 0;
  const guard = async <T>(write: () => Promise<T>): Promise<T> => {
    const crash = writes++ === at;
    if (crash && when === "before") return stop(world());
    const result = await write();
    return crash ? stop(world()) : result;
  };
  return (store) => ({
    ...store,
    journal: { ...store.journal, append: (request: AppendRequest) => guard(() => store.journal.append(request)) },
    runs: { ...store.runs, create: (request) => guard(() => store.runs.create(request)) },
  });
}

function stop(world: World): Promise<never> {
  world.store.die();
  crashed = true;
  return new Promise(() => {});
}

let crashed = false;

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface Outcome {
  readonly transcript: readonly Message[];
  readonly status: string;
  readonly effects: readonly string[];
  readonly recovered: boolean;
}

async function play(scenario: Scenario, crash?: { at: number; when: "before" | "after" }): Promise<Outcome> {
  crashed = false;
  const effects: string[] = [];
  let world: World;
  const tools = scenario.tools(effects, () => world);
  const agent = makeAgent(tools, scenario.limits);
  const options = { agents: [agent] };
  world = createWorld(
    scenario.script,
    crash === undefined ? options : { ...options, through: crashAt(() => world, crash.at, crash.when) },
  );
  const first = world.executor.run(agent, { input: "go", id: "r" });
  const settled = await world.clock.until(Promise.race([first, whenCrashed()]));
  if (settled !== "crashed") return outcome(world, effects, false);
  await turns(5);
  const next = createWorld(scenario.script, { ...options, from: { ...world, store: world.store.peer("memory/2") } });
  const handle = await next.executor.start(agent, { input: "go", id: "r" });
  await next.clock.until(handle.result);
  return outcome(next, effects, true);
}

async function whenCrashed(): Promise<"crashed"> {
  while (!crashed) await turns(1);
  return "crashed";
}

async function outcome(world: World, effects: readonly string[], recovered: boolean): Promise<Outcome> {
  const events = await world.store.journal.read("r");
  expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
  expect(events.at(-1)?.type).toBe("run.finished");
  const ended = events
    .filter((event) => event.type === "tool.ended")
    .map((event) => (event.type === "tool.ended" ? event.call : ""));
  expect(new Set(ended).size).toBe(ended.length);
  const state = foldJournal(events)?.state;
  if (state === undefined) throw new Error("no state");
  return { transcript: toArray(state.messages), status: state.settling?.status ?? "", effects, recovered };
}

const isUnknown = (message: Message): boolean => JSON.stringify(message).includes("outcome of this call is unknown");

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  it("survives a stop before and after each of its writes", async () => {
    const undisturbed = await play(scenario);
    let points = 0;
    for (const when of ["before", "after"] as const) {
      for (let at = 0; ; at++) {
        const result = await play(scenario, { at, when });
        if (!result.recovered) break;
        points++;
        const where = `${when} write ${at}`;
        expect(result.status, where).toBe(undisturbed.status);
        expect(repeatedOnce(scenario, result.effects), where).toEqual([]);
        if (result.transcript.some(isUnknown)) continue;
        expect(result.transcript, where).toEqual(undisturbed.transcript);
      }
    }
    expect(points).toBeGreaterThan(5);
  });
});

/** Keys of `once` calls that ran more than once. */
function repeatedOnce(scenario: Scenario, effects: readonly string[]): readonly string[] {
  const repeated = effects.filter((key, i) => effects.indexOf(key) !== i);
  const allOnce = scenario
    .tools([], () => {
      throw new Error("not needed");
    })
    .every((tool) => tool.effect === "once");
  return allOnce ? repeated : [];
}
