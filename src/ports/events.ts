/**
 * The events of a run: facts, past tense, append-only. `docs/journal.md` describes each one and how it may change.
 *
 * An event body is plain JSON. `v` is its version and is left out while it is 1. Fields this version does not know are kept.
 */
import type { BudgetRefused } from "./budget.ts";
import type { AgentAdopted, AgentChanged, AgentDecided, ToolsMissing } from "./definition-events.ts";
import type { AgentSnapshot, RequestSnapshot } from "./agent.ts";
import type { RunForked } from "./fork-events.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { RunDequeued } from "./lanes.ts";
import type { Limits } from "./limits.ts";
import type { AssistantPart, BlobReference, ToolOutput, UserPart } from "./messages.ts";
import type { FinishReason, TokenUsage } from "./models.ts";
import type { OutputVerdict } from "./output.ts";
import type { SourceEvent } from "./source-events.ts";
import type { SupervisionEvent } from "./supervision.ts";
import type { CallOutcome, Cost, FinalStatus, RunError, UsageTotal } from "./view.ts";
import type { WaitingEvent } from "./waiting.ts";

/** What the store adds to a body. Numbers only, so that a record's header is small and its order plain. */
export interface EventHeader {
  /** Dense from 0 within the run. */
  readonly seq: number;
  /** The attempt (owner) that wrote it. */
  readonly epoch: number;
  /** Wall clock, ms since the epoch. */
  readonly at: number;
  /** Running time of the run up to this commit, in ms, over all attempts. */
  readonly activeMs: number;
}

export type RunEvent = EventHeader & EventBody;

export type EventBody =
  | RunStarted
  | DurabilityLost
  | AttemptStarted
  | RunDequeued
  | ModelStarted
  | ModelAnswered
  | ModelFailed
  | ToolStarted
  | ToolReconciled
  | ToolInterrupted
  | ToolEnded
  | WaitingEvent
  | SteerReceived
  | CancelRequested
  | LimitsExtended
  | CallResolved
  | ChildStarted
  | ChildParked
  | ChildEnded
  | CompactionRequested
  | CompactionFailed
  | ContextCompacted
  | LimitReached
  | BudgetRefused
  | GuardTripped
  | SupervisionEvent
  | ToolsMissing
  | SourceEvent
  | RunForked
  | AgentChanged
  | AgentAdopted
  | AgentDecided
  | ArtifactAdded
  | PhaseStarted
  | PhaseEnded
  | OutputRefused
  | RunSettling
  | RunFinished;

export type EventType = EventBody["type"];

interface Versioned {
  readonly v?: number;
}

export interface RunStarted extends Versioned {
  readonly type: "run.started";
  readonly run: string;
  readonly agent: AgentSnapshot;
  readonly request: RequestSnapshot;
  readonly limits: Limits;
  /** Ordered `provider/model` candidates the tier was resolved to. */
  readonly models: readonly string[];
  /** Context windows in tokens, of the models whose window is known; absent where nothing can shorten the conversation. */
  readonly windows?: Readonly<Record<string, number>>;
}

/** The store could not take the run, which may run all the same: it lives in the memory of its process. */
export interface DurabilityLost extends Versioned {
  readonly type: "durability.lost";
  readonly reason: string;
}

/** A process took the run over. The first attempt needs none: `run.started` is its start. */
export interface AttemptStarted extends Versioned {
  readonly type: "attempt.started";
  /** Process that owns the run from here on: `host/pid`. */
  readonly process: string;
  /** `released`: the attempt before let go in order (shutdown, waiting); `crash`: it did not. */
  readonly after: "released" | "crash";
}

export interface ModelStarted extends Versioned {
  readonly type: "model.started";
  readonly step: number;
  /** 1-based try at this step, over all candidates. */
  readonly attempt: number;
  readonly model: string;
}

export interface CallRefusal {
  /** Index among the answer's own tool calls. */
  readonly call: number;
  readonly message: string;
  /**
   * `cancelled`: the answer was cut, so the call was not looked at. `denied`: a rule forbids it. Default `invalid`, which counts as
   * a tool error.
   */
  readonly outcome?: "cancelled" | "denied";
}

