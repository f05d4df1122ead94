/** What a run wants done, and the intent that is committed before it is done. */
import type { EventBody } from "../ports/events.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { CallState, PendingCompaction, RunState } from "./state.ts";

export type Effect = ModelEffect | ToolCallEffect | ReconcileEffect | CompactEffect;

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

export interface CompactEffect {
  readonly kind: "compact";
  readonly id: string;
  /** Which of the run's compactions. */
  readonly number: number;
  readonly request: PendingCompaction;
}

export function toolOf(state: RunState, name: string): ToolSnapshot | undefined {
  return state.agent.tools.find((tool) => tool.name === name);
}

/** Whether the run still waits for what this effect brings. A late result never enters state. */
export function isAwaited(state: RunState, effect: Effect): boolean {
  if (state.finished || state.settling !== undefined) return false;
  switch (effect.kind) {
    case "model":
      return state.model.inFlight && state.step === effect.step && state.model.attempts === effect.attempt;
    case "compact":
      return state.compaction !== undefined && state.compactions === effect.number;
    case "tool":
    case "reconcile": {
      const call = state.calls.find((candidate) => candidate.id === effect.call.id);
      if (call === undefined || call.interruptions !== effect.call.interruptions) return false;
      return effect.kind === "reconcile" ? call.status === "in-doubt" : call.status === "ready" || call.status === "started";
    }
  }
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
    case "reconcile":
    case "compact":
      return undefined;
  }
}
