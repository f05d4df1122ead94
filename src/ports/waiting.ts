/** Waiting: for a person's approval or answer, for something outside by name, for a time. */
import type { JsonValue } from "./json.ts";

interface Versioned {
  readonly v?: number;
}

// --- policies --------------------------------------------------------------------------------------------------------

/** What becomes of a request that nobody has answered when its deadline passes. `wait`: it stays open. */
export type ApprovalFallback = "deny" | "approve" | "wait";

export interface ApprovalTerms {
  readonly required: boolean;
  /** Why a person is asked, for that person. */
  readonly reason?: string;
  /** Time to answer, ms; default: no end. */
  readonly deadlineMs?: number;
  /** Default `deny`. */
  readonly onDeadline?: ApprovalFallback;
}

/** Of whom and for what an approval would be. */
export interface ApprovalContext {
  readonly run: string;
  readonly call: string;
  readonly toolCallId: string;
  readonly caller?: string;
  readonly channel?: string;
  readonly tenant?: string;
  /**
   * Names of tools whose results the model has seen in this run, each once: a policy can ask a person from the moment on that
   * something untrusted was read.
   */
  readonly resultsSeen: () => readonly string[];
}

export type ApprovalVerdict = boolean | "always" | "never" | ApprovalTerms;

/** Whether a person must approve a call before it runs. A function that throws means that one must. */
export type ApprovalPolicy =
  | "always"
  | "never"
  | ApprovalTerms
  | ((input: unknown, context: ApprovalContext) => ApprovalVerdict | Promise<ApprovalVerdict>);

// --- suspensions -----------------------------------------------------------------------------------------------------

/** What a tool returns to end its execution and have the call wait. Made by `context.ask`, `.waitFor`, `.sleep` and `.sleepUntil`. */
export type Suspension = SuspensionBody & { readonly [SUSPENSION]: true };

/** Marks a suspension among everything else a tool may return, also across two copies of this package. */
export declare const SUSPENSION: unique symbol;

export type SuspensionBody =
  | ({ readonly type: "question" } & Question)
  | { readonly type: "event"; readonly name: string; readonly deadlineMs?: number }
  | { readonly type: "time"; readonly at: number }
  | { readonly type: "time"; readonly inMs: number };

export interface QuestionOptions {
  /** The answer is one of these. Default: a text that nobody has foreseen. */
  readonly choices?: readonly string[];
  /** Time to answer, ms; default: no end. */
  readonly deadlineMs?: number;
  /** Taken for the answer when nobody has given one in time; default: the model is told that nobody answered. */
  readonly fallback?: JsonValue;
  /** `wait`: the question stays open after its deadline. */
  readonly onDeadline?: "fallback" | "wait";
}

export interface Question extends QuestionOptions {
  readonly text: string;
}

/** What brought a suspended call back. */
export interface Wake {
  readonly by: "answer" | "event" | "time" | "deadline";
  /** The answer, or what came with the event; the fallback when nobody answered. */
  readonly payload?: JsonValue;
}

// --- events ----------------------------------------------------------------------------------------------------------

/** A person must approve the call before it runs. Committed with the answer that asks for the call. */
export interface ApprovalRequested extends Versioned {
  readonly type: "approval.requested";
  readonly call: string;
  /** Answers name it; the same for as long as the request is open, in every process. */
  readonly approval: string;
  readonly reason?: string;
  readonly deadlineAt?: number;
  readonly onDeadline?: ApprovalFallback;
}

export interface ApprovalAnswered extends Versioned {
  readonly type: "approval.answered";
  /** Of the inbox entry; absent when no person answered. */
  readonly id?: string;
  readonly approval: string;
  readonly call: string;
  readonly decision: "approved" | "denied";
  /** `always`: a person has approved this tool for the rest of the run. */
  readonly by: "person" | "deadline" | "always";
  readonly note?: string;
  /** What the call is run with instead of the model's arguments. */
  readonly input?: JsonValue;
  /** Calls of this tool need no approval any more, in this run. */
  readonly always?: true;
  readonly from?: string;
}

