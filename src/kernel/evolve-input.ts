/** How attempts, input from outside, limits and guards change a run. */
import type { BudgetRefused } from "../ports/budget.ts";
import type { Extension } from "../ports/supervision.ts";
import type { PhaseLimits } from "../ports/agent.ts";
import type { AttemptStarted, EventBody, GuardTripped, LimitReached } from "../ports/events.ts";
import type { FinalStatus } from "../ports/view.ts";
import { attachedAgain } from "./evolve-background.ts";
import { compactionDue } from "./compaction.ts";
import { compactionRequested } from "./evolve-compaction.ts";
import { artifactAdded } from "./evolve-artifacts.ts";
import { inDoubt } from "./evolve-calls.ts";
import { closedByTakeover } from "./evolve-sources.ts";
import { adopt, decided } from "./evolve-definition.ts";
import { forked } from "./fork.ts";
import { NO_LIMIT } from "./limits.ts";
import { type CallState, type Draft, type Ending, NOT_REDEFINED, type RunState } from "./state.ts";

export function evolveInput(next: Draft, event: EventBody): void {
  switch (event.type) {
    case "attempt.started":
      return attemptStarted(next, event);
    case "run.dequeued":
      next.queued = false;
      return;
    case "steer.received": {
      const { id, content, afterStep, pinned } = event;
      const how = { ...(afterStep === undefined ? {} : { afterStep }), ...(pinned === undefined ? {} : { pinned }) };
      next.steers = [...next.steers, { id, content, ...how }];
      next.fruitless = 0;
      if (event.now === true && next.settling === undefined) abandonModelCall(next);
      return;
    }
    case "cancel.requested":
      if (next.cancel?.mode !== "kill") next.cancel = toCancel(event);
      return;
    case "limits.extended":
      return extended(next, event);
    case "compaction.requested":
      return compactionRequested(next, event);
    case "limit.reached":
      return limitReached(next, event);
    case "budget.refused":
      return budgetRefused(next, event);
    case "guard.tripped":
      return guardTripped(next, event);
    case "tools.missing":
      next.toolsMissing = event.names;
      if (event.agent !== undefined) next.redefined = { ...next.redefined, missing: event.agent };
      return;
    case "agent.changed":
      next.redefined = { ...next.redefined, asked: event };
      return;
    case "agent.adopted":
      return adopt(next, event);
    case "agent.decided":
      return decided(next, event);
    case "run.forked":
      return forked(next, event);
    case "artifact.added":
      return artifactAdded(next, event);
    case "run.settling":
      abandonModelCall(next);
      next.compaction = undefined;
      next.fruitless = 0;
      next.settling = { status: event.status, ...(event.error ? { error: event.error } : {}) };
      return;
    case "run.finished":
      next.finished = true;
      return;
    default:
  }
}

/**
 * A new process has the run. A model call that was under way is made again, its cost unknown; a `once` call that was under
 * way is in doubt; `read` and `idempotent` calls never left `ready`.
 */
function attemptStarted(next: Draft, event: AttemptStarted): void {
  abandonModelCall(next);
  next.toolsMissing = undefined;
  next.sources = closedByTakeover(next.sources);
  const { declined } = next.redefined;
  next.redefined = declined === undefined ? NOT_REDEFINED : { declined };
  next.calls = next.calls.map(afterTakeover);
  next.background = attachedAgain(next.background);
  if (event.after === "crash") next.fruitless++;
}

/** A child is a run of its own: it is attached to again, wherever it is by now. */
function afterTakeover(call: CallState): CallState {
  if (call.child !== undefined) return call.status === "parked" ? { ...call, status: "started" } : call;
  return call.status === "started" ? inDoubt(call) : call;
}

/** A call that will not be heard out: it may have cost something, and it is not the model's failure. */
function abandonModelCall(next: Draft): void {
  const { model, usage } = next;
  if (compactionDue(next) !== undefined) next.usage = { ...usage, unknownCalls: usage.unknownCalls + 1 };
  if (!model.inFlight) return;
  next.model = { ...model, inFlight: false, candidateAttempts: model.candidateAttempts - 1 };
  next.usage = { ...usage, unknownCalls: usage.unknownCalls + 1 };
}

