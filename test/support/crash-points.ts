/**
 * Runs a scenario and stops it before and after each of its writes: another process takes it over, and it must end as if nothing had
 * happened: same transcript, no committed call run again, no `once` call run twice.
 */
import { expect } from "vitest";
import { toArray } from "../../src/kernel/list.ts";
import { isFinal } from "../../src/kernel/status.ts";
import type { Message } from "../../src/ports/messages.ts";
import type { FinalStatus } from "../../src/ports/view.ts";
import type { Tool } from "../../src/ports/tools.ts";
import { foldJournal } from "../../src/run/result.ts";
import type { Agent, RunRequest, RunResult } from "../../src/run/types.ts";
import { storeViolations } from "../../src/testing/invariants.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { type Crash, crashingStore } from "./crashing-store.ts";
import { createWorld, makeAgent, type World, type WorldOptions } from "./world.ts";

export interface Scenario {
  readonly script: Script;
  readonly tools: (effects: string[], world: () => World) => readonly Tool[];
  readonly limits?: object;
  /** What the agent has besides its tools and limits. */
  readonly agent?: Partial<Agent>;
  readonly request?: Partial<RunRequest>;
  /** The same, where it needs the scenario's tools: delegates that use them. */
  readonly agentWith?: (tools: readonly Tool[], effects: string[]) => Partial<Agent>;
  /** How it ends when nobody disturbs it. Default `completed`. */
  readonly status?: FinalStatus;
  /** What the executor of each process has. */
  readonly config?: (effects: string[]) => Omit<WorldOptions, "from" | "through">;
  /** The run stands still and waits for somebody: do what lets it go on. Called again while it waits. */
  readonly whenWaiting?: (world: World, result: RunResult) => Promise<void>;
  /** Starts the run `r`, or goes on with it. Default: by its request. */
  readonly begin?: (world: World, agent: Agent) => Promise<RunResult>;
  /** What a crash costs counts, so a run may get less far than an undisturbed one; it ends in the same way. */
  readonly mayGetLessFar?: true;
  /** What must hold at the end, in the world of whoever ended it. */
  readonly afterwards?: (world: World) => Promise<void>;
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface Outcome {
  readonly transcript: readonly Message[];
  readonly status: string;
  readonly effects: readonly string[];
  readonly recovered: boolean;
}

async function play(scenario: Scenario, crash?: Crash): Promise<Outcome> {
  const effects: string[] = [];
  let world: World;
  const tools = scenario.tools(effects, () => world);
  const agent = { ...makeAgent(tools, scenario.limits), ...scenario.agent, ...scenario.agentWith?.(tools, effects) };
  const request = { input: "go", id: "r", ...scenario.request };
  const options = { agents: [agent], ...scenario.config?.(effects) };
  const crashing = crash === undefined ? undefined : crashingStore(() => world, crash);
  world = createWorld(scenario.script, { ...options, ...(crashing && { through: crashing.through }) });
  const { begin } = scenario;
  const first = toItsEnd(world, scenario, () => begin?.(world, agent) ?? world.executor.run(agent, request));
  const settled = await world.clock.until(Promise.race(crashing === undefined ? [first] : [first, crashing.crashed]));
  if (settled !== "crashed") return outcome(world, effects, { scenario, recovered: false });
  await turns(5);
  const next = createWorld(scenario.script, { ...options, from: { ...world, store: world.store.peer("memory/2") } });
  const again = async (): Promise<RunResult> => begin?.(next, agent) ?? (await next.executor.start(agent, request)).result;
  await next.clock.until(toItsEnd(next, scenario, again));
  return outcome(next, effects, { scenario, recovered: true });
}

/** Whatever the run waits for is brought about, as often as it waits. */
async function toItsEnd(world: World, { whenWaiting }: Scenario, start: () => Promise<RunResult>): Promise<RunResult> {
  let result = await start();
  while (result.status === "waiting" && whenWaiting !== undefined) {
    await whenWaiting(world, result);
    // What it was told may have woken it, and it may be through by now: a start with the same id joins it either way.
    result = await start();
  }
  return result;
}

async function outcome(
  world: World,
  effects: readonly string[],
  { scenario, recovered }: { readonly scenario: Scenario; readonly recovered: boolean },
): Promise<Outcome> {
  await scenario.afterwards?.(world);
  expect(await storeViolations(world.store)).toEqual([]);
  for (const { run, status } of await world.store.runs.list({ limit: Infinity })) expect(isFinal(status), run).toBe(true);
  const events = await world.store.journal.read("r");
  const state = foldJournal(events)?.state;
  if (state === undefined) throw new Error("no state");
  return { transcript: toArray(state.messages), status: state.settling?.status ?? "", effects, recovered };
}

const isUnknown = (message: Message): boolean => JSON.stringify(message).includes("outcome of this call is unknown");

/** Stops the scenario at each of its writes; returns how many points there were. */
export async function survivesEverywhere(scenario: Scenario): Promise<number> {
  const undisturbed = await play(scenario);
  expect(undisturbed.status).toBe(scenario.status ?? "completed");
  let points = 0;
  for (const when of ["before", "after"] as const) {
    for (let at = 0; ; at++) {
      const result = await play(scenario, { at, when });
      if (!result.recovered) break;
      points++;
      const where = `${when} write ${at}`;
      expect(result.status, where).toBe(undisturbed.status);
      expect(repeatedOnce(scenario, result.effects), where).toEqual([]);
      if (scenario.mayGetLessFar === true || result.transcript.some(isUnknown)) continue;
      expect(result.transcript, where).toEqual(undisturbed.transcript);
    }
  }
  return points;
}

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
