/** The front door's types: what a caller gives, and what it gets back. */
import type { Artifact } from "../ports/artifact.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Admit, Budget, BudgetQuery, BudgetStanding, Ledger } from "../ports/budget.ts";
import type { Clock } from "../ports/clock.ts";
import type { Compactor } from "../ports/compactor.ts";
import type { Delegates } from "../ports/delegates.ts";
import type { Agent, ChangePolicy, Permission } from "../ports/definition.ts";
import type { LanePlace, LaneRule } from "../ports/lanes.ts";
import type { DeliveryAdapter, DeliveryTarget } from "../ports/delivery.ts";
import type { RunEvent } from "../ports/events.ts";
import type { AttachmentInput, AttachmentLimits, Files } from "../ports/files.ts";
import type { Limits, LimitsInput } from "../ports/limits.ts";
import type { Message, UserPart } from "../ports/messages.ts";
import type { Models, ModelSettings } from "../ports/models.ts";
import type { ForkOptions } from "./fork.ts";
import type { Replay, ResumePlan } from "../ports/plan.ts";
import type { Observer } from "../ports/observer.ts";
import type { DeliveryQuery, DeliveryRow, Durability, InboxBody, RunRow, SendResult, Store } from "../ports/store.ts";
import type { Supervisor } from "../ports/supervision.ts";
import type { Secret, SecretProvider } from "./redaction.ts";
import type { SourceUse, ToolSource } from "../ports/tool-source.ts";
import type { Tool, Tools } from "../ports/tools.ts";
import type { Cost, FinalStatus, PhaseView, RunError, RunStatusView, StepView, UsageTotal, WaitingFor } from "../ports/view.ts";

export type { Agent };

export interface ImageInput {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly filename?: string;
}

export interface RunRequest {
  /** Text, or parts with what a provider is to be told about them (`providerOptions`). */
  readonly input?: string | readonly UserPart[];
  readonly images?: readonly ImageInput[];
  /**
   * Files by path, address, bytes or text. Images that models take enter the first turn; of the others it has a list, and the run
   * reads them with `read_attachment`. They are read and stored before the run begins.
   */
  readonly attachments?: readonly AttachmentInput[];
  readonly history?: readonly Message[];
  /**
   * Id of a finished run: this one is a follow-up to it and has its conversation, which is not copied, and its tenant. A run of
   * another tenant than the one named here counts as unknown.
   */
  readonly continues?: string;
  /** Standard Schema, TypeBox or JSON Schema of the final answer, instead of the agent's. */
  readonly output?: object;
  /** Merged over those of the agent and of its phases. */
  readonly settings?: ModelSettings;
  /** Own id for the run: starts are insert-if-absent. 1-128 of `A-Z a-z 0-9 _ - . :`. */
  readonly id?: string;
  readonly idempotencyKey?: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly parent?: string;
  /** The run at the top of the tree, whose budgets it shares; default: this run. */
  readonly root?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: LimitsInput;
  /** Overrides the agent's tier. */
  readonly model?: string;
  /**
   * Key of the queue in which the run waits for its turn; the executor's `lanes` has a rule for it. Default: none, it begins at once.
   */
  readonly lane?: string;
  /** Within its lane, and between lanes that share a bound: higher goes first. Default: that of the lane's rule. */
  readonly priority?: number;
  /** Where the outcome goes once the run has ended, at least once each. Needs adapters in the executor's `delivery`. */
  readonly delivery?: DeliveryTarget | readonly DeliveryTarget[];
  /** Added to the agent's tools for this run; a duplicate name is refused. */
  readonly extraTools?: readonly Tool[];
  /**
   * Default `required`: a run that cannot be written is refused. `best-effort`: it then runs in memory, and its journal says so
   * (`durability.lost`). `none`: it runs in memory, whatever store there is, with what it delivers; it cannot stand in a lane of a store.
   */
  readonly durability?: Durability;
  /**
   * Tool sources of this run besides the agent's: names of the executor's, with arguments if need be, or sources themselves. Another
   * process can go on with the run only if it has them by name, in its executor or its agents.
   */
  readonly sources?: readonly (string | SourceUse | ToolSource)[];
  /** No loop guards: for played recordings. */
  readonly unguarded?: boolean;
}

/** How a run ended, filled as far as it got, whatever happened. `run()` resolves to one and never rejects. */
export interface RunResult<Output = unknown> {
  readonly run: string;
  readonly agent: string;
  /** `queued`, `waiting` or `interrupted` when the run has not ended: it can be resumed. */
  readonly status: FinalStatus | "queued" | "waiting" | "interrupted";
  /** Text of the last answer. */
  readonly output: string;
  /** What a structured answer says, once it was found valid: plain JSON. */
  readonly data?: Output;
  readonly error?: RunError;
  readonly waitingFor?: WaitingFor;
  readonly steps: readonly StepView[];
  /** Of an agent with phases: all of them, in order. */
  readonly phases?: readonly PhaseView[];
  readonly toolCalls: number;
  readonly toolErrors: number;
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
  readonly activeMs: number;
  /** Files that the run left behind, one per name; their bytes are in the executor's blob store. */
  readonly artifacts: readonly Artifact[];
  /** The effective limits, defaults filled in. */
  readonly limits: Limits;
  /** Sequence number of the last event. */
  readonly seq: number;
}

