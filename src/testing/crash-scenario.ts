/** What a user of `crashEverywhere` says about a run. */
import type { FinalStatus } from "../ports/view.ts";
import type { LimitsInput } from "../ports/limits.ts";
import type { Store } from "../ports/store.ts";
import type { Agent, ExecutorConfig, RunRequest, RunResult } from "../run/types.ts";
import type { Crash } from "./crashing-store.ts";
import type { EffectLog } from "./effect-log.ts";
import type { FakeClock } from "./fake-clock.ts";
import type { Script } from "./scripted-model.ts";
import type { World } from "./world.ts";

/** What a scenario's own parts may need. Every time the scenario is played it has new ones. */
export interface Scene {
  readonly clock: FakeClock;
  /** The data of all processes: a tool can steer or stop its own run through `store.inbox`. */
  readonly store: Store;
  readonly effects: EffectLog;
}

/** The world as one process has it. */
export interface CrashWorld extends World {
  readonly effects: EffectLog;
  /** From 1. */
  readonly process: number;
}

/** Of the executor of each process. Store, blobs, clock and models are those of the kit. */
export type CrashConfig = Partial<Omit<ExecutorConfig, "models" | "store" | "blobs" | "clock">> & {
  /** Window of the scripted model; unknown unless given. */
  readonly contextTokens?: number;
};

/** How deep crashes go, and how a run is helped along. */
export interface CrashOptions {
  /** Also stop the process that recovers, at each of its writes. Default false. */
  readonly pairs?: boolean;
  /** Only this crash, or these two: that of a failure message, for a debugger. */
  readonly only?: readonly Crash[];
  /** Text, or what differs from `{ input: "go", id: "r" }`. */
  readonly request?: string | RunRequest;
  /** Merged over the agent's. */
  readonly limits?: LimitsInput;
  /** A function is called each time the scenario is played. */
  readonly config?: CrashConfig | ((scene: Scene) => CrashConfig);
  /** How the run ends when nobody disturbs it. Default `completed`. */
  readonly status?: FinalStatus;
  /** Of the clock: another one gives other ids and jitter. Default 1. */
  readonly seed?: number;
  /**
   * Time is fake, but tools, sources, adapters and the other functions of a scenario may do real things: while one is under way and no
   * timer of the scene's clock is set, it stands still for so long, real ms. Default 1,000; less where they hang on purpose.
   */
  readonly patienceMs?: number;
  /**
   * The run stands still and waits for somebody: do what lets it go on, through `world.executor`. Called again while it waits, in each
   * process, so what is sent needs an id of its own to be heard once. Where it changes nothing, time passes to what falls due next.
   */
  readonly whenWaiting?: (world: CrashWorld, result: RunResult) => Promise<void>;
  /** Starts the run, or goes on with it. Default: by its request. */
  readonly begin?: (world: CrashWorld, agent: Agent) => Promise<RunResult>;
  /**
   * What happened to the outside world, looked at when a run has ended: it must be the same as undisturbed. Of an array no item may be
   * there more often, and none may be missing unless the outcome of a call is unknown; anything else must be equal then.
   */
  readonly outside?: () => unknown;
  /** What a crash costs counts against limits, so that a run may get less far: transcripts and `outside` are not compared. */
  readonly mayGetLessFar?: true;
  /** The script calls a tool that the agent does not have, and means it: to see how the run goes on. Otherwise it is a slip. */
  readonly mayCallUnknown?: true;
  /** What else must hold at the end, in the world of the process that came to it. */
  readonly afterwards?: (world: CrashWorld) => Promise<void> | void;
}

export interface Scenario extends CrashOptions {
  readonly agent: Agent | ((scene: Scene) => Agent);
  readonly script: Script;
}