export interface ModelAnswered extends Versioned {
  readonly type: "model.answered";
  readonly step: number;
  readonly model: string;
  readonly content: readonly AssistantPart[];
  readonly finish: FinishReason;
  readonly rawFinish?: string;
  readonly usage: TokenUsage;
  /** US dollars; absent when the model has no known price or reported no usage. */
  readonly costUsd?: number;
  /** Calls that are answered at once, without being run: unknown tool, arguments that do not fit. */
  readonly refused?: readonly CallRefusal[];
  /** Of a final answer that must have a certain shape: whether it has. */
  readonly output?: OutputVerdict;
  readonly providerMetadata?: JsonObject;
  readonly response?: { readonly id?: string; readonly model?: string };
  readonly warnings?: readonly string[];
  readonly durationMs: number;
}

export interface ModelFailed extends Versioned {
  readonly type: "model.failed";
  readonly step: number;
  readonly model: string;
  readonly error: RunError;
  readonly retryable: boolean;
  /** What the provider asked for, ms. */
  readonly retryAfterMs?: number;
  /** In [0, 1): journaled so that the backoff is a fact. */
  readonly jitter: number;
  /** The provider had begun to answer, or may have: the call may have cost something that nobody was told. */
  readonly usageUnknown?: true;
  /** It was not called: its circuit is open, because it had failed for other runs. The next candidate is tried at once. */
  readonly passedOver?: true;
  readonly durationMs: number;
}

/** The intent to run a `once` call, committed before it starts. */
export interface ToolStarted extends Versioned {
  readonly type: "tool.started";
  readonly call: string;
}

/** `reconcile` found that the call never happened: it may be dispatched again. */
export interface ToolReconciled extends Versioned {
  readonly type: "tool.reconciled";
  readonly call: string;
  readonly outcome: "not-done" | "unknown";
  readonly error?: string;
}

/** A `once` call timed out or was abandoned while it ran: its outcome is in doubt. */
export interface ToolInterrupted extends Versioned {
  readonly type: "tool.interrupted";
  readonly call: string;
  readonly reason: string;
}

export interface ToolEnded extends Versioned {
  readonly type: "tool.ended";
  readonly call: string;
  readonly outcome: CallOutcome;
  readonly output: ToolOutput;
  /** The whole result, where the model was given only its head. */
  readonly spilled?: BlobReference;
  /** The same of each part of a result that is made of parts. */
  readonly spilledParts?: readonly BlobReference[];
  /** The result stays in the conversation when that is shortened. */
  readonly pinned?: true;
  readonly durationMs?: number;
  /** Learnt from `reconcile` after an interruption, not from a run of the call. */
  readonly reconciled?: boolean;
  /** Not run: it is the result that this call of the original had. */
  readonly stub?: string;
}

export interface SteerReceived extends Versioned {
  readonly type: "steer.received";
  /** Id of the inbox entry. */
  readonly id: string;
  readonly content: readonly UserPart[];
  readonly from?: string;
  /** Not before this many steps were answered. */
  readonly afterStep?: number;
  /** It stays in the conversation when that is shortened. */
  readonly pinned?: true;
  /** A model call under way is given up for it and made again. */
  readonly now?: true;
}

export interface CancelRequested extends Versioned {
  readonly type: "cancel.requested";
  readonly id: string;
  /** `kill` waits for no one. */
  readonly mode: "cancel" | "kill";
  readonly reason?: string;
  readonly from?: string;
}

export interface LimitsExtended extends Versioned {
  readonly type: "limits.extended";
  readonly id: string;
  readonly steps?: number;
  readonly timeMs?: number;
  readonly tokens?: number;
  readonly costUsd?: number;
  readonly from?: string;
}

/** A person decided an unknown outcome. */
export interface CallResolved extends Versioned {
  readonly type: "call.resolved";
  readonly id: string;
  readonly call: string;
  readonly outcome: "done" | "failed" | "retry";
  readonly output?: JsonValue;
  readonly from?: string;
}

/** Work was handed to a delegate: the intent, committed before its run is admitted. */
export interface ChildStarted extends Versioned {
  readonly type: "child.started";
  readonly call: string;
  /** Id of the child: it follows from this run and the call. */
  readonly run: string;
  /** Of this run's limits, what is kept for the child until it has ended. */
  readonly tokens?: number;
  readonly costUsd?: number;
  /** The call is answered with this event; the child's end enters the conversation as a message. */
  readonly background?: true;
}

/** The child, and everything below it, waits for somebody; so does this call. The next attempt looks again. */
export interface ChildParked extends Versioned {
  readonly type: "child.parked";
  readonly call: string;
  readonly run: string;
}

