/**
 * Tool sources: opened before anything of the run is done in this process, told of the end, closed.
 *
 * T1 No model or tool is called while a source is neither open nor given up.
 * T2 Every source of the snapshot is closed exactly once before the end, opened or not: it may have left something.
 */
import type { EventBody } from "../ports/events.ts";
import type { RunError } from "../ports/view.ts";
import type { Decision } from "./decide.ts";
import type { SourceEffect } from "./effects.ts";
import type { RunState, SourceState } from "./state.ts";

/** The ordinary course, held back until all sources are open. What needs no code of this process is not held back. */
export function afterOpening(state: RunState, decision: Decision): Decision {
  if (decision.effects.length === 0) return decision;
  const unopened = state.sources.filter((source) => source.status === "unopened" || isDecided(source));
  if (unopened.length > 0) return { ...decision, effects: unopened.map((source) => effect(state, "source-open", source)) };
  const changed = state.sources.find((source) => source.status === "changed");
  if (changed === undefined) return decision;
  const changes = changed.offered?.changes ?? [];
  return { append: [], effects: [], waiting: { kind: "tools_changed", source: changed.name, changes }, done: false };
}

function isDecided({ status, decision }: SourceState): boolean {
  return status === "changed" && decision !== undefined;
}

/** What ends the run before it has begun. */
export function failedSource(state: RunState): RunError | undefined {
  const failed = state.sources.find((source) => source.status === "failed" && source.optional !== true);
  return failed?.error;
}

/** Undefined: everything is settled. */
export function decideSettling(state: RunState): Decision | undefined {
  if (state.sources.length === 0) return undefined;
  const { recoveries } = state.limits;
  const untold = isComplete(state) ? state.sources.filter((source) => source.wantsEnding && !source.settled) : [];
  if (untold.length > 0) {
    if (state.fruitless >= recoveries) return givenUp(untold, "source.settled");
    return wanted(untold.map((source) => effect(state, "source-settle", source)));
  }
  const open = state.sources.filter((source) => !source.closed);
  if (open.length === 0) return undefined;
  if (state.fruitless >= 2 * recoveries) return givenUp(open, "source.closed");
  return wanted(open.map((source) => effect(state, "source-close", source)));
}

/** The toolbox was built: all that had to be opened was, at some time. */
function isComplete(state: RunState): boolean {
  return state.sources.every((source) => source.tools !== undefined || source.optional === true);
}

/** Whatever it is that kills process after process, the run must end. */
function givenUp(sources: readonly SourceState[], type: "source.settled" | "source.closed"): Decision {
  const error = "given up: attempt after attempt ended in a crash";
  const events = sources.map(({ name }): EventBody => ({ type, source: name, error }));
  return { append: events, effects: [], done: false };
}

function wanted(effects: readonly SourceEffect[]): Decision {
  return { append: [], effects, done: false };
}

/** A decision about changed tools makes it another opening. */
function effect(state: RunState, kind: SourceEffect["kind"], { name, decision }: SourceState): SourceEffect {
  return { kind, id: `${kind}:${name}#${state.epoch}${decision === undefined ? "" : `.${decision}`}`, source: name };
}
