/**
 * Whether a run learns or does anything: kept only for runs that are supervised.
 *
 * W1 A result of a `read` tool that was not seen before is new, and so is a call with consequences that was not made before.
 * W2 Failed and blocked calls are never new; steps with polling calls count neither way.
 */
import type { ToolOutput } from "../ports/messages.ts";
import { toolOf } from "./effects.ts";
import { canonical } from "./guards.ts";
import type { CallState, Draft } from "./state.ts";
import type { JsonValue } from "../ports/json.ts";

export interface Progress {
  /** Steps in a row that brought nothing new. */
  readonly stale: number;
  /** What the last step that brought something cost: dollars, or tokens where there is no price. */
  readonly fruitfulCost: number;
  /** Digests of what is known, oldest first. */
  readonly seen: readonly number[];
}

export const NO_PROGRESS: Progress = { stale: 0, fruitfulCost: 0, seen: [] };

/** Longer ago is forgotten: what comes again after so many others may well be news. */
const MOST_SEEN = 256;

export function progressed(next: Draft, calls: readonly CallState[]): Progress {
  const { progress } = next;
  if (calls.some((call) => toolOf(next, call.name)?.polling === true)) return progress;
  const found = calls.filter((call) => call.outcome === "ok").map((call) => digestOf(next, call));
  const fresh = found.filter((digest, i) => !progress.seen.includes(digest) && found.indexOf(digest) === i);
  if (fresh.length === 0) return { ...progress, stale: progress.stale + 1 };
  return { stale: 0, fruitfulCost: lastCost(next), seen: [...progress.seen, ...fresh].slice(-MOST_SEEN) };
}

export function lastCost(state: Pick<Draft, "lastCallCostUsd" | "lastCallTokens">): number {
  return state.lastCallCostUsd > 0 ? state.lastCallCostUsd : state.lastCallTokens;
}

function digestOf(next: Draft, call: CallState): number {
  return digest(toolOf(next, call.name)?.effect === "read" ? textOf(call.output) : `call ${call.key}`);
}

function textOf(output: ToolOutput | undefined): string {
  if (output === undefined) return "";
  return typeof output.value === "string" ? output.value : canonical(output.value as JsonValue);
}

/** FNV-1a over UTF-16 units: a mistaken likeness costs a nudge, not more. */
function digest(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