/** Ends the call, or is told to the model where that was answered already. What the child and all below it used counts for this run from here on. */
export interface ChildEnded extends Versioned {
  readonly type: "child.ended";
  /** Id of the inbox entry; absent for a child that could not be admitted. */
  readonly id?: string;
  readonly call: string;
  readonly run: string;
  readonly status: FinalStatus;
  /** What the model is told. */
  readonly output: ToolOutput;
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
  readonly steps: number;
  readonly toolCalls: number;
  /** Running time of the child, ms. */
  readonly durationMs: number;
}

/** The conversation is to be shortened: somebody asked (`id`), it fills the model's window, or a provider refused it. */
export interface CompactionRequested extends Versioned {
  readonly type: "compaction.requested";
  /** Of the inbox entry; absent when the run itself wants it. */
  readonly id?: string;
  /** Absent when somebody asked. */
  readonly reason?: "ratio" | "overflow";
  /** How long the conversation is, and the window it is measured against. */
  readonly tokens?: number;
  readonly window?: number;
  readonly instructions?: string;
  readonly afterStep?: number;
}

export interface CompactionFailed extends Versioned {
  readonly type: "compaction.failed";
  readonly error: RunError;
  /** It was stopped: what it had spent by then nobody knows. */
  readonly usageUnknown?: true;
  /** What was spent all the same. */
  readonly spent?: ModelSpending;
}

/** A model call beside the conversation. */
export interface ModelSpending {
  readonly model: string;
  readonly usage: TokenUsage;
  /** US dollars; absent when it is not known. */
  readonly costUsd?: number;
}

export interface ContextCompacted extends Versioned {
  readonly type: "context.compacted";
  readonly summary: string;
  /** Last messages that stay, besides the first turn and pinned ones. */
  readonly keep: number;
  readonly messagesBefore: number;
  readonly messagesAfter: number;
  readonly tokensBefore: number;
  readonly tokensAfter: number;
  /** Why: as in `compaction.requested`. */
  readonly reason?: "ratio" | "overflow";
  readonly spent?: ModelSpending;
}

export type LimitName = "steps" | "time" | "tokens" | "usd";

/** A bound (or the reserve inside it) was reached; what follows is the wrap-up step, if there is room for one. */
export interface LimitReached extends Versioned {
  readonly type: "limit.reached";
  readonly limit: LimitName;
  readonly message: string;
  /** False when the bound itself has passed and nothing more may be spent. */
  readonly wrapUp: boolean;
  /** The phase whose own bound it is: once wrapped up, the phase is over, not the run. */
  readonly phase?: string;
}

/** A stage began, with a conversation of its own. What it sees follows from the snapshot and the answers before it. */
export interface PhaseStarted extends Versioned {
  readonly type: "phase.started";
  readonly phase: string;
}

export interface PhaseEnded extends Versioned {
  readonly type: "phase.ended";
  readonly phase: string;
  /** Its answer: what later phases get by its name. */
  readonly output: string;
  /** Its own bound that ended it. */
  readonly limit?: LimitName;
}

/** The final answer does not have the shape that was asked for; the model is told and answers once more. */
export interface OutputRefused extends Versioned {
  readonly type: "output.refused";
  readonly problem: string;
}

export interface GuardTripped extends Versioned {
  readonly type: "guard.tripped";
  /** `results`: different calls of one tool that all gave the same result. */
  readonly guard: "repeat" | "cycle" | "results" | "errors";
  readonly action: "hint" | "block" | "stop";
  /** The call concerned, where there is one. */
  readonly call?: string;
  /** What the model is told. */
  readonly message: string;
}

/** A file that the run leaves behind; its bytes were durable before. The same name again takes the earlier one's place. */
export interface ArtifactAdded extends Versioned {
  readonly type: "artifact.added";
  readonly name: string;
  readonly mediaType: string;
  readonly data: BlobReference;
  /** The tool source that brought it after the run. */
  readonly source?: string;
  /** The call that brought it. */
  readonly call?: string;
}

export interface RunSettling extends Versioned {
  readonly type: "run.settling";
  readonly status: FinalStatus;
  readonly error?: RunError;
}

/** Always the last event. */
export interface RunFinished extends Versioned {
  readonly type: "run.finished";
  readonly status: FinalStatus;
}