function toCancel(event: { readonly mode: "cancel" | "kill"; readonly reason?: string }): NonNullable<RunState["cancel"]> {
  return event.reason === undefined ? { mode: event.mode } : { mode: event.mode, reason: event.reason };
}

/** More room also revives a run that was about to wrap up because of a limit. */
export function extended(next: Draft, event: Extension): void {
  const { limits, ending } = next;
  next.limits = {
    ...limits,
    maxSteps: plus(limits.maxSteps, event.steps),
    timeMs: plus(limits.timeMs, event.timeMs),
    ...(limits.tokens === undefined ? {} : { tokens: plus(limits.tokens, event.tokens) }),
    ...(limits.costUsd === undefined ? {} : { costUsd: plus(limits.costUsd, event.costUsd) }),
  };
  if (next.phase !== undefined) next.phase = { ...next.phase, limits: extendedPhase(next.phase.limits, event) };
  if (ending?.error?.code.startsWith("limit_") !== true || next.model.inFlight) return;
  const note = wrapUpNote(ending.error.message);
  next.ending = undefined;
  next.notes = next.notes.filter((text) => text !== note);
}

/** The current phase gets the same as the run, where it has bounds of its own. */
function extendedPhase(limits: PhaseLimits, event: Extension): PhaseLimits {
  const { maxSteps, timeMs, tokens, costUsd } = limits;
  return {
    ...(maxSteps === undefined ? {} : { maxSteps: plus(maxSteps, event.steps) }),
    ...(timeMs === undefined ? {} : { timeMs: plus(timeMs, event.timeMs) }),
    ...(tokens === undefined ? {} : { tokens: plus(tokens, event.tokens) }),
    ...(costUsd === undefined ? {} : { costUsd: plus(costUsd, event.costUsd) }),
  };
}

function plus(limit: number, more: number | undefined): number {
  return Math.min(NO_LIMIT, limit + Math.max(0, more ?? 0));
}

const STATUS_OF_LIMIT: Readonly<Record<LimitReached["limit"], FinalStatus>> = {
  steps: "out_of_steps",
  time: "timed_out",
  tokens: "over_budget",
  usd: "over_budget",
};

function limitReached(next: Draft, event: LimitReached): void {
  abandonModelCall(next);
  next.compaction = undefined;
  const before = event.phase === undefined ? endingOfRun(next) : next.ending;
  const status = before?.status ?? STATUS_OF_LIMIT[event.limit];
  const error = before?.error ?? { code: `limit_${event.limit}`, message: event.message };
  const scope = event.phase === undefined ? {} : { phase: true as const };
  next.ending = { status, error, wrapUp: event.wrapUp, limit: before?.limit ?? event.limit, ...scope };
  if (event.wrapUp) next.notes = [...next.notes, wrapUpNote(event.message)];
}

/** A bound of the run outranks that of a phase; of two of the run the first one is the reason. */
function endingOfRun({ ending }: RunState): Ending | undefined {
  return ending?.phase === true ? undefined : ending;
}

/** A wrap-up that is refused as well is the end. */
function budgetRefused(next: Draft, { message, wrapUp }: BudgetRefused): void {
  const before = endingOfRun(next);
  const status = before?.status ?? "over_budget";
  const error = before?.error ?? { code: "budget_refused", message };
  next.ending = { status, error, wrapUp };
  if (wrapUp) next.notes = [...next.notes, wrapUpNote(message)];
}

function wrapUpNote(why: string): string {
  return `${why} This is your last step and no tool can be called any more: give the best final answer you can from what you have.`;
}

function guardTripped(next: Draft, event: GuardTripped): void {
  if (event.action === "block") return;
  next.notes = [...next.notes, event.action === "hint" ? event.message : wrapUpNote(event.message)];
  if (event.action === "hint") {
    next.hintedStep = next.step;
    if (event.guard === "errors") next.errorsHinted = true;
    if (event.guard === "results") next.resultsHinted = true;
    return;
  }
  const status: FinalStatus = event.guard === "errors" ? "failed" : "looping";
  const code = event.guard === "errors" ? "tool_errors" : "looping";
  next.ending = { status, error: { code, message: event.message }, wrapUp: true };
}
