/** What to do about the calls of the current step. */
import type { EventBody } from "../ports/events.ts";
import type { CallOutcome, WaitingFor } from "../ports/view.ts";
import { isChildCall, isOpenChild, refusalOfChild } from "./children.ts";
import type { Decision } from "./decide.ts";
import { type Effect, type EndChildEffect, toolOf } from "./effects.ts";
import { repetition } from "./guards.ts";
import type { CallState, RunState } from "./state.ts";

export function decideCalls(state: RunState): Decision {
  const decided = state.calls.flatMap((call) => decideWithoutRunning(state, call));
  if (decided.length > 0) return { append: decided, effects: [], done: false };
  const effects = wantedCalls(state);
  if (effects.length > 0) return { append: [], effects, done: false };
  return { append: [], effects: [], waiting: waitingFor(state), done: false };
}

/** A person who is asked comes first: children wake their parent by themselves. */
function waitingFor({ calls }: RunState): WaitingFor {
  const asked = calls.filter((call) => call.status === "in-doubt").map((call) => call.id);
  if (asked.length > 0) return { kind: "resolution", calls: asked };
  return { kind: "child", runs: calls.filter(isOpenChild).flatMap(({ child }) => (child === undefined ? [] : [child.run])) };
}

/** Calls that are answered without running anything: blocked by a guard, or in doubt with the policy `report` or `rerun`. */
function decideWithoutRunning(state: RunState, call: CallState): readonly EventBody[] {
  if (call.status === "ready") return notRun(state, call);
  if (call.status !== "in-doubt") return [];
  const tool = toolOf(state, call.name);
  if (tool?.reconcile === true && !call.reconciled) return [];
  if (tool?.onUnknown === "ask") return [];
  if (tool?.onUnknown === "rerun") return [{ type: "tool.reconciled", call: call.id, outcome: "not-done" }];
  return [ended(call, "unknown", unknownMessage(call))];
}

function unknownMessage(call: CallState): string {
  return `The outcome of this call is unknown: ${call.name} was interrupted after it had started, so it may or may not have taken effect. It was not repeated. Check before you call it again.`;
}

function notRun(state: RunState, call: CallState): readonly EventBody[] {
  const guarded = blocked(state, call);
  if (guarded.length > 0 || !isChildCall(state, call)) return guarded;
  const refusal = refusalOfChild(state, call);
  return refusal === undefined ? [] : [ended(call, "error", refusal)];
}

function blocked(state: RunState, call: CallState): readonly EventBody[] {
  if (state.request.unguarded === true) return [];
  const seen = repetition(state.history, call.key);
  if (seen === undefined || seen.count < state.limits.repeats) return [];
  const message = `Not run: this call has already been made ${seen.count - 1} times with the same result. Use that result or do something else.`;
  return [{ type: "guard.tripped", guard: seen.guard, action: "block", call: call.id, message }, ended(call, "blocked", message)];
}

/** The first calls in call order, up to the limits on parallel calls of the run and of each tool, and on children at once. */
function wantedCalls(state: RunState): readonly Effect[] {
  const effects: Effect[] = [];
  const perTool = new Map<string, number>();
  let children = 0;
  for (const call of state.calls) {
    const effect = effectOf(state, call);
    if (effect === undefined) continue;
    if (effect.kind === "child") {
      // One that was started is attached to again, however many there are.
      if (call.child === undefined && children >= state.limits.parallelChildren) continue;
      children++;
      effects.push(effect);
      continue;
    }
    if (effects.length - children >= state.limits.parallelCalls) continue;
    const underWay = perTool.get(call.name) ?? 0;
    if (underWay >= (toolOf(state, call.name)?.concurrency ?? state.limits.parallelCalls)) continue;
    perTool.set(call.name, underWay + 1);
    effects.push(effect);
  }
  return effects;
}

/** The id changes with every interruption, so that an abandoned run of the call is never mistaken for the new one. */
function effectOf(state: RunState, call: CallState): Effect | undefined {
  if (call.status === "ready" || call.status === "started") {
    if (isChildCall(state, call)) return { kind: "child", id: `child:${call.id}`, call };
    return { kind: "tool", id: `tool:${call.id}#${call.interruptions}`, call };
  }
  if (call.status !== "in-doubt" || call.reconciled) return undefined;
  if (toolOf(state, call.name)?.reconcile !== true) return undefined;
  return { kind: "reconcile", id: `reconcile:${call.id}#${call.interruptions}`, call };
}

/**
 * On the way to an end: calls that never started are cancelled, calls in doubt are unknown, and a `once` call under way is
 * waited for (its signal is aborted; the driver answers for it within the grace time) unless the run is killed. Children are ended
 * and waited for.
 */
export function closeOpenCalls(
  state: RunState,
  options: { readonly abandonStarted: boolean; readonly reason: string; readonly mode?: "cancel" | "kill" },
): Decision | undefined {
  const open = state.calls.filter((call) => call.status !== "ended");
  if (open.length === 0) return undefined;
  const events = open.flatMap((call) => {
    if (call.status === "ready") return [ended(call, "cancelled", `Not run to its end. ${options.reason}`)];
    if (isOpenChild(call)) return [];
    if (call.status === "in-doubt" || options.abandonStarted) return [ended(call, "unknown", unknownMessage(call))];
    return [];
  });
  const children = events.length > 0 ? [] : open.filter(isOpenChild).map((call) => endChild(call, options));
  return { append: events, effects: children, done: false };
}

function endChild(
  call: CallState,
  { mode = "cancel", reason }: { readonly mode?: "cancel" | "kill"; readonly reason: string },
): EndChildEffect {
  return { kind: "end-child", id: `end-child:${call.id}:${mode}`, call, mode, reason };
}

function ended(call: CallState, outcome: CallOutcome, message: string): EventBody {
  return { type: "tool.ended", call: call.id, outcome, output: { type: "error-text", value: message } };
}
