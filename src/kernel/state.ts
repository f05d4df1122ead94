/**
 * The state of a run: what folding its events gives.
 *
 * K1 State is a value: no event changes an earlier state.
 * K2 Everything in it comes from events; live and resumed runs have equal states.
 * K3 Every call of a committed answer has exactly one outcome before the next model call.
 */
import type { Mutable } from "../ports/mutable.ts";
import type { AgentSnapshot, PhaseLimits, RequestSnapshot, SourceSnapshot, ToolSnapshot } from "../ports/agent.ts";
import type { LimitName } from "../ports/events.ts";
import type { Artifact } from "../ports/artifact.ts";
import type { RunFile } from "../ports/files.ts";
import type { RunForked, Stub } from "../ports/fork-events.ts";
import type { AgentChanged } from "../ports/definition-events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { Limits } from "../ports/limits.ts";
import type { Message, ToolOutput, UserPart } from "../ports/messages.ts";
import type { OutputVerdict } from "../ports/output.ts";
import type { CallOutcome, Cost, FinalStatus, RunError, UsageTotal } from "../ports/view.ts";
import type { ApprovalFallback, Wake } from "../ports/waiting.ts";
import type { Supervision } from "./evolve-supervision.ts";
import type { History } from "./guards.ts";
import type { List } from "./list.ts";
import type { Progress } from "./progress.ts";

/**
 * `ready`: to be dispatched; `started`: its intent is committed, of a tool by the current attempt; `parked`: it is a child that
 * waits for somebody; `in-doubt`: it may have happened; `ended`: it has its outcome. `asked`: not before a person approves; `denied`:
 * nobody did, and it is about to end. `suspended`: it ran until it had to wait; `woken`: what it waited for is its result.
 */
export type CallStatus = "ready" | "started" | "parked" | "in-doubt" | "ended" | "asked" | "denied" | "suspended" | "woken";

/** What a call, or the run itself, waits for. */
export interface OpenWait {
  readonly id: string;
  readonly for: "approval" | "question" | "event" | "time";
  /** Why approval is needed, the question, the name of the event. */
  readonly text: string;
  readonly choices: readonly string[] | undefined;
  /** Wall ms: when it is over, one way or the other. */
  readonly at: number | undefined;
  readonly onDeadline: ApprovalFallback | "wake";
  readonly fallback: JsonValue | undefined;
  /** The tool makes the result. */
  readonly resumes: boolean;
}

export interface Signal {
  readonly name: string;
  readonly payload: JsonValue | undefined;
}

export interface CallState {
  readonly id: string;
  readonly toolCallId: string;
  readonly name: string;
  readonly input: JsonValue;
  /** Name and canonical arguments: what the loop guards compare. Empty where there are no guards. */
  readonly key: string;
  readonly status: CallStatus;
  /** How often it came to be in doubt. */
  readonly interruptions: number;
  /** How often it was made and did not say what it did, since a person last said that it may be made again. */
  readonly unanswered: number;
  /** `reconcile` was asked in this doubt and could not tell. */
  readonly reconciled: boolean;
  /** How often it waited; the last time for this. */
  readonly waits: number;
  readonly wait: OpenWait | undefined;
  /** What ended its last suspension: it goes on from there, not from the start. */
  readonly woken: Wake | undefined;
  readonly outcome: CallOutcome | undefined;
  readonly output: ToolOutput | undefined;
  /** Its result stays when the conversation is shortened. */
  readonly pinned: boolean;
  /** The run that the call was handed to, and what is kept for it. */
  readonly child: ChildLink | undefined;
}

export interface ChildLink {
  readonly run: string;
  readonly tokens?: number;
  readonly costUsd?: number;
}

/** What children that have ended used, theirs included; it is in the totals of the run as well. */
export interface Delegated {
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
}

/** The model call of the current step. */
export interface ModelState {
  /** Tries made at this step, over all candidates. */
  readonly attempts: number;
  /** Index into `models`. */
  readonly candidate: number;
  /** Tries made with this candidate. */
  readonly candidateAttempts: number;
  readonly inFlight: boolean;
  /** Wall clock, ms: not before. */
  readonly retryAt: number | undefined;
  readonly lastError: RunError | undefined;
  /** It refused the conversation as too long, and a shorter one may be tried. */
  readonly overflowed: boolean;
  /** No candidate is left. */
  readonly exhausted: boolean;
}

