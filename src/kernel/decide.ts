/**
 * decide(state, now) -> wanted. Pure: what should be recorded now, what should be under way now, and when to ask again.
 *
 * D1 Either something is appended or effects are wanted, never both: decisions are facts before anyone acts on them.
 * D2 The same state and time give the same decision; effect ids are stable while an effect is wanted.
 * D3 A final status is decided only when every call has its outcome, or on a kill.
 */
import type { EventBody, LimitReached } from "../ports/events.ts";
import type { FinalStatus, RunError, WaitingFor } from "../ports/view.ts";
import { besideBackground } from "./decide-background.ts";
import { compactionDue, compactionWanted } from "./compaction.ts";
import { closeOpenCalls, decideCalls } from "./decide-calls.ts";
import { isUsedUp, limitBeforeCompaction, limitReached, nextDeadline } from "./decide-limits.ts";
import { supervised } from "./decide-supervision.ts";
import { decideQuestion, toWaitingFor } from "./decide-waiting.ts";
import { afterOpening, decideSettling, failedSource } from "./decide-sources.ts";
import type { Effect, ModelEffect } from "./effects.ts";
import { isDue } from "./evolve-model.ts";
import { equalResults, repetition } from "./guards.ts";
import { wrapUpReserveMs } from "./limits.ts";
import { isRepairing, mayRepair } from "./output.ts";
import { changeOfPhase, nextPhase, phaseToEnd } from "./phases.ts";
import type { Ending, OpenWait, RunState } from "./state.ts";

export interface Now {
  /** Running time of the run, ms. */
  readonly activeMs: number;
  /** Wall clock, ms. */
  readonly at: number;
  /** Running time at which something was last heard of what is under way, ms. */
  readonly heardMs?: number;
}

/** When to decide again if nothing happens. */
export interface Deadline {
  readonly activeMs?: number;
  readonly at?: number;
}

export interface Decision {
  readonly append: readonly EventBody[];
  readonly effects: readonly Effect[];
  readonly deadline?: Deadline;
  /** Nothing is under way and nothing will happen without somebody. */
  readonly waiting?: WaitingFor;
  readonly done: boolean;
}

export function decide(state: RunState, now: Now): Decision {
  const decision = decideRun(state, now);
  const watched = state.agent.supervision === undefined ? decision : supervised(state, now, decision);
  return state.background.length === 0 || obstacleOf(state) !== undefined ? watched : besideBackground(state, watched);
}

function decideRun(state: RunState, now: Now): Decision {
  if (state.finished) return { append: [], effects: [], done: true };
  if (state.settling !== undefined) {
    return decideSettling(state) ?? record({ type: "run.finished", status: state.settling.status });
  }
  if (state.fruitless >= state.limits.recoveries) return settle(state, "poisoned", poisonedError(state));
  if (state.cancel !== undefined) return decideCancel(state, state.cancel);
  const obstacle = obstacleOf(state);
  if (obstacle !== undefined) return waitFor(obstacle);
  const limit = limitReached(state, now);
  if (limit !== undefined) return record(limit);
  if (state.ending !== undefined) return decideEnding(state, now);
  const unanswered = decideQuestion(state, now);
  if (unanswered !== undefined) return record(unanswered);
  return state.sources.length === 0 ? decideCourse(state, now) : decideWithSources(state, now);
}

function decideWithSources(state: RunState, now: Now): Decision {
  const failed = failedSource(state);
  return failed === undefined ? afterOpening(state, decideCourse(state, now)) : settle(state, "failed", failed);
}

// --- the ordinary course ---------------------------------------------------------------------------------------------

function decideCourse(state: RunState, now: Now): Decision {
  if (state.calls.length > 0) return withDeadline(decideCalls(state, now), state);
  const first = state.phase === undefined ? nextPhase(state) : undefined;
  return first === undefined ? decideNextStep(state, now) : record({ type: "phase.started", phase: first.name });
}

function decideNextStep(state: RunState, now: Now): Decision {
  if (state.question !== undefined && !state.model.inFlight) return waitForAnswer(state, state.question);
  if (state.answered && !state.steers.some((steer) => isDue(steer, state))) return decideAnswered(state, now);
  if (state.model.exhausted) return settle(state, "failed", state.model.lastError);
  const guard = state.model.inFlight ? undefined : guardTripped(state);
  if (guard !== undefined) return record(guard);
  return beforeModel(state) ?? wantModel(state, now, isRepairing(state) ? "none" : "auto");
}

