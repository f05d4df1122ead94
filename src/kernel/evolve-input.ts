/** How attempts, input from outside, limits and guards change a run. */
import type { AttemptStarted, EventBody, GuardTripped, LimitReached, LimitsExtended } from "../ports/events.ts";
import type { FinalStatus } from "../ports/view.ts";
import { inDoubt } from "./evolve-calls.ts";
import { NO_LIMIT } from "./limits.ts";
import type { Limits } from "../ports/limits.ts";
import type { CallState, RunState } from "./state.ts";

export function evolveInput(state: RunState, event: EventBody): RunState {
  switch (event.type) {
    case "attempt.started":
      return attemptStarted(state, event);
    case "steer.received": {
      const { id, content, afterStep } = event;
      const steer = { id, content, ...(afterStep === undefined ? {} : { afterStep }) };
      return { ...state, steers: [...state.steers, steer], fruitless: 0 };
    }
    case "cancel.requested":
      return state.cancel?.mode === "kill" ? state : { ...state, cancel: toCancel(event) };
    case "limits.extended":
      return extended(state, event);
    case "compaction.requested":
      return { ...state, compaction: toCompaction(event) };
    case "limit.reached":
      return limitReached(state, event);
    case "guard.tripped":
      return guardTripped(state, event);
    case "tools.missing":
      return { ...state, toolsMissing: event.names };
    case "run.settling":
      return { ...abandonModelCall(state), settling: { status: event.status, ...(event.error ? { error: event.error } : {}) } };
    case "run.finished":
      return { ...state, finished: true };
    default:
      return state;
  }
}

/**
 * A new process has the run. A model call that was under way is made again, its cost unknown; a `once` call that was under
 * way is in doubt; `read` and `idempotent` calls never left `ready`.
 */
function attemptStarted(state: RunState, event: AttemptStarted): RunState {
  const { toolsMissing: _cleared, ...rest } = abandonModelCall(state);
  return {
    ...rest,
    calls: state.calls.map((call): CallState => (call.status === "started" ? inDoubt(call) : call)),
    fruitless: event.after === "crash" ? state.fruitless + 1 : state.fruitless,
  };
}

/** A call that will not be heard out: it may have cost something, and it is not the model's failure. */
function abandonModelCall(state: RunState): RunState {
  if (!state.model.inFlight) return state;
  const { candidateAttempts } = state.model;
  return {
    ...state,
    model: { ...state.model, inFlight: false, candidateAttempts: candidateAttempts - 1 },
    usage: { ...state.usage, unknownCalls: state.usage.unknownCalls + 1 },
  };
}

function toCancel(event: { readonly mode: "cancel" | "kill"; readonly reason?: string }): NonNullable<RunState["cancel"]> {
  return event.reason === undefined ? { mode: event.mode } : { mode: event.mode, reason: event.reason };
}

function toCompaction(event: {
  readonly instructions?: string;
  readonly afterStep?: number;
}): NonNullable<RunState["compaction"]> {
  return {
    ...(event.instructions === undefined ? {} : { instructions: event.instructions }),
    ...(event.afterStep === undefined ? {} : { afterStep: event.afterStep }),
  };
}

/** More room also revives a run that was about to wrap up because of that limit. */
function extended(state: RunState, event: LimitsExtended): RunState {
  const { limits } = state;
  const raised: Limits = {
    ...limits,
    maxSteps: plus(limits.maxSteps, event.steps),
    timeMs: plus(limits.timeMs, event.timeMs),
    ...(limits.tokens === undefined ? {} : { tokens: plus(limits.tokens, event.tokens) }),
    ...(limits.costUsd === undefined ? {} : { costUsd: plus(limits.costUsd, event.costUsd) }),
  };
  const { ending, ...rest } = state;
  const revived = ending?.error?.code.startsWith("limit_") === true && !state.model.inFlight;
  if (!revived) return { ...state, limits: raised };
  const note = wrapUpNote(ending?.error?.message ?? "");
  return { ...rest, limits: raised, notes: state.notes.filter((text) => text !== note) };
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

function limitReached(state: RunState, event: LimitReached): RunState {
  const status = state.ending?.status ?? STATUS_OF_LIMIT[event.limit];
  const error = state.ending?.error ?? { code: `limit_${event.limit}`, message: event.message };
  return {
    ...abandonModelCall(state),
    ending: { status, error, wrapUp: event.wrapUp },
    notes: event.wrapUp ? [...state.notes, wrapUpNote(event.message)] : state.notes,
  };
}

function wrapUpNote(why: string): string {
  return `${why} This is your last step and no tool can be called any more: give the best final answer you can from what you have.`;
}

function guardTripped(state: RunState, event: GuardTripped): RunState {
  if (event.action === "block") return state;
  if (event.action === "hint") return { ...state, notes: [...state.notes, event.message], hintedStep: state.step };
  const status: FinalStatus = event.guard === "errors" ? "failed" : "looping";
  const code = event.guard === "errors" ? "tool_errors" : "looping";
  const error = { code, message: event.message };
  return { ...state, ending: { status, error, wrapUp: true }, notes: [...state.notes, wrapUpNote(event.message)] };
}