export interface PendingSteer {
  readonly id: string;
  readonly content: readonly UserPart[];
  readonly afterStep?: number;
  readonly pinned?: true;
}

export interface PendingCompaction {
  readonly reason?: "ratio" | "overflow";
  readonly tokens?: number;
  readonly instructions?: string;
  readonly afterStep?: number;
}

/** A phase that is over. */
export interface EndedPhase {
  readonly name: string;
  readonly output: string;
  readonly steps: number;
  readonly limit?: LimitName;
}

/** The current phase, and where the run stood when it began. */
export interface PhaseState {
  readonly index: number;
  readonly name: string;
  readonly step: number;
  readonly activeMs: number;
  readonly tokens: number;
  readonly costUsd: Cost;
  readonly limits: PhaseLimits;
  /** Its answer is in: the next one begins, or the run ends. */
  readonly isOver: boolean;
  readonly ended: readonly EndedPhase[];
}

/** Why the run will end once the wrap-up (if any) is through. */
export interface Ending {
  readonly status: FinalStatus;
  readonly error?: RunError;
  readonly wrapUp: boolean;
  readonly limit?: LimitName;
  /** It is the current phase that ends: with its answer the run goes on. */
  readonly phase?: true;
}

/** `unopened` also after a takeover: every process opens for itself. `changed`: waits for a person. */
export type SourceStatus = "unopened" | "open" | "failed" | "changed";

export interface SourceState extends SourceSnapshot {
  readonly status: SourceStatus;
  /** What was chosen before a changed definition chose more: until it is opened, the tools beyond that are new to the run. */
  readonly chosenBefore?: readonly string[];
  /** As journaled; undefined until it was opened for the first time. */
  readonly tools: readonly ToolSnapshot[] | undefined;
  /** Descriptors for a cleanup, oldest first. */
  readonly left: readonly JsonValue[];
  /** Told of the end: whether it wants to be, and whether it was. */
  readonly wantsEnding: boolean;
  readonly settled: boolean;
  readonly closed: boolean;
  readonly error: RunError | undefined;
  /** Other tools than those journaled, which somebody was asked about, and the answer. */
  readonly offered: { readonly tools: readonly ToolSnapshot[]; readonly changes: readonly string[] } | undefined;
  readonly decision: "adopt" | "pin" | undefined;
}

/** What became of the agent since the run began. */
export interface Redefined {
  /** It should have brought the tools that are missing, and was not found itself. */
  readonly missing?: string;
  /** A definition that a person is to decide about. */
  readonly asked?: AgentChanged;
  /** Fingerprint of the definition that was decided against. */
  readonly declined?: string;
}

export const NOT_REDEFINED: Redefined = {};

/** What a run goes on from: the conversation of its thread, and the files that it may read. */
export interface Thread {
  readonly messages: List<Message>;
  readonly files: readonly RunFile[];
}

/**
 * Every field is always there, so that all states have one shape: copying one is then a block copy, and folding stays cheap.
 */