export interface EventsOptions {
  /** Start after this sequence number; default -1, the beginning. */
  readonly after?: number;
  /** End when there is nothing more to come without somebody; default true. `false` reads what is there and ends. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface RunHandle<Output = unknown> {
  readonly run: string;
  /** Committed events from the beginning, then live ones, until the run has ended (or is left waiting or interrupted). */
  events(options?: EventsOptions): AsyncIterable<RunEvent>;
  /** Resolves when the run has ended or was left resumable. Never rejects. */
  readonly result: Promise<RunResult<Output>>;
  steer(text: string | readonly UserPart[], options?: SteerOptions): Promise<SendResult>;
  cancel(reason?: string): Promise<SendResult>;
  kill(reason?: string): Promise<SendResult>;
}

export interface SteerOptions {
  /** Unique in the run; the same id again is the same message. Default: a new one. */
  readonly id?: string;
  readonly from?: string;
  /** Not before this many steps are answered. */
  readonly afterStep?: number;
  /**
   * Default `next`: the model sees it before its next step. `now`: a model call under way is given up, its cost noted as unknown, and
   * made again with the message; tool calls are never given up for it.
   */
  readonly when?: "now" | "next";
}

/** What a run can be told: an inbox entry without its id, text for a steer as a plain string if that is all there is. */
export type Command =
  | Exclude<InboxBody, { readonly kind: "steer" }>
  | {
      readonly kind: "steer";
      readonly content: string | readonly UserPart[];
      readonly afterStep?: number;
      readonly pinned?: true;
      readonly when?: "now" | "next";
    };

export interface RunOptions {
  /** Aborting it cancels the run with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface RecoveryReport {
  /** Runs that this process drives now. */
  readonly resumed: readonly RunHandle[];
  /** Runs that could not be taken, each with the reason. */
  readonly skipped: readonly { readonly run: string; readonly reason: string }[];
}

