/** What is particular to a run that waited for its turn. */
import type { RunState } from "../kernel/state.ts";
import type { EventBody, RunEvent } from "../ports/events.ts";
import type { LaneSlot } from "../ports/lanes.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { RunBinding } from "./bind.ts";
import type { Core } from "./core.ts";
import { currentPlace } from "./lane-rules.ts";
import type { Session } from "./session.ts";

export interface CodeAtHand {
  readonly binding: RunBinding;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
}

/** Of a run that this process queued itself: extra tools of its request may be nowhere else. */
export function codeAtHand(core: Core, state: RunState): CodeAtHand | undefined {
  const known = state.queued ? core.queue.definitionOf(state.run) : undefined;
  if (known === undefined) return undefined;
  const { candidates, tools, phaseTools, output, sources } = known;
  return { binding: { tools, phaseTools, output, sources, missing: [] }, candidates };
}

/** What a claim may not overrun; nothing for a run without a lane. */
export function slotOf(core: Core, { request }: RunState): LaneSlot | undefined {
  return request.lane === undefined ? undefined : currentPlace(core.config.lanes, request.lane);
}

/** What a takeover records: for a queued run it is the beginning, not another attempt. `first` is the run's first event. */
export function beginning(session: Session, recorded: readonly EventBody[], first: RunEvent | undefined): readonly EventBody[] {
  const [attempt, ...rest] = recorded;
  if (!session.state.queued || attempt?.type !== "attempt.started") return recorded;
  const waitedMs = Math.max(0, session.now().at - (first?.at ?? 0));
  return [{ type: "run.dequeued", process: attempt.process, waitedMs }, ...rest];
}
