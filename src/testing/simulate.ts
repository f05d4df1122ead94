/** Plays an agent through thousands of bad days, each of which follows from a number. */
import { hash } from "node:crypto";
import type { Agent } from "../ports/definition.ts";
import type { Store } from "../ports/store.ts";
import type { ExecutorConfig, RunRequest } from "../run/types.ts";
import type { Script } from "./scripted-model.ts";
import { playSeed, type SeedResult } from "./simulation/play-seed.ts";
import { type SimulatedScript, simulatedScript } from "./simulation/simulated-script.ts";
import type { SimulatedPlace, SimulatedStart, WorldOptions } from "./simulation/world.ts";

export type { SimulatedPlace, SimulatedStart };

type SimulatedRequest = Omit<RunRequest, "id">;
type SimulatedConfig = Partial<Omit<ExecutorConfig, "models" | "store" | "clock" | "agents" | "blobs">>;

export interface SimulateOptions {
  /** How many seeds, from 1 on; or which. Default 100. */
  readonly seeds?: number | readonly number[];
  /**
   * What the model says. People tell runs more, and they go on: the last answer of a list is given again, if it calls no tool.
   * Default: it calls the agent's tools as the seed will have it, with arguments that fit their schemas.
   */
  readonly script?: Script;
  /** What each run is asked: its lane, its targets. A function is to say the same whenever it is asked about the same run. */
  readonly request?: SimulatedRequest | ((start: SimulatedStart) => SimulatedRequest);
  /**
   * Of both executors: tools, sources, delegates, lanes, budgets, delivery, compactor, limits, observers. What adapters, sources and a
   * compactor do takes virtual time and fails now and then; deliveries are tried again within seconds, unless a schedule is given. A
   * function is called for each process.
   */
  readonly config?: SimulatedConfig | ((place: SimulatedPlace) => SimulatedConfig);
  /** Context window of the model, which refuses what is longer; a function is given the seed. Default: none. */
  readonly contextTokens?: number | ((seed: number) => number | undefined);
  /** In front of the store of each process: a fault that is planted there is to be found. */
  readonly through?: (store: Store) => Store;
  /** What else must hold at the end of each seed, when every run has ended: throw when it does not. */
  readonly afterwards?: (store: Store) => void | Promise<void>;
  /** Virtual ms. Default: 3,000, renewed every 1,000; a `heartbeatMs` of 0 is a lease that is never renewed. */
  readonly lease?: { readonly leaseMs: number; readonly heartbeatMs: number };
}

export interface Simulation {
  readonly seeds: number;
  readonly runs: number;
  readonly events: number;
  readonly crashes: number;
  readonly pauses: number;
  /** Effects of processes that had lost their run and did not know it yet: they have the same idempotency key. */
  readonly lateEffects: number;
  /** Of all events of all seeds: the same seeds and the same code give the same hash. */
  readonly hash: string;
}

const LEASE = { leaseMs: 3_000, heartbeatMs: 1_000 };

/**
 * Runs the agent in simulated worlds, one per seed: two processes with one store, crashes, processes that are stopped for longer
 * than their lease and wake up, a store that is slow, unreachable or fails after it has written, clocks that jump by a day, models
 * that break off, tools that fail, commands that arrive twice and in another order. After everything that happens, the invariants are
 * checked; at the end every run must have ended, no `once` call may have taken effect twice, no finished call may have been run again, no
 * `reconcile` may have been wrong, and everything that was acknowledged must be there.
 *
 * Throws an Error when nothing was tried (no seeds, every start was refused, a script that is too short or calls what is not there), or
 * one that names the first seed in which something is wrong, what it is, and how to play that seed again. An agent given as a function
 * is made anew for each process of each world. Its tools must take neither time nor randomness from elsewhere: what they wait for in
 * real time takes no virtual time, and what is random makes a seed play differently the next time.
 *
 * @example
 * await simulate(agent, { seeds: 200 });
 * await simulate(agent, { seeds: [1733] });
 */
export async function simulate(
  agent: Agent | ((place: SimulatedPlace) => Agent),
  options: SimulateOptions = {},
): Promise<Simulation> {
  const numbers = numbersOf(options.seeds ?? 100);
  const scripted = options.script === undefined ? undefined : await simulatedScript(options.script);
  let total: Simulation = { seeds: 0, runs: 0, events: 0, crashes: 0, pauses: 0, lateEffects: 0, hash: "" };
  let refused: string | undefined;
  for (const seed of numbers) {
    const result = await playSeed(worldOf({ seed, agent, script: scripted?.candidate }, options));
    if (scripted?.problem !== undefined) throw new Error(`seed ${seed}: ${scripted.problem}`);
    if (result.problem !== undefined) throw new Error(describeFailure(result));
    total = add(total, result);
    refused ??= result.refused;
  }
  const untried = untriedOf(total, refused, scripted);
  if (untried !== undefined) throw new Error(untried);
  return total;
}

function untriedOf({ runs }: Simulation, refused: string | undefined, scripted: SimulatedScript | undefined): string | undefined {
  if (runs === 0 && refused !== undefined) return `no run was begun in any seed, so nothing was tried: ${refused}`;
  return scripted?.unknownTool === undefined ? undefined : `${scripted.unknownTool}, in no seed`;
}

function numbersOf(seeds: number | readonly number[]): readonly number[] {
  const numbers = typeof seeds === "number" ? Array.from({ length: Math.max(0, seeds || 0) }, (_, i) => i + 1) : seeds;
  if (numbers.length > 0) return numbers;
  throw new Error(`there are no seeds to play, so nothing would be tried: \`seeds\` is ${JSON.stringify(seeds)}`);
}

function worldOf(of: Pick<WorldOptions, "seed" | "agent" | "script">, options: SimulateOptions): WorldOptions {
  const { request, config, contextTokens, lease = LEASE, through = (store) => store, afterwards = () => {} } = options;
  return {
    ...of,
    request: (start) => ({ input: "Do what there is to do.", ...given(request, start) }),
    config: (place) => given(config, place) ?? {},
    contextTokens: typeof contextTokens === "function" ? contextTokens(of.seed) : contextTokens,
    lease,
    through,
    afterwards,
  };
}

function given<T extends object, P>(value: T | ((place: P) => T) | undefined, place: P): T | undefined {
  return typeof value === "function" ? value(place) : value;
}

function add(total: Simulation, { runs, events, crashes, pauses, lateEffects, hash: one }: SeedResult): Simulation {
  return {
    seeds: total.seeds + 1,
    runs: total.runs + runs,
    events: total.events + events,
    crashes: total.crashes + crashes,
    pauses: total.pauses + pauses,
    lateEffects: total.lateEffects + lateEffects,
    hash: hash("sha256", total.hash + one),
  };
}

/** Enough of what happened to see what led to it. */
const LINES = 40;

function describeFailure({ seed, problem, trace, journals, hash }: SeedResult): string {
  return [
    `seed ${seed}: ${problem}`,
    `Play it again: simulate(agent, { seeds: [${seed}] })  (hash ${hash.slice(0, 16)})`,
    "What was done to it, in virtual ms:",
    ...trace.slice(-LINES),
    "What the journals have:",
    ...journals.slice(-2 * LINES),
  ].join("\n");
}
