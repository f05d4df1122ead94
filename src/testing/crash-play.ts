/** One scenario played in a world of its own, by as many processes as it takes: each but the last stops at a given write. */
import { AssertionError } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { createMemoryBlobs } from "../adapters/blobs/memory.ts";
import { createMemoryStore, type MemoryStore } from "../adapters/store/memory.ts";
import { toArray } from "../kernel/list.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Delivery, DeliveryAdapter } from "../ports/delivery.ts";
import type { RunEvent } from "../ports/events.ts";
import type { Message } from "../ports/messages.ts";
import type { ModelCall } from "../ports/models.ts";
import type { DeliveryRow, RunRow, Store } from "../ports/store.ts";
import { foldJournal } from "../run/result.ts";
import type { Agent, RunResult } from "../run/types.ts";
import type { CrashConfig, CrashWorld, Scenario, Scene } from "./crash-scenario.ts";
import { type Crash, crashingStore } from "./crashing-store.ts";
import { type EffectLog, effectLogAround } from "./effect-log.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { storeViolations, type Violation } from "./invariants.ts";
import { type OtherWork, otherWork, realWork, toolClock } from "./real-work.ts";
import { answerOf, type Script } from "./scripted-model.ts";
import { type ScriptWatch, watchScript } from "./watched-script.ts";
import { createWorld } from "./world.ts";

export interface PlayedRun {
  readonly row: RunRow;
  readonly events: readonly RunEvent[];
  readonly transcript: readonly Message[];
}

/** What is in the store. */
export interface Durable {
  readonly runs: ReadonlyMap<string, PlayedRun>;
  readonly outbox: readonly DeliveryRow[];
  readonly violations: readonly Violation[];
}

/** What was durable when a process stopped, and what had begun. */
export interface Stop extends Durable {
  readonly crash: Crash;
  readonly write: string;
  readonly effects: number;
}

export interface SentDelivery {
  readonly delivery: Delivery;
  readonly outcome: "delivered" | "failed";
}

export interface Played extends Durable {
  readonly result: RunResult;
  readonly sent: readonly SentDelivery[];
  readonly effects: EffectLog;
  readonly outside: unknown;
  /** One for each process but the last. */
  readonly stops: readonly Stop[];
  /** Of each process. */
  readonly modelCalls: readonly (readonly ModelCall[])[];
  /** That the script called a tool which the model was never offered. */
  readonly unknownTool: string | undefined;
  /** Of the last process, when it had a crash to come to and ended before. */
  readonly missed?: Crash;
}

/** Once a run is told something this often and still waits, nobody knows how to go on. */
const MOST_WAITS = 100;
const PATIENCE_MS = 1_000;
const POLL_MS = 1_000;

/** What the processes of a play have in common. */
interface Stage extends Scene {
  readonly scenario: Scenario;
  readonly base: { readonly clock: FakeClock; readonly store: MemoryStore; readonly blobs: Blobs };
  readonly agent: Agent;
  readonly watch: ScriptWatch;
  readonly config: CrashConfig;
  readonly others: OtherWork;
  readonly sent: SentDelivery[];
  readonly isBusy: () => boolean;
}

export async function play(scenario: Scenario, crashes: readonly Crash[]): Promise<Played> {
  const stage = setUp(scenario);
  const { base, effects, others, sent, watch } = stage;
  const stops: Stop[] = [];
  const modelCalls: (readonly ModelCall[])[] = [];
  for (let number = 1; ; number++) {
    const crash = crashes[number - 1];
    const { world, result, write } = await runProcess(stage, number, crash);
    modelCalls.push(world.models.calls);
    if (crash !== undefined && result === undefined) {
      stops.push({ crash, write, ...(await durable(base.store)), effects: effects.effects.length });
      effects.cut();
      others.cut();
      await turns(5);
    } else if (result !== undefined) {
      await afterwards(scenario, world, stops);
      const outside = snapshot(scenario.outside?.());
      const missed = crash === undefined ? {} : { missed: crash };
      const { unknownTool } = watch;
      return { result, ...(await durable(base.store)), sent, effects, outside, stops, modelCalls, unknownTool, ...missed };
    }
  }
}

function setUp(scenario: Scenario): Stage {
  const clock = createFakeClock(scenario.seed);
  const base = { clock, store: createMemoryStore({ now: () => clock.now() }), blobs: createMemoryBlobs() };
  const others = otherWork();
  const effects = effectLogAround((work) => others.do(work));
  const tools = toolClock(clock);
  const scene: Scene = { clock: tools.clock, store: base.store, effects };
  const agent = effects.agent(agentOf(scenario, scene));
  const sent: SentDelivery[] = [];
  const config = { agents: [agent], ...logged(configOf(scenario, scene), { effects, others, sent }) };
  const script = scriptOf(scenario, others);
  const watch = watchScript((call) => answerOf(script, call));
  const isBusy = realWork({ effects, others, tools }, scenario.patienceMs ?? PATIENCE_MS);
  return { ...scene, scenario, base, agent, watch, config, others, sent, isBusy };
}

interface Process {
  readonly world: CrashWorld;
  /** Absent: it has stopped. */
  readonly result?: RunResult;
  /** The last write that was asked for, where it was to stop. */
  readonly write: string;
}

async function runProcess(
  { scenario, base, effects, agent, watch, config, isBusy }: Stage,
  number: number,
  crash?: Crash,
): Promise<Process> {
  const store = number === 1 ? base.store : base.store.peer(`memory/${number}`);
  const crashing = crash === undefined ? undefined : crashingStore(store, crash, () => store.die());
  const seen = crashing?.store ?? store;
  const made = createWorld(watch.script, { ...config, from: { ...base, store }, through: () => seen });
  const world: CrashWorld = { ...made, effects, process: number };
  const end = finish(scenario, world, agent);
  const how = await base.clock.until(crashing === undefined ? end : Promise.race([end, crashing.crashed]), isBusy);
  return { world, write: crashing?.writes.at(-1) ?? "", ...(how === "crashed" ? {} : { result: how }) };
}

