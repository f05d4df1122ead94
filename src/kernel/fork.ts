/**
 * Runs that begin with a part of another one.
 *
 * F1 A call that may change the world is not made again by a fork: where the original made the same call, its result is used.
 * F2 Any other such call needs a person's approval.
 * F3 Limits go on from where the original stood.
 */
import type { EventBody } from "../ports/events.ts";
import type { RunForked, Stub } from "../ports/fork-events.ts";
import { leftToOriginal } from "./evolve-background.ts";
import { isChildCall } from "./children.ts";
import { toolOf } from "./effects.ts";
import { callKey } from "./guards.ts";
import type { CallState, Draft, RunState } from "./state.ts";

export function forked(next: Draft, event: RunForked): void {
  next.forkedFrom = event.from;
  next.stubs = event.stubs;
  next.activeMs = Math.max(next.activeMs, event.spentMs);
  next.chargedMs = next.activeMs;
  leftToOriginal(next, event.from.run);
}

/** Each stub is used once. */
export function stubUsed(next: Draft, stub: string): void {
  next.stubs = next.stubs.filter(({ call }) => call !== stub);
}

/** Before a call is dispatched for the first time: its result from the original, or the request for an approval. */
export function fence(state: RunState, call: CallState): readonly EventBody[] {
  if (state.forkedFrom === undefined || call.waits > 0) return [];
  if (toolOf(state, call.name)?.effect === "read" && !isChildCall(state, call)) return [];
  const stub = stubFor(state.stubs, call);
  if (stub !== undefined) {
    const { outcome, output } = stub;
    return [{ type: "tool.ended", call: call.id, outcome, output, stub: stub.call }];
  }
  const reason = `this run is a fork of ${state.forkedFrom.run}, which did not make this call`;
  return [{ type: "approval.requested", call: call.id, approval: `${state.run}:${call.id}`, reason }];
}

function stubFor(stubs: readonly Stub[], call: CallState): Stub | undefined {
  const key = callKey(call.name, call.input);
  const same = stubs.filter(({ name, input }) => callKey(name, input) === key);
  return same.find((stub) => stub.call === call.id) ?? same[0];
}
