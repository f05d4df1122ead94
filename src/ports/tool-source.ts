/**
 * Tool sources: tools that exist for one run, and what they stand on (a sandbox, a folder, a server).
 *
 * A source is opened before the first model call, and again by every process that takes the run over. It is closed whenever a
 * process lets go of the run; what it left in the world is cleaned up once, when the run has ended.
 */
import type { ToolSnapshot } from "./agent.ts";
import type { JsonValue } from "./json.ts";
import type { NewArtifact } from "./artifact.ts";
import type { ChangePolicy } from "./definition.ts";
import type { BlobReference, Message } from "./messages.ts";
import type { Tool } from "./tools.ts";
import type { Cost, FinalStatus, RunError, StepView, UsageTotal } from "./view.ts";

/** Which resource is meant, before it is there, while it is, and after its process has died. */
export interface SourceIdentity {
  readonly run: string;
  readonly source: string;
  /**
   * The same in every attempt, different for every other run and source; `A-Z a-z 0-9 _ - . :`. A resource named after it can be
   * found again even if the process died before its descriptor was journaled.
   */
  readonly key: string;
  /** From the agent or the request that names the source. */
  readonly arguments?: JsonValue;
  /** Descriptors that openings of this run have journaled, oldest first, each different one once. Empty at the first opening. */
  readonly left: readonly JsonValue[];
  /** Aborted when nobody waits any more: the run has ended or its time is over. */
  readonly signal: AbortSignal;
}

export interface SourceContext extends SourceIdentity {
  /** 1-based attempt (process). */
  readonly attempt: number;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Puts bytes into the run's blob store, for images and files in results. Durable once it resolves. */
  keep(bytes: Uint8Array): Promise<BlobReference>;
}

/** A run that has ended, for `afterRun`: what is known of it, however far it came. */
export interface RunEnding {
  readonly run: string;
  readonly agent: string;
  readonly status: FinalStatus;
  readonly error?: RunError;
  readonly output: string;
  /** The whole conversation as journaled, also what a compaction took out of the prompt. */
  readonly messages: readonly Message[];
  readonly steps: readonly StepView[];
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
  /** Aborted after `limits.settleMs`; not by whoever cancelled the run. */
  readonly signal: AbortSignal;
}

export interface AfterRun {
  readonly artifacts?: readonly NewArtifact[];
}

export interface OpenedSource {
  readonly tools: readonly Tool[];
  /** What `cleanup` needs to undo this opening from another process. Journaled before a tool of the source is called. */
  readonly cleanup?: JsonValue;
  /**
   * Called once the run has ended, if all its sources had been opened; again where a process died meanwhile. It changes nothing of
   * what it is given, and comes back when the signal is aborted. A failure is reported and changes nothing.
   */
  afterRun?(ending: RunEnding): Promise<AfterRun | void>;
  /** Let go of what this process holds: connections, handles. The run may go on elsewhere. */
  close?(): Promise<void>;
}

/** The tools that a source offered to earlier runs, as far as somebody has taken them. One memory for all runs and processes. */
export interface ToolMemory {
  /**
   * Undefined when nothing was ever remembered; no tools are a list, too. A rejection fails the opening: what was agreed to is then not
   * known. What cannot be read, or is damaged, is that and not nothing: whatever is offered would be taken then.
   */
  recall(): Promise<readonly ToolSnapshot[] | undefined>;
  /**
   * Instead of what was remembered. Durable once it resolves; whoever recalls meanwhile has the whole list or the one before. Names,
   * descriptions, schemas and effects come back as they were.
   */
  remember(tools: readonly ToolSnapshot[]): Promise<void>;
}

export interface ToolSource {
  /** 1-64 letters, digits, hyphens and underscores. Code is found by it again, so keep it. */
  readonly name: string;
  /** The run goes on without it when it cannot be opened. Default false: the run fails. */
  readonly optional?: boolean;
  /** For sources of an executor: opened for every run, not only for those that name it. Default false. */
  readonly everyRun?: boolean;
  /** When it is opened again and offers other tools than the journal holds. Default `pin`: the journaled tools stay as they are; one that is gone or has another schema is missing. */
  readonly changes?: ChangePolicy;
  /**
   * Makes `changes` hold from run to run: a new run begins with what is remembered, and other tools than those (new ones too) are a
   * change. Default: every run takes what it finds.
   */
  readonly memory?: ToolMemory;
  open(context: SourceContext): Promise<OpenedSource>;
  /**
   * Undo what the openings of a run left, from any process, once the run has ended. Also called when the run ended before an
   * opening was journaled, so it finds by `key` what there may be, and must not mind that nothing is there or that it was here before.
   */
  cleanup?(left: SourceIdentity): Promise<void>;
}

/** A source as agents and requests name it. */
export interface SourceUse {
  /** Name of a registered source. */
  readonly source: string;
  /** Given to `open`; journaled, so no secrets. */
  readonly arguments?: JsonValue;
  readonly optional?: boolean;
  /** Names of tools that are taken, `*` for any characters. Default: all. */
  readonly tools?: readonly string[];
}