function agentOf({ agent, limits }: Scenario, scene: Scene): Agent {
  const made = typeof agent === "function" ? agent(scene) : agent;
  return limits === undefined ? made : { ...made, limits: { ...made.limits, ...limits } };
}

function configOf({ config = {} }: Scenario, scene: Scene): CrashConfig {
  return typeof config === "function" ? config(scene) : config;
}

function scriptOf({ script }: Scenario, others: OtherWork): Script {
  return typeof script === "function" ? (call) => others.do(() => script(call)) : script;
}

interface Logs {
  readonly effects: EffectLog;
  readonly others: OtherWork;
  readonly sent: SentDelivery[];
}

/** Whatever calls tools or delivers is logged, and what may take real time is waited for. */
function logged(config: CrashConfig, { effects, others, sent }: Logs): CrashConfig {
  const { tools, sources, delegates, agents, delivery } = config;
  return {
    ...config,
    ...deciding(config, others),
    ...(tools === undefined ? {} : { tools: effects.tools(tools) }),
    ...(sources === undefined ? {} : { sources: sources.map((source) => effects.source(source)) }),
    ...(delegates === undefined ? {} : { delegates: effects.delegates(delegates) }),
    ...(Array.isArray(agents) ? { agents: (agents as readonly Agent[]).map((agent) => effects.agent(agent)) } : {}),
    ...(delivery === undefined
      ? {}
      : { delivery: { ...delivery, adapters: delivery.adapters.map((adapter) => recorded(adapter, others, sent)) } }),
  };
}

function deciding({ compactor, supervisor, admit }: CrashConfig, others: OtherWork): CrashConfig {
  return {
    ...(compactor === undefined || compactor === false
      ? {}
      : { compactor: { ...compactor, compact: (...given) => others.do(() => compactor.compact(...given)) } }),
    ...(supervisor === undefined
      ? {}
      : { supervisor: { ...supervisor, decide: (...given) => others.do(() => supervisor.decide(...given)) } }),
    ...(admit === undefined ? {} : { admit: (...given) => others.do(() => admit(...given)) }),
  };
}

function recorded(adapter: DeliveryAdapter, others: OtherWork, sent: SentDelivery[]): DeliveryAdapter {
  return {
    ...adapter,
    deliver: async (delivery, signal) => {
      const report = await others.do(() => adapter.deliver(delivery, signal));
      sent.push({ delivery, outcome: report.outcome });
      return report;
    },
  };
}

/** Brings about what the run waits for, as often as it waits, lets time pass where nobody can do anything, and sees to its deliveries. */
async function finish(scenario: Scenario, world: CrashWorld, agent: Agent): Promise<RunResult> {
  const { executor, store, clock } = world;
  const { request = {}, whenWaiting, begin } = scenario;
  const given = { input: "go", id: "r", ...(typeof request === "string" ? { input: request } : request) };
  const start = () => begin?.(world, agent) ?? executor.run(agent, given);
  let result = await start();
  for (let waits = 0; result.status === "waiting" && waits < MOST_WAITS; waits++) {
    await whenWaiting?.(world, result);
    // What it was told may have woken it, and it may be through by now: a start with the same id joins it either way.
    const told = whenWaiting === undefined ? result : await start();
    const isUnmoved = isDeepStrictEqual(told.waitingFor, result.waitingFor);
    result = told;
    if (!isUnmoved) continue;
    if (!(await timePasses(world)) && whenWaiting === undefined) break;
    result = await start();
  }
  while ((await store.outbox.list({ status: ["pending"], limit: 1 })).length > 0) {
    await executor.deliver();
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  return result;
}

/** To when something falls due; false: never, somebody has to come. */
async function timePasses({ store, clock }: CrashWorld): Promise<boolean> {
  const rows = await store.runs.list({ status: ["waiting"], limit: Infinity });
  const due = Math.min(...rows.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt])));
  if (due === Infinity) return false;
  await new Promise<void>((resolve) => clock.after(due - clock.now(), resolve));
  return true;
}

/** What fails there fails at this moment. */
async function afterwards(scenario: Scenario, world: CrashWorld, stops: readonly Stop[]): Promise<void> {
  try {
    await scenario.afterwards?.(world);
  } catch (cause) {
    throw new AssertionError({ message: `${whereOf(stops)}: ${cause instanceof Error ? cause.message : String(cause)}` });
  }
}

/** `stopped before write 3 (append to r: tool.started)`, then the next process's. */
export function whereOf(stops: readonly Pick<Stop, "crash" | "write">[]): string {
  if (stops.length === 0) return "undisturbed";
  return `stopped ${stops.map(({ crash, write }) => `${crash.when} write ${crash.at} (${write})`).join(", then ")}`;
}

async function durable(store: Store): Promise<Durable> {
  const runs = new Map<string, PlayedRun>();
  for (const row of await store.runs.list({ limit: Infinity })) {
    const events = await store.journal.read(row.run);
    const state = foldJournal(events)?.state;
    runs.set(row.run, { row, events, transcript: state === undefined ? [] : toArray(state.messages) });
  }
  return { runs, outbox: await store.outbox.list({ limit: Infinity }), violations: await storeViolations(store) };
}

/** Of what was seen outside: it may be the very thing that later runs change. */
function snapshot(outside: unknown): unknown {
  try {
    return structuredClone(outside);
  } catch {
    return outside;
  }
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}
