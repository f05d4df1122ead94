/**
 * Runs that begin with a part of another one.
 *
 * F1 A call that may change the world is not made again by a fork: where the original made the same call, its result is used.
 * F2 Any other such call needs a person's approval, given to the fork.
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
  next.calls = next.calls.map(notYetApproved);
  next.activeMs = Math.max(next.activeMs, event.spentMs);
  next.chargedMs = next.activeMs;
  leftToOriginal(next, event.from.run);
}

/**
 * What somebody approved was the call of the original, also where nobody knows what came of it. One that only reads and had begun
 * goes on.
 */
function notYetApproved(call: CallState): CallState {
  const { status, woken, waits } = call;
  const isToBeMade = status === "in-doubt" || (status === "ready" && woken === undefined);
  return isToBeMade && waits > 0 ? { ...call, waits: 0 } : call;
}

/** Each stub is used once. */
export function stubUsed(next: Draft, stub: string): void {
  next.stubs = next.stubs.filter(({ call }) => call !== stub);
}

/**
 * Before a call is dispatched: its result from the original, or the request for an approval. One that waited, and is not to be made again
 * either, was approved here or had begun.
 */
export function fence(state: RunState, call: CallState): readonly EventBody[] {
  if (state.forkedFrom === undefined) return [];
  if (toolOf(state, call.name)?.effect === "read" && !isChildCall(state, call)) return [];
  const stub = stubFor(state, call);
  if (stub !== undefined) {
    const { outcome, output } = stub;
    return [{ type: "tool.ended", call: call.id, outcome, output, stub: stub.call }];
  }
  if (call.waits > 0) return [];
  const reason = `this run is a fork of ${state.forkedFrom.run}, which did not make this call`;
  return [{ type: "approval.requested", call: call.id, approval: `${state.run}:${call.id}`, reason }];
}

/** That of the same call, else of one like it that no call before this one is given. */
function stubFor({ stubs, calls }: RunState, call: CallState): Stub | undefined {
  const key = callKey(call.name, call.input);
  const same = stubs.filter(({ name, input }) => callKey(name, input) === key);
  if (same.length === 0) return undefined;
  const own = same.find((stub) => stub.call === call.id);
  if (own !== undefined) return own;
  const alike = calls.filter(({ status, name, input }) => status === "ready" && callKey(name, input) === key);
  const left = same.filter((stub) => !alike.some(({ id }) => id === stub.call));
  const without = alike.filter(({ id }) => !same.some((stub) => stub.call === id));
  return left[without.indexOf(call)];
}
