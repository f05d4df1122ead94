/** How a run came to where it stands: its attempts, and what each found. */
import { evolve, initialState } from "../../kernel/evolve.ts";
import type { CallState, RunState } from "../../kernel/state.ts";
import { StepLog } from "../../kernel/steps.ts";
import type { RunEvent } from "../../ports/events.ts";
import { callsDone } from "./view/standing.ts";
import type { CallOutcome, RunError } from "../../ports/view.ts";

/** A call that was under way when a process died. */
export interface DoubtfulCall {
  readonly call: string;
  readonly name: string;
  /** What was decided about it; absent while it is open. */
  readonly decision?:
    | "had happened"
    | "had not happened, ran"
    | "reported to the model as unknown"
    | "decided by a person"
    | CallOutcome;
}

export interface Attempt {
  readonly number: number;
  readonly epoch: number;
  readonly at: number;
  /** Unknown for the first: the journal names those that take over. */
  readonly process?: string;
  readonly after?: "released" | "crash";
  /** Steps and calls that were done by then and were not done again. */
  readonly stepsKept: number;
  readonly callsKept: number;
  readonly modelCallAgain: boolean;
  readonly doubtful: readonly DoubtfulCall[];
}

export interface RunHistory {
  readonly state: RunState;
  readonly steps: StepLog;
  readonly attempts: readonly Attempt[];
  readonly startedAt: number;
  readonly lastAt: number;
  readonly lastError?: RunError & { readonly at: number; readonly model: string };
}

/** Undefined for an empty journal. */
export function readHistory(events: readonly RunEvent[]): RunHistory | undefined {
  const [first] = events;
  if (first?.type !== "run.started") return undefined;
  let state = initialState(first, first);
  const steps = new StepLog(state);
  const attempts: Attempt[] = [firstAttempt(first)];
  let lastError: RunHistory["lastError"];
  for (const event of events.slice(1)) {
    if (event.type === "attempt.started") attempts.push(nextAttempt(attempts.length + 1, state, event));
    if (event.type === "model.failed") lastError = { ...event.error, at: event.at, model: event.model };
    decideDoubt(attempts, event);
    const next = evolve(state, event, event);
    steps.record(state, next, event);
    state = next;
  }
  const lastAt = events.at(-1)?.at ?? first.at;
  return { state, steps, attempts, startedAt: first.at, lastAt, ...(lastError === undefined ? {} : { lastError }) };
}

function firstAttempt({ epoch, at }: RunEvent): Attempt {
  return { number: 1, epoch, at, stepsKept: 0, callsKept: 0, modelCallAgain: false, doubtful: [] };
}

function nextAttempt(number: number, state: RunState, event: RunEvent & { readonly type: "attempt.started" }): Attempt {
  const { epoch, at, process, after } = event;
  const isDoubtful = ({ status }: CallState): boolean => status === "started" || status === "in-doubt";
  return {
    number,
    epoch,
    at,
    process,
    after,
    stepsKept: state.step,
    callsKept: callsDone(state),
    modelCallAgain: state.model.inFlight,
    doubtful: state.calls.filter(isDoubtful).map(({ id, name }) => ({ call: id, name })),
  };
}

/** What became of the calls that the last takeover found in doubt. */
function decideDoubt(attempts: Attempt[], event: RunEvent): void {
  const decision = decisionOf(event);
  const last = attempts.at(-1);
  if (decision === undefined || last === undefined || !("call" in event)) return;
  const doubtful = last.doubtful.map((doubt) =>
    doubt.call === event.call && doubt.decision === undefined ? { ...doubt, decision } : doubt,
  );
  attempts[attempts.length - 1] = { ...last, doubtful };
}

function decisionOf(event: RunEvent): DoubtfulCall["decision"] {
  if (event.type === "call.resolved") return "decided by a person";
  if (event.type === "tool.reconciled") return event.outcome === "not-done" ? "had not happened, ran" : undefined;
  if (event.type !== "tool.ended") return undefined;
  if (event.reconciled === true) return "had happened";
  return event.outcome === "unknown" ? "reported to the model as unknown" : event.outcome;
}
