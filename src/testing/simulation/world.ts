/** A simulated world: two processes with one store, and everything that can happen to them. */
import { createMemoryBlobs } from "../../adapters/blobs/memory.ts";
import { createMemoryStore, type MemoryStore } from "../../adapters/store/memory.ts";
import { schemas } from "../../adapters/tools/output-schema.ts";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ModelCandidate } from "../../ports/models.ts";
import type { Store } from "../../ports/store.ts";
import { createExecutorOn } from "../../run/executor.ts";
import type { Agent, Executor, ExecutorConfig, RunRequest } from "../../run/types.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import { BEGINNING, Host, type Lease } from "./host.ts";
import { laneHasRoom } from "./lane-watch.ts";
import { observedAgent } from "./observed-agent.ts";
import { observedConfig } from "./observed-config.ts";
import type { Place } from "./observed-tool.ts";
import { Oracle } from "./oracle.ts";
import { Outside } from "./outside.ts";
import { type ModelPlace, randomModels } from "./random-model.ts";
import { Schedule } from "./schedule.ts";
import { type Premises, simulatedStore } from "./simulated-store.ts";

/** What an agent may use so that it does the same for the same seed. */
export interface SimulatedPlace {
  /** What both processes must agree on is to be drawn from it: `seededRandom(seed)`. */
  readonly seed: number;
  readonly random: SeededRandom;
  /** Of the process that the agent is in. */
  readonly clock: Clock;
}

/** A run that is to be started. */
export interface SimulatedStart {
  readonly seed: number;
  readonly run: string;
}

export interface WorldOptions {
  readonly seed: number;
  readonly agent: Agent | ((place: SimulatedPlace) => Agent);
  readonly request: (of: SimulatedStart) => RunRequest;
  readonly config: (place: SimulatedPlace) => Partial<ExecutorConfig>;
  /** Of the simulated model. */
  readonly contextTokens: number | undefined;
  readonly script: ModelCandidate | undefined;
  readonly lease: Lease;
  /** In front of the store of each process. */
  readonly through: (store: Store) => Store;
  /** Throws when something else is wrong. */
  readonly afterwards: (store: Store) => void | Promise<void>;
}

/** One of the two processes, in its present incarnation. */
export interface Worker {
  readonly slot: string;
  readonly host: Host;
  readonly agent: Agent;
  readonly executor: Executor;
}

type Trouble = Place["trouble"] & ModelPlace["trouble"];

const SWEEP_MS = 1_000;
/** Ten times what a seed with everything in it takes: some run does not come to its end, and would keep the test for ever. */
const MOST_TASKS = 30_000;

export class World {
  readonly schedule: Schedule;
  readonly oracle: Oracle;
  readonly store: MemoryStore;
  readonly outside: Outside = new Outside();
  readonly premises: Premises;
  readonly trouble: Trouble = {
    toolFails: 0.05,
    toolIsSlow: 0.03,
    sourceFails: 0.05,
    deliveryFails: 0.3,
    compactorFails: 0.1,
    supervisorFails: 0.1,
    modelFails: 0.1,
    modelHangs: 0.01,
  };
  /** What was done to this world, oldest first. */
  readonly trace: string[] = [];
  /** By slot. */
  readonly workers: Map<string, Worker> = new Map();
  readonly #options: WorldOptions;
  readonly #blobs: Blobs;
  #incarnation = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.schedule = new Schedule(seededRandom(options.seed));
    const now = (): number => BEGINNING + (this.premises.storeNow ?? this.schedule.now);
    this.store = createMemoryStore({ self: "oracle/1", now });
    this.#blobs = createMemoryBlobs({ now });
    this.premises = {
      schedule: this.schedule,
      lease: options.lease,
      hosts: [],
      faults: { before: 0.02, after: 0.01, slow: 0.005 },
      owners: new Map(),
      losers: new Set(),
      storeNow: undefined,
      writer: undefined,
      problem: (message) => this.oracle.problem(message),
      taken: (run) => laneHasRoom(this.oracle, this.premises, run),
      charged: (run, change) => this.oracle.ledger.changed(run, change),
    };
    this.oracle = new Oracle(this.premises, this.store);
  }

  /** What else the caller wants to hold, once all is over. */
  async conclude(): Promise<void> {
    try {
      await this.#options.afterwards(this.store);
    } catch (error) {
      this.oracle.problem(error instanceof Error ? error.message : String(error));
    }
  }

  requestOf(run: string): RunRequest {
    const { seed, request } = this.#options;
    return request({ seed, run });
  }

  log(what: string): void {
    this.trace.push(`${this.schedule.now.toFixed(1).padStart(9)}  ${what}`);
  }

  /** Lets things happen until then, one after the other; false once something is wrong. */
  async runUntil(until: number): Promise<boolean> {
    const { schedule, outside, oracle } = this;
    while (oracle.problems.length === 0 && schedule.step(until)) {
      await outside.drained();
      await oracle.look();
      if (schedule.taken >= MOST_TASKS) await oracle.goesOn();
    }
    schedule.now = Math.max(schedule.now, until);
    return oracle.problems.length === 0;
  }

  // --- processes -----------------------------------------------------------------------------------------------------

  boot(slot: string): Worker {
    const { schedule, premises, oracle, outside } = this;
    const { seed, lease, config, through, script, contextTokens, agent: given } = this.#options;
    const name = `${slot}/${++this.#incarnation}`;
    const host = new Host(name, schedule, this.store.peer(name));
    premises.hosts.push(host);
    const place: Place = { host, schedule, oracle, outside, leaseMs: lease.leaseMs, trouble: this.trouble };
    const simulated: SimulatedPlace = { seed, random: schedule.random, clock: host.clock };
    const agent = observedAgent(typeof given === "function" ? given(simulated) : given, place);
    const configured = observedConfig(config(simulated), place);
    oracle.ledger.budgets = configured.ledger === undefined ? (configured.budgets ?? []) : [];
    const executor = createExecutorOn(
      {
        sweepMs: SWEEP_MS,
        ...configured,
        agents: [agent],
        models: randomModels({ ...place, trouble: this.trouble, script, contextTokens }),
      },
      { store: simulatedStore(premises, host, through(host.store)), blobs: this.#blobs, clock: host.clock, schemas },
    );
    const worker = { slot, host, agent, executor };
    this.workers.set(slot, worker);
    this.#beat(host);
    this.log(`${name} boots`);
    this.expect(executor.recover(), `${name} looks for runs to go on with`);
    return worker;
  }

  #beat(host: Host): void {
    const { heartbeatMs } = this.#options.lease;
    if (heartbeatMs === 0) return;
    this.schedule.after(heartbeatMs, host, () => {
      host.beat();
      this.#beat(host);
    });
  }

  crash({ host }: Worker): void {
    host.isDead = true;
    // On the same machine others see at once that a process is gone; from elsewhere only by its silence.
    if (this.schedule.random.chance(0.5)) host.heardAt = -Infinity;
    this.log(`${host.name} is killed`);
  }

  /** It must come back; that the store could not be reached is no surprise. */
  expect(promise: Promise<unknown>, what: string): void {
    promise.catch((error: unknown) => {
      if (isExecutusError(error)) this.log(`${what}: ${error.code}, ${error.message}`);
      else this.oracle.problem(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  }
}