/** A call, or without one the run itself, waits for a person's answer. */
export interface QuestionAsked extends Versioned {
  readonly type: "question.asked";
  readonly question: string;
  readonly call?: string;
  readonly text: string;
  readonly choices?: readonly string[];
  readonly deadlineAt?: number;
  readonly fallback?: JsonValue;
  readonly onDeadline?: "wait";
  /** The tool makes its result from the answer. */
  readonly resumes?: true;
}

export interface QuestionAnswered extends Versioned {
  readonly type: "question.answered";
  /** Of the inbox entry; absent when nobody answered in time. */
  readonly id?: string;
  readonly question: string;
  readonly call?: string;
  readonly by: "person" | "deadline";
  /** Absent when nobody answered and there is no fallback. */
  readonly answer?: JsonValue;
  readonly from?: string;
}

/** The tool ended its execution without a result: the call waits for a time, or for something outside. */
export interface ToolSuspended extends Versioned {
  readonly type: "tool.suspended";
  readonly call: string;
  readonly wait: string;
  /** Sleeps until then, wall ms. */
  readonly until?: number;
  /** Waits for a signal of this name. */
  readonly event?: string;
  readonly deadlineAt?: number;
  /** The tool makes its result from what wakes it. */
  readonly resumes?: true;
}

export interface ToolWoken extends Versioned {
  readonly type: "tool.woken";
  readonly call: string;
  readonly wait: string;
  readonly by: "time" | "event" | "deadline";
  readonly payload?: JsonValue;
}

/** Something happened outside. It is kept until a call waits for it; each is for one call. */
export interface SignalReceived extends Versioned {
  readonly type: "signal.received";
  readonly id: string;
  readonly name: string;
  readonly payload?: JsonValue;
  readonly from?: string;
}

/** An answer that changed nothing: too late, to something that was not asked, or one that does not fit. */
export interface AnswerRefused extends Versioned {
  readonly type: "answer.refused";
  readonly id: string;
  /** The approval or question it was for; the call, of a decision about its outcome. */
  readonly about: string;
  readonly message: string;
  readonly from?: string;
}

/** A deadline passed, and the request stays open. */
export interface WaitExpired extends Versioned {
  readonly type: "wait.expired";
  readonly wait: string;
  readonly call?: string;
}

export type WaitingEvent =
  | ApprovalRequested
  | ApprovalAnswered
  | QuestionAsked
  | QuestionAnswered
  | ToolSuspended
  | ToolWoken
  | SignalReceived
  | AnswerRefused
  | WaitExpired;

// --- what others tell a waiting run ----------------------------------------------------------------------------------

export type AnswerBody =
  | {
      readonly kind: "approve";
      readonly approval: string;
      /** Run the call with this instead; it must fit the tool's schema. */
      readonly input?: JsonValue;
      readonly note?: string;
      /** Calls of this tool need no approval any more, in this run. */
      readonly always?: boolean;
    }
  | { readonly kind: "deny"; readonly approval: string; readonly note?: string }
  | { readonly kind: "answer"; readonly question: string; readonly answer: JsonValue }
  | { readonly kind: "signal"; readonly name: string; readonly payload?: JsonValue };

// --- how it looks from outside ---------------------------------------------------------------------------------------

/** One thing that a run waits for. */
export interface Wait {
  /** `resolution`: somebody must say whether a call happened. */
  readonly for: "approval" | "question" | "resolution" | "event" | "time" | "child";
  /** What an answer names: of the approval or question, of the call for a resolution; of the run for a child. */
  readonly id: string;
  readonly call?: string;
  readonly tool?: string;
  /** Of a resolution: which time the call is in doubt, from the second time on. */
  readonly doubt?: number;
  /** Why approval is needed, the question, the name of the event. */
  readonly text?: string;
  readonly choices?: readonly string[];
  /** Wall ms: when it goes on by itself, or its deadline. */
  readonly at?: number;
}
