/** What resuming a run would do. */
import type { ChangePolicy } from "./definition.ts";
import type { EventBody } from "./events.ts";
import type { JsonValue } from "./json.ts";
import type { ToolEffect } from "./tools.ts";
import type { FinalStatus, RunError, RunStatus, WaitingFor } from "./view.ts";

/**
 * `runs`: for the first time, or again where a crash allows it, a delegate's as a run of its own; `reconciles`: its tool is asked
 * whether it happened; `told-unknown`: the model is told that its outcome is unknown; `waits`: for a person, or for a free place;
 * `answered`: without being run.
 */
export type CallPlan = "runs" | "reconciles" | "told-unknown" | "waits" | "answered";

export interface PlannedCall {
  /** `step.ordinal`. */
  readonly call: string;
  readonly name: string;
  /** What it would run with. */
  readonly input: JsonValue;
  /** Arguments of the model, where a person's wait to take their place. */
  readonly inputBefore?: JsonValue;
  readonly effect: ToolEffect | "unknown";
  /** It was under way when its process went: it may have happened. */
  readonly inDoubt: boolean;
  readonly plan: CallPlan;
  /** It hands on work: to the run that it has already, or to one that begins then. */
  readonly child?: { readonly run: string; readonly status?: RunStatus };
  /** What the model is told, for a call that is answered without being run. */
  readonly message?: string;
}

export interface ResumePlan {
  readonly run: string;
  readonly agent: string;
  readonly status: RunStatus;
  /** Sequence number of the last event that was looked at. */
  readonly seq: number;
  /** Who drives it now; a resume elsewhere is refused. */
  readonly owner?: string;
  /** What is done and is not done again. */
  readonly done: { readonly steps: number; readonly calls: number };
  /** Events that would be recorded before anything is called, the takeover's own among them. */
  readonly events: readonly EventBody[];
  readonly calls: readonly PlannedCall[];
  /** The model that would be called, where that comes next. */
  readonly model?: { readonly id: string; readonly step: number; readonly attempt: number };
  /** What else would be under way: compactions, tool sources and the like, by the id of the effect. */
  readonly others: readonly string[];
  /** The run that it is a copy of up to an event, and what was changed in the copy, one sentence each. */
  readonly fork?: { readonly run: string; readonly seq: number; readonly edits: readonly string[] };
  /** Answers that wait in the inbox and would be refused, with the reason. */
  readonly refusedAnswers?: readonly string[];
  /** Tools that have no code here. */
  readonly missing: readonly string[];
  /** How the definition here differs from the one the run has, and what is done about it. */
  readonly definition?: { readonly policy: ChangePolicy; readonly changes: readonly string[]; readonly problem?: string };
  readonly waitingFor?: WaitingFor;
  /** It would end at once. */
  readonly ends?: { readonly status: FinalStatus; readonly error?: RunError };
  /** It could not be taken over here at all. */
  readonly problem?: RunError;
}

/** Where a run would take another course now. */
export interface Divergence {
  /** Number of the event. */
  readonly seq: number;
  readonly recorded: string;
  readonly now: string;
}

export interface Replay {
  /** Events that agree, from the first. */
  readonly events: number;
  /** The first that does not; absent: none. */
  readonly divergence?: Divergence;
}
