/** What a run looks like from outside. */
import type { Limits } from "./limits.ts";
import type { Wait } from "./waiting.ts";

/** The closed set of final statuses (DESIGN section 3). */
export type FinalStatus =
  | "completed"
  | "failed"
  | "timed_out"
  | "killed"
  | "cancelled"
  | "out_of_steps"
  | "over_budget"
  | "looping"
  | "poisoned";

/** `interrupted` is derived from ownership when it is read, never journaled. */
export type RunStatus = "queued" | "running" | "waiting" | "interrupted" | FinalStatus;

/** Roll-up of tokens over a run. `unknownCalls` counts calls whose usage was lost to a crash, an abort or a silent provider. */
export interface UsageTotal {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly unknownCalls: number;
}

/** US dollars, or `unknown` once a single answer of the run had no known price. */
export type Cost = number | "unknown";

/** Live state of a run, as a tool or a watcher sees it. */
export interface RunStatusView {
  readonly run: string;
  readonly agent: string;
  readonly status: RunStatus;
  readonly seq: number;
  /** Steps answered so far. */
  readonly step: number;
  /** Name of the phase it is in. */
  readonly phase?: string;
  readonly limits: Limits;
  readonly usage: UsageTotal;
  readonly costUsd: Cost;
  readonly activeMs: number;
  readonly toolCalls: number;
  readonly toolErrors: number;
  /** What a waiting run waits for. */
  readonly waitingFor?: WaitingFor;
}

export type WaitingFor =
  | {
      /** The most pressing of `waits`: what a person must do comes first. */
      readonly kind: Exclude<Wait["for"], "child">;
      /** Calls that wait for something of that kind. */
      readonly calls: readonly string[];
      /** Everything the run waits for. */
      readonly waits: readonly Wait[];
    }
  | { readonly kind: "tools_missing"; readonly names: readonly string[] }
  | { readonly kind: "tools_changed"; readonly source: string; readonly changes: readonly string[] }
  /** The agent whose code is needed was not found: its file or module, else its name. */
  | { readonly kind: "agent_missing"; readonly agent: string; readonly names: readonly string[] }
  /** Its definition changed since: `adopt` or `pin`. */
  | { readonly kind: "agent_changed"; readonly changes: readonly string[] }
  /** Its turn in a queue; its status is `queued`. */
  | { readonly kind: "lane"; readonly lane: string }
  /** Children that wait themselves, by run id. */
  | { readonly kind: "child"; readonly runs: readonly string[] };

/** One step as it appears on a result: the answer's text and its calls, each with exactly one outcome once the step is closed. */
export interface StepView {
  readonly step: number;
  /** Name of the phase it belongs to. */
  readonly phase?: string;
  readonly model: string;
  readonly text: string;
  readonly calls: readonly CallView[];
}

/** One phase as it appears on a result. */
export interface PhaseView {
  readonly name: string;
  readonly steps: number;
  /** Its answer; absent while it has none. */
  readonly output?: string;
  /** Its own bound that ended it. */
  readonly limit?: "steps" | "time" | "tokens" | "usd";
}

export interface CallView {
  readonly call: string;
  readonly name: string;
  /** What it ran with: the arguments of the model, or of the person who approved it with others. */
  readonly input: unknown;
  /** Absent while the call is open. */
  readonly outcome?: CallOutcome;
  readonly output?: unknown;
  readonly durationMs?: number;
  /** The run that the call was handed to. */
  readonly child?: string;
}

/**
 * How a call ended. `invalid`: arguments or name refused, never run; `blocked`: a guard answered it; `cancelled`: never ran,
 * or a read that was stopped; `denied`: a person or a rule refused it, never run; `unknown`: it may have happened.
 */
export type CallOutcome = "ok" | "error" | "invalid" | "blocked" | "cancelled" | "denied" | "unknown";

export interface RunError {
  /** String-literal code, stable across releases. */
  readonly code: string;
  readonly message: string;
}