/** An answer without calls ends a phase, or the run if it has the shape that was asked for. */
function decideAnswered(state: RunState, now: Now): Decision {
  const { phase, verdict } = state;
  if (phase !== undefined && nextPhase(state) !== undefined) return record(...changeOfPhase(state, phase));
  if (verdict?.ok === false) {
    if (mayRepair(state)) return record({ type: "output.refused", problem: verdict.problem });
    return settle(state, "failed", outputError(verdict.problem));
  }
  if (phase?.isOver !== true && mayHold(state, now)) return holdForBackground(state);
  if (phase !== undefined && !phase.isOver) return record(...changeOfPhase(state, phase));
  return settle(state, "completed");
}

/** Not beyond the time that is kept for a last answer: then its children are ended, and the answer it has stands. */
function mayHold({ background, limits }: RunState, now: Now): boolean {
  return background.length > 0 && now.activeMs < limits.timeMs - wrapUpReserveMs(limits);
}

function holdForBackground(state: RunState): Decision {
  return { ...waitFor(toWaitingFor(state)), deadline: nextDeadline(state) };
}

function outputError(problem: string): RunError {
  return { code: "output_invalid", message: `the answer does not have the shape that was asked for: ${problem}` };
}

function wantModel(state: RunState, now: Now, toolChoice: ModelEffect["toolChoice"]): Decision {
  const { model } = state;
  const retryAt = model.retryAt;
  if (!model.inFlight && retryAt !== undefined && now.at < retryAt) {
    return { append: [], effects: [], deadline: { ...nextDeadline(state), at: retryAt }, done: false };
  }
  const attempt = model.inFlight ? model.attempts : model.attempts + 1;
  const effect: ModelEffect = {
    kind: "model",
    id: `model:${state.step}.${attempt}`,
    step: state.step,
    attempt,
    model: state.models[model.candidate] ?? "",
    toolChoice: isOnlyStep(state) ? "none" : toolChoice,
  };
  return withDeadline(want([effect]), state);
}

/** A run or a phase of one step is all reserve: it is answered without tools and ends in the ordinary way. */
function isOnlyStep(state: RunState): boolean {
  return state.limits.maxSteps === 1 || state.phase?.limits.maxSteps === 1;
}

/** The conversation is shortened first, if it has to be. */
function beforeModel(state: RunState): Decision | undefined {
  if (state.model.inFlight) return undefined;
  const wanted = compactionWanted(state);
  const request = compactionDue(state);
  const limit = wanted === undefined && request === undefined ? undefined : limitBeforeCompaction(state);
  if (limit !== undefined) return withoutRoom(state, limit);
  if (wanted !== undefined) return record(wanted);
  if (request === undefined) return undefined;
  const number = state.compactions;
  return withDeadline(want([{ kind: "compact", id: `compact:${state.step}.${number}`, number, request }]), state);
}

/** What a person asked for is let go; what the next call needs is the end, with a last word as long as it is. */
function withoutRoom(state: RunState, limit: LimitReached): Decision {
  const { ending, compaction } = state;
  if (ending !== undefined) return settle(state, ending.status, ending.error);
  if (compaction === undefined || compaction.reason !== undefined) return record(limit);
  const message = `${limit.message} There is no room for a summary.`;
  return record({ type: "compaction.failed", error: { code: "compaction_failed", message } });
}

/** Between two steps: errors in a row, then repetition. */
function guardTripped(state: RunState): EventBody | undefined {
  if (state.request.unguarded === true || state.answered || state.step === 0) return undefined;
  return errorsInARow(state) ?? repeating(state) ?? withoutNews(state);
}

/** A whole batch of calls may fail at once: however long the row is, the model is warned before it is stopped. */
function errorsInARow(state: RunState): EventBody | undefined {
  const { consecutiveErrors: errors, errorsHinted, limits } = state;
  const failed = `${errors} tool ${errors === 1 ? "call" : "calls in a row"} failed.`;
  if (errorsHinted || limits.toolErrors === 1) {
    if (errors < limits.toolErrors || state.hintedStep === state.step) return undefined;
    return { type: "guard.tripped", guard: "errors", action: "stop", message: failed };
  }
  if (errors === 0 || errors < limits.toolErrors - 1) return undefined;
  const message = `${failed} Read the error and change the approach; one more failure ends this run.`;
  return { type: "guard.tripped", guard: "errors", action: "hint", message };
}