export interface Executor {
  /** Start a run and wait for its end. Never rejects: a failure is a result. */
  run<Output = unknown>(agent: Agent<Output>, request: RunRequest | string, options?: RunOptions): Promise<RunResult<Output>>;
  /** Start a run; resolves once its start is durable. Rejects with ExecutusError for what cannot be started. */
  start<Output = unknown>(agent: Agent<Output>, request: RunRequest | string, options?: RunOptions): Promise<RunHandle<Output>>;
  /** Continue an unfinished run in this process. Rejects `run_unknown`, `run_finished`, `run_owned`. */
  resume(run: string): Promise<RunHandle>;
  /** Continue every run that nobody alive drives. Called once at boot; `sweepMs` in the config repeats it. */
  recover(): Promise<RecoveryReport>;
  /**
   * Start a new run that begins as this one did, up to an event, with edits if any. Calls that may change the world get the result
   * they had in the original, or need approval. Rejects `run_unknown`, `request_invalid`.
   */
  fork(run: string, options: ForkOptions): Promise<RunHandle>;
  /**
   * Compare a journal with what the kernel decides today, or would with another definition of the agent, without calling anything.
   * Rejects `run_unknown`.
   */
  replay(run: string, options?: { readonly against?: Agent }): Promise<Replay>;
  /** What resuming a run here would do, call by call, without doing it. Rejects `run_unknown`, `run_finished`. */
  plan(run: string): Promise<ResumePlan>;
  /** Tell a run something, whoever drives it. Durable once it resolves. Rejects `request_invalid`, also for no choice of an open question. */
  send(run: string, command: Command, options?: { readonly id?: string; readonly from?: string }): Promise<SendResult>;
  /** Events of any run in the store. */
  events(run: string, options?: EventsOptions): AsyncIterable<RunEvent>;
  /** Result so far of any run in the store. Rejects `run_unknown`. */
  result(run: string): Promise<RunResult>;
  /** Where a run stands; undefined when there is none. */
  status(run: string): Promise<(RunStatusView & { readonly row: RunRow }) | undefined>;
  /** What is used and reserved of every budget, windows that have ended included unless `at` is given. */
  budgets(query?: BudgetQuery): Promise<readonly BudgetStanding[]>;
  /** What is to be delivered, was delivered, or was given up; the newest first. */
  deliveries(query?: DeliveryQuery): Promise<readonly DeliveryRow[]>;
  /** Deliver again, under the same id, however it ended. Rejects `delivery_unknown`, or `delivery_busy` while it is being sent. */
  redeliver(id: string): Promise<void>;
  /** Try everything that is due now, once; resolves when that is done. Deliveries need no call: this one waits for them. */
  deliver(): Promise<DeliveryTally>;
  /** Take nothing new, let calls under way come back for `graceMs` (default 2,000), leave every run resumable. */
  shutdown(options?: { readonly graceMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a lane can be chosen by. */
export interface LaneRequest {
  readonly agent: string;
  readonly lane?: string;
  readonly priority?: number;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Gives a request its place in a queue; undefined: it begins at once. It answers at once (not with a promise), for any request, the same
 * for the same request, and changes nothing of it. One that throws refuses the request.
 */
export type LaneChoice = (request: LaneRequest) => (Omit<LanePlace, "priority"> & { readonly priority?: number }) | undefined;

/**
 * Rules by pattern (`*` stands for anything; the longest pattern that fits a lane holds), for requests that name their lane. Or a
 * function that gives each request its place. Children of a run are never queued.
 */
export type LanesConfig = Readonly<Record<string, LaneRule>> | LaneChoice;

/**
 * Finds the agent of a journaled run, as it is now. Asked whenever a run is taken over, planned or looked for, so it answers soon, and
 * changes nothing of what it is given. It finds an agent of that very name, with the same definition each time (another one is a
 * change of the agent), and undefined where there is none: the run then waits for it. It rejects when it cannot tell: the run is
 * left as it was, for the next sweep or process.
 */
export type AgentFinder = (snapshot: { readonly name: string; readonly source?: string }) => Promise<Agent | undefined>;

/** Ids of deliveries that were tried. */
export interface DeliveryTally {
  readonly delivered: readonly string[];
  readonly failed: readonly string[];
}

export interface DeliveryConfig {
  /** One per kind of target, from `executus/delivery` or your own. */
  readonly adapters: readonly DeliveryAdapter[];
  /** Delays before each attempt, ms; the first is 0. Default: 0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, plus up to a fifth. */
  readonly scheduleMs?: readonly number[];
  /** For one attempt. Default 20,000. */
  readonly timeoutMs?: number;
  /** Under way at once; one at a time per target. Default 8. */
  readonly concurrency?: number;
}

export interface ExecutorConfig {
  readonly models: Models;
  readonly tools?: Tools;
  /** Palette: where the names in an agent's `delegates` are looked up. Default: none. */
  readonly delegates?: Delegates;
  /** Tool sources that agents and requests may name; opened for each run that names them (or for every run, if they say so). */
  readonly sources?: readonly ToolSource[];
  readonly store?: Store;
  readonly blobs?: Blobs;
  /** Reads attachments by path and address; default: `openLocalFiles()`. `false`: attachments are left out, with a warning. */
  readonly files?: Files | false;
  /** Which attachments runs take; what an agent says goes before. */
  readonly attachments?: AttachmentLimits;
  /** Who may use how much, over all runs of the store. Give the same to every process that drives them. */
  readonly budgets?: readonly Budget[];
  /** Keeps what `budgets` counts; default: the store. */
  readonly ledger?: Ledger;
  /** Asked before anything of a run happens: a refused run makes no model call and leaves no journal. */
  readonly admit?: Admit;
  /** Decides about runs that stall. Without one nothing is watched. */
  readonly supervisor?: Supervisor;
  /** Tools that are called again and again on purpose, by name; `*` stands for any text. The same call with the same result is then no loop. */
  readonly polling?: readonly string[];
  /** Shortens conversations that grow too long; default: the run's own model writes a summary. `false`: they are left as they are. */
  readonly compactor?: Compactor | false;
  /** How many runs of a kind are driven at once. Default: no queue, no limit. */
  readonly lanes?: LanesConfig;
  /** How outcomes are delivered; without it, requests cannot have a target. */
  readonly delivery?: DeliveryConfig;
  /** What tools may do without a person, over what agents and the tools themselves say: the last rule that fits decides. */
  readonly permission?: Permission;
  readonly observers?: readonly Observer[];
  /**
   * Values that never leave a run: they are taken out of journal, prompts, streams, warnings, errors and deliveries. Each has at
   * least 6 characters.
   */
  readonly secrets?: readonly Secret[] | SecretProvider;
  readonly clock?: Clock;
  /** Agents that recovered runs may need for their tools, by name; or a function that finds one by its journaled source. */
  readonly agents?: readonly Agent[] | AgentFinder;
  /** Live runs whose agent was changed since they started; an agent's own `onChange` goes before. Default `pin`. */
  readonly onAgentChange?: ChangePolicy;
  /** Used where neither request nor agent says. */
  readonly limits?: LimitsInput;
  readonly defaultTier?: string;
  /** Put before every agent's instructions. */
  readonly systemHeader?: string;
  /**
   * Look for orphaned runs this often, and go on with waiting runs that any process tells something; default 0, never.
   */
  readonly sweepMs?: number;
  /**
   * Whether a waiting run that nobody drives goes on in this process when it is told something here, or when it is due after it was
   * left waiting here. Default true; `false` for a process that only tells runs things.
   */
  readonly wakes?: boolean;
}
