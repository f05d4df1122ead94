/** Supervision: the watchdog notices a run that gets nowhere, a supervisor decides about it. */
import type { LimitName } from "./events.ts";
import type { Message, UserPart } from "./messages.ts";
import type { TokenUsage } from "./models.ts";
import type { RunStatusView } from "./view.ts";

/**
 * `idle`: nothing was heard of what is under way; `no-progress`: steps in a row brought nothing new; `repeats`: the same calls gave the
 * same results in spite of a hint; `cost`: steps cost more and more and bring nothing new; `limit`: a bound is about to end the run.
 */
export type StallKind = "idle" | "no-progress" | "repeats" | "cost" | "limit";

export interface Stall {
  /** 0-based: the n-th of the run. */
  readonly stall: number;
  readonly kind: StallKind;
  /** What was noticed, in words. */
  readonly message: string;
  /** Of a `limit`: which. */
  readonly limit?: LimitName;
}

/** How an agent's runs are watched, resolved at the start and journaled. */
export interface SupervisionSettings {
  /** Steps in a row without anything new that count as a stall; so many pass before the next. Default 3. */
  readonly afterSteps: number;
  /** A step without anything new that costs so many times what the last fruitful one did is a stall. Default 3. */
  readonly costFactor: number;
  /** What a supervisor may decide in one run, `leave` included; then the limits alone hold. Default 10. */
  readonly decisions: number;
  /** What a supervisor may take for one decision, ms; then it is `leave`. Default 30,000. */
  readonly deadlineMs: number;
  /** Ask also when steps, time, tokens or money are about to end the run. Default true. */
  readonly atLimits: boolean;
}

/** What an agent may say about it. `enabled: false`: its runs are never watched. */
export type SupervisionInput = { readonly [K in keyof SupervisionSettings]?: SupervisionSettings[K] } & {
  readonly enabled?: boolean;
};

export type SupervisorAction = "nudge" | "extend" | "ask" | "kill" | "leave";

export interface Extension {
  readonly steps?: number;
  readonly timeMs?: number;
  readonly tokens?: number;
  readonly costUsd?: number;
}

export type SupervisorVerdict =
  /** Tell the model something before its next step. */
  | { readonly action: "nudge"; readonly message: string }
  /** More room. */
  | { readonly action: "extend"; readonly extend: Extension }
  /** A person is to say how it goes on; the model is told their answer. */
  | {
      readonly action: "ask";
      readonly question: string;
      /** Time to answer, ms; then the run goes on. Default: no end. */
      readonly deadlineMs?: number;
    }
  | { readonly action: "kill" }
  | { readonly action: "leave" };

export type SupervisorDecision = SupervisorVerdict & {
  /** Why, for the journal; of a `kill` it is the run's error. */
  readonly reason: string;
  /** Who decided, for the journal. Default: the supervisor's `name`. */
  readonly by?: string;
  /** Of the model that was asked: it counts towards the run's tokens and cost. */
  readonly usage?: TokenUsage;
  /** US dollars of that call; absent: not known, or nothing was asked. */
  readonly costUsd?: number;
};

export interface PastDecision {
  readonly kind: StallKind;
  readonly action: SupervisorAction;
}

/** What a supervisor sees. */
export interface SupervisorView {
  readonly stall: Stall;
  readonly status: RunStatusView;
  /** What the run was asked. */
  readonly request: readonly UserPart[];
  /** The end of the conversation, as far as it is complete. */
  readonly recent: readonly Message[];
  /** Calls under way, by name. */
  readonly underWay: readonly string[];
  /** Steps in a row that brought nothing new. */
  readonly staleSteps: number;
  /** Earlier decisions about this run, oldest first. */
  readonly decided: readonly PastDecision[];
  /** Decisions left, this one included. */
  readonly left: number;
  /** Aborted at the deadline; a decision that comes right after it still counts. */
  readonly signal: AbortSignal;
}

/** Decides about a run that stalls. One that throws, or decides nothing in time, never fails a run. */
export interface Supervisor {
  /** For the journal: `rules`, `model`. */
  readonly name: string;
  /** Input and output tokens that one decision takes at most, as a rule: reserved in budgets before it is asked. Absent: it asks no model. */
  readonly expectedTokens?: number;
  decide(view: SupervisorView): Promise<SupervisorDecision>;
}

// --- events ----------------------------------------------------------------------------------------------------------

/** The watchdog noticed something; the supervisor is asked next. */
export interface StallNoticed extends Stall {
  readonly type: "stall.noticed";
  readonly v?: number;
}

export interface SupervisorDecided {
  readonly type: "supervisor.decided";
  readonly v?: number;
  readonly stall: number;
  readonly action: SupervisorAction;
  readonly reason: string;
  /** `rules`, `model`, or the name of another supervisor; `nobody` where there was none, or none that could decide. */
  readonly by: string;
  /** What the model is told, of a `nudge`. */
  readonly message?: string;
  /** Of an `ask`. */
  readonly question?: string;
  /** Wall ms: until when a person may answer. */
  readonly deadlineAt?: number;
  readonly extend?: Extension;
  readonly usage?: TokenUsage;
  readonly costUsd?: number;
  readonly durationMs: number;
}

export type SupervisionEvent = StallNoticed | SupervisorDecided;