function repeating(state: RunState): EventBody | undefined {
  const { repeats } = state.limits;
  const seen = repetition(state.history);
  if (seen === undefined) return undefined;
  if (seen.count >= 2 * repeats) {
    const message = `The same calls were made ${seen.count} times with the same results.`;
    return { type: "guard.tripped", guard: seen.guard, action: "stop", message };
  }
  if (seen.count !== repeats - 1 || state.hintedStep === state.step) return undefined;
  const calls = seen.guard === "repeat" ? "call" : "calls";
  const message = `You have made the same ${calls} ${seen.count} times with the same result. Repeating will not change it: use what you have or try something else.`;
  return { type: "guard.tripped", guard: seen.guard, action: "hint", message };
}

/** Different questions, one answer: however many came at once, the model is told before it is stopped. */
function withoutNews(state: RunState): EventBody | undefined {
  const { limits, resultsHinted, hintedStep } = state;
  const count = equalResults(state.history);
  if (count < 2 * limits.repeats - 1 || hintedStep === state.step) return undefined;
  const tool = state.history[state.history.length - 1]?.read ?? "the tool";
  const message = `${count} different calls of ${tool} in a row gave the same result.`;
  if (!resultsHinted) {
    const hint = `${message} More of them are unlikely to change it: use what you have or try something else.`;
    return { type: "guard.tripped", guard: "results", action: "hint", message: hint };
  }
  return count < 4 * limits.repeats ? undefined : { type: "guard.tripped", guard: "results", action: "stop", message };
}

// --- endings ---------------------------------------------------------------------------------------------------------

function decideCancel(state: RunState, cancel: NonNullable<RunState["cancel"]>): Decision {
  const killed = cancel.mode === "kill";
  const open = closeOpenCalls(state, {
    abandonStarted: killed,
    mode: cancel.mode,
    reason: killed ? "The run was killed." : "The run was cancelled.",
  });
  if (open !== undefined) return open;
  const message = cancel.reason ?? (killed ? "killed" : "cancelled");
  return settle(state, killed ? "killed" : "cancelled", { code: killed ? "killed" : "cancelled", message });
}

/** The way out after a limit or a guard: calls end, one more answer without tools, then the end. */
function decideEnding(state: RunState, now: Now): Decision {
  const ending = state.ending;
  if (ending === undefined) return want([]);
  const open = closeOpenCalls(state, {
    abandonStarted: false,
    reason: ending.error?.message ?? "The run is ending.",
    keepBackground: ending.phase === true,
  });
  if (open !== undefined) return withDeadline(open, state);
  if (mayWrapUp(state, ending)) return beforeModel(state) ?? wantModel(state, now, "none");
  const phase = phaseToEnd(state);
  return phase === undefined ? settle(state, ending.status, ending.error) : record(...changeOfPhase(state, phase));
}

function mayWrapUp(state: RunState, { wrapUp }: Ending): boolean {
  if (!wrapUp || state.answered || state.model.exhausted || state.step >= state.limits.maxSteps) return false;
  return state.model.inFlight || !isUsedUp(state);
}

function settle(state: RunState, status: FinalStatus, error?: RunError): Decision {
  const open = closeOpenCalls(state, { abandonStarted: true, reason: "The run ended." });
  if (open !== undefined) return open;
  return record({ type: "run.settling", status, ...(error === undefined ? {} : { error }) });
}

function poisonedError(state: RunState): RunError {
  const message = `${state.fruitless} attempts in a row ended in a crash without any progress`;
  return { code: "poisoned", message };
}

// --- shapes ----------------------------------------------------------------------------------------------------------

function record(...events: EventBody[]): Decision {
  return { append: events, effects: [], done: false };
}

function want(effects: readonly Effect[]): Decision {
  return { append: [], effects, done: false };
}

/** Nothing can be called before somebody has decided about the definition, or before the code is there. */
function obstacleOf({ queued, request, redefined, toolsMissing: names }: RunState): WaitingFor | undefined {
  if (queued) return { kind: "lane", lane: request.lane?.key ?? "" };
  if (redefined.asked !== undefined) return { kind: "agent_changed", changes: redefined.asked.changes };
  if (names === undefined) return undefined;
  return redefined.missing === undefined
    ? { kind: "tools_missing", names }
    : { kind: "agent_missing", agent: redefined.missing, names };
}

function waitFor(waiting: WaitingFor): Decision {
  return { append: [], effects: [], waiting, done: false };
}

function waitForAnswer(state: RunState, { at }: OpenWait): Decision {
  return { ...waitFor(toWaitingFor(state)), ...(at === undefined ? {} : { deadline: { at } }) };
}

function withDeadline(decision: Decision, state: RunState): Decision {
  if (decision.append.length > 0 || decision.waiting !== undefined) return decision;
  return { ...decision, deadline: { ...nextDeadline(state), ...decision.deadline } };
}