export interface RunState {
  readonly run: string;
  /** Sequence number of the last folded event. */
  readonly seq: number;
  readonly epoch: number;
  readonly activeMs: number;
  /** The agent as it was journaled. */
  readonly definition: AgentSnapshot;
  /** The same as it is now: in the current phase, with the request's settings. */
  readonly agent: AgentSnapshot;
  readonly request: RequestSnapshot;
  /** The thread's conversation before this run. Empty where nobody needs it: views of status, steps and cost. */
  readonly earlier: List<Message>;
  readonly phase: PhaseState | undefined;
  readonly limits: Limits;
  readonly models: readonly string[];
  /** Steps answered so far; the index of the next step. */
  readonly step: number;
  readonly messages: List<Message>;
  /** Calls of the last answer, in call order. Empty once their results are in `messages`. */
  readonly calls: readonly CallState[];
  readonly model: ModelState;
  readonly steers: readonly PendingSteer[];
  /** Told to the model before its next step: limits, hints of guards. */
  readonly notes: readonly string[];
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
  /** Calls that were answered and whose children have not ended yet, in the order of their start. */
  readonly background: readonly CallState[];
  /** Children started so far. */
  readonly children: number;
  readonly delegated: Delegated;
  /** Tokens of the last answer: the estimate for the next. */
  readonly lastCallTokens: number;
  readonly lastCallCostUsd: number;
  /** Running time up to the end of the last model call, ms: what budgets have been charged for. */
  readonly chargedMs: number;
  readonly toolCalls: number;
  readonly toolErrors: number;
  readonly consecutiveErrors: number;
  /** The model was warned in this row of errors: the next one may stop the run. */
  readonly errorsHinted: boolean;
  readonly history: History;
  /** Step after which a guard last gave a hint: once per step is enough. */
  readonly hintedStep: number;
  /** The model was warned in this row of equal results: the next may be blocked. */
  readonly resultsHinted: boolean;
  /** What the steps bring, and what the supervisor said; both stay as they are in runs that are not watched. */
  readonly progress: Progress;
  readonly supervision: Supervision;
  readonly compaction: PendingCompaction | undefined;
  /** Context windows by model; undefined where nothing can shorten the conversation. */
  readonly windows: Readonly<Record<string, number>> | undefined;
  /** Index of the run's first turn in `messages`. */
  readonly head: number;
  /** Tokens that the first `measuredMessages` messages were reported or estimated to have. */
  readonly measuredTokens: number;
  readonly measuredMessages: number;
  /** Compactions that were wanted so far: their effects are told apart by this. */
  readonly compactions: number;
  /** Step before which the conversation was last shortened, or tried to be. */
  readonly compactedStep: number;
  /** Tokens at which that did not work; 0 when it did. */
  readonly compactionFailedAt: number;
  /** Compactions of this step that a provider's refusal called for. */
  readonly overflows: number;
  /** It waits in its lane and has not begun. */
  readonly queued: boolean;
  readonly cancel: { readonly mode: "cancel" | "kill"; readonly reason?: string } | undefined;
  readonly ending: Ending | undefined;
  /** Attempts in a row that ended in a crash without any progress. */
  readonly fruitless: number;
  readonly toolsMissing: readonly string[] | undefined;
  /** Asked of a person about the run itself: it makes no model call before there is an answer. */
  readonly question: OpenWait | undefined;
  /** Signals that no call has waited for yet, oldest first. */
  readonly signals: readonly Signal[];
  /** Tools that a person has approved for the rest of the run. */
  readonly approvedTools: readonly string[];
  /** In the order of the snapshot. Empty for a run without sources. */
  readonly sources: readonly SourceState[];
  /** What the run can read: attachments, and results that were too long to be told whole. */
  readonly files: readonly RunFile[];
  readonly redefined: Redefined;
  /** The run that it began as, up to an event. */
  readonly forkedFrom: RunForked["from"] | undefined;
  /** What calls of that run brought after the fork, as far as they were not made here yet. */
  readonly stubs: readonly Stub[];
  /** One per name, in the order in which the names came. */
  readonly artifacts: readonly Artifact[];
  /** Text of the last answer. */
  readonly output: string;
  /** The last answer asked for no calls: the run may end. */
  readonly answered: boolean;
  /** Whether the last answer has the shape that was asked for; undefined: nobody asked, or it was no final one. */
  readonly verdict: OutputVerdict | undefined;
  /** How often the model was told that its answer has not. */
  readonly repairs: number;
  readonly settling: { readonly status: FinalStatus; readonly error?: RunError } | undefined;
  readonly finished: boolean;
}

export const IDLE_MODEL: ModelState = {
  attempts: 0,
  candidate: 0,
  candidateAttempts: 0,
  inFlight: false,
  retryAt: undefined,
  lastError: undefined,
  overflowed: false,
  exhausted: false,
};

export const NO_USAGE: UsageTotal = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  unknownCalls: 0,
};

export const NOTHING_DELEGATED: Delegated = { usage: NO_USAGE, costUsd: 0 };

/** A state on its way: the copy that `evolve` made, before anybody else has seen it. */
export type Draft = Mutable<RunState>;

/** Our identity of a call: never the provider's id. */
export function callId(step: number, ordinal: number): string {
  return `${step}.${ordinal}`;
}

export function totalTokens(usage: UsageTotal): number {
  return usage.inputTokens + usage.outputTokens;
}
