/** What a run wants done, and the intent that is committed before it is done. */
import type { EventBody } from "../ports/events.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import { childIntent, isInBackground } from "./children.ts";
import type { Stall } from "../ports/supervision.ts";
import { type ToolHolder, toolsOf } from "./file-tool.ts";
import type { CallState, PendingCompaction, RunState } from "./state.ts";

export type Effect =
  | ModelEffect
  | ToolCallEffect
  | ReconcileEffect
  | CompactEffect
  | ChildEffect
  | EndChildEffect
  | SourceEffect
  | SuperviseEffect;

export interface ModelEffect {
  readonly kind: "model";
  readonly id: string;
  readonly step: number;
  readonly attempt: number;
  /** `provider/model`. */
  readonly model: string;
  readonly toolChoice: "auto" | "none";
}

export interface ToolCallEffect {
  readonly kind: "tool";
  readonly id: string;
  readonly call: CallState;
}

export interface ReconcileEffect {
  readonly kind: "reconcile";
  readonly id: string;
  readonly call: CallState;
}

/** Have the child of this call run, wherever it is, until it has ended or waits. */
export interface ChildEffect {
  readonly kind: "child";
  readonly id: string;
  readonly call: CallState;
}

/** Have the child of this call end. */
export interface EndChildEffect {
  readonly kind: "end-child";
  readonly id: string;
  readonly call: CallState;
  readonly mode: "cancel" | "kill";
  readonly reason: string;
}

export interface CompactEffect {
  readonly kind: "compact";
  readonly id: string;
  /** Which of the run's compactions. */
  readonly number: number;
  readonly request: PendingCompaction;
}

export interface SourceEffect {
  readonly kind: "source-open" | "source-settle" | "source-close";
  readonly id: string;
  readonly source: string;
}

export interface SuperviseEffect {
  readonly kind: "supervise";
  readonly id: string;
  readonly stall: Stall;
}

export function toolOf(state: ToolHolder, name: string): ToolSnapshot | undefined {
  return toolsOf(state).find((tool) => tool.name === name);
}

/** Whether the run still waits for what this effect brings. A late result never enters state. */
export function isAwaited(state: RunState, effect: Effect): boolean {
  if (state.finished) return false;
  if (state.settling !== undefined) return isAwaitedAtTheEnd(state, effect);
  switch (effect.kind) {
    case "model":
      return state.model.inFlight && state.step === effect.step && state.model.attempts === effect.attempt;
    case "compact":
      return state.compaction !== undefined && state.compactions === effect.number;
    case "supervise":
      return state.supervision.stall?.stall === effect.stall.stall;
    case "child":
    case "end-child":
      return isInBackground(state, effect.call.id) || isOpen(state, effect.call.id);
    case "source-open":
      return state.sources.some(({ name, status }) => name === effect.source && (status === "unopened" || status === "changed"));
    case "source-settle":
    case "source-close":
      return false;
    case "tool":
    case "reconcile":
      return isCallAwaited(state, effect);
  }
}

function isOpen({ calls }: RunState, call: string): boolean {
  return calls.some(({ id, status }) => id === call && status !== "ended");
}

function isCallAwaited(state: RunState, effect: ToolCallEffect | ReconcileEffect): boolean {
  const call = state.calls.find((candidate) => candidate.id === effect.call.id);
  if (call === undefined || call.interruptions !== effect.call.interruptions || call.waits !== effect.call.waits) return false;
  return effect.kind === "reconcile" ? call.status === "in-doubt" : call.status === "ready" || call.status === "started";
}

function isAwaitedAtTheEnd(state: RunState, effect: Effect): boolean {
  if (effect.kind !== "source-settle" && effect.kind !== "source-close") return false;
  const source = state.sources.find(({ name }) => name === effect.source);
  return source !== undefined && !(effect.kind === "source-settle" ? source.settled : source.closed);
}

/** The event that must be durable before the effect starts; none for effects that may simply be done again. */
export function intentOf(state: RunState, effect: Effect): EventBody | undefined {
  switch (effect.kind) {
    case "model":
      if (state.model.inFlight) return undefined;
      return { type: "model.started", step: effect.step, attempt: effect.attempt, model: effect.model };
    case "tool":
      if (effect.call.status === "started" || toolOf(state, effect.call.name)?.effect !== "once") return undefined;
      return { type: "tool.started", call: effect.call.id };
    case "child":
      return effect.call.child === undefined ? childIntent(state, effect.call) : undefined;
    case "end-child":
    case "reconcile":
    case "compact":
    // What is opened is found again by its key: that the run has this source was durable with its start.
    case "source-open":
    case "source-settle":
    case "source-close":
    case "supervise":
      return undefined;
  }
}
