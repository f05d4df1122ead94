/**
 * Children that nobody waits for: their calls are answered when they start, and their ends are told to the model when they come.
 *
 * BG1 What holds for other children holds for them: one run per call, bounds, cancellation, an end that counts once.
 * BG2 A final answer is held until they have ended: their ends continue the run like any input that comes at its end. A run that ends
 *     in any other way ends them first.
 */
import type { ChildStarted } from "../ports/events.ts";
import { childIntent, isChildCall, runsInBackground } from "./children.ts";
import type { Decision } from "./decide.ts";
import { nextDeadline } from "./decide-limits.ts";
import type { Effect } from "./effects.ts";
import type { CallState, RunState } from "./state.ts";

/** The starts that are due: a decision of its own, because the conversation goes on from there at once. */
export function backgroundStarts(state: RunState): readonly ChildStarted[] {
  const { calls, background, limits } = state;
  const ready = calls.filter((call) => call.status === "ready" && runsInBackground(state, call) && isChildCall(state, call));
  const first = ready[0];
  if (first === undefined) return [];
  const underWay = [...calls, ...background].filter(({ child, status }) => child !== undefined && status === "started").length;
  // One at a time: what the next one gets depends on what this one was given.
  return underWay < limits.parallelChildren ? [childIntent(state, first)] : [];
}

/** Whatever else the run wants, its children in the background are followed meanwhile. */
export function besideBackground(state: RunState, decision: Decision): Decision {
  if (decision.append.length > 0 || decision.done || decision.effects.some(({ kind }) => kind === "end-child")) return decision;
  const effects = state.background.filter(({ status }) => status === "started").map(toEffect);
  if (effects.length === 0) return decision;
  const { waiting: _waiting, ...rest } = decision;
  const deadline = { ...nextDeadline(state), ...decision.deadline };
  return { ...rest, effects: [...decision.effects, ...effects], deadline };
}

function toEffect(call: CallState): Effect {
  return { kind: "child", id: `child:${call.id}`, call };
}
