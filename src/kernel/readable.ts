/**
 * Whether a run can be driven on from its journal. Folding is lenient (E2): whoever looks at a run sees what there is. Whoever drives it
 * acts on what the journal says, and must have understood all of it.
 *
 * RD1 An event of a type, or of a version of a type, that is not known here may say that something has been done: the run is left to a
 *     process that knows it.
 * RD2 A journal begins with `run.started`, its sequence numbers are dense, its epochs never fall, and nothing follows its end.
 */
import type { EventType, RunEvent } from "../ports/events.ts";

/** The newest version of each type that `evolve` understands. */
const KNOWN: Readonly<Record<EventType, number>> = {
  "run.started": 1,
  "durability.lost": 1,
  "attempt.started": 1,
  "run.dequeued": 1,
  "model.started": 1,
  "model.answered": 1,
  "model.failed": 1,
  "tool.started": 1,
  "tool.reconciled": 1,
  "tool.interrupted": 1,
  "tool.ended": 1,
  "steer.received": 1,
  "cancel.requested": 1,
  "limits.extended": 1,
  "call.resolved": 1,
  "child.started": 1,
  "child.parked": 1,
  "child.ended": 1,
  "compaction.requested": 1,
  "compaction.failed": 1,
  "context.compacted": 1,
  "limit.reached": 1,
  "budget.refused": 1,
  "guard.tripped": 1,
  "stall.noticed": 1,
  "supervisor.decided": 1,
  "tools.missing": 1,
  "approval.requested": 1,
  "approval.answered": 1,
  "question.asked": 1,
  "question.answered": 1,
  "tool.suspended": 1,
  "tool.woken": 1,
  "signal.received": 1,
  "answer.refused": 1,
  "wait.expired": 1,
  "source.opened": 1,
  "source.failed": 1,
  "source.changed": 1,
  "source.decided": 1,
  "source.settled": 1,
  "source.closed": 1,
  "run.forked": 1,
  "agent.changed": 1,
  "agent.adopted": 1,
  "agent.decided": 1,
  "artifact.added": 1,
  "phase.started": 1,
  "phase.ended": 1,
  "output.refused": 1,
  "run.settling": 1,
  "run.finished": 1,
};

export interface JournalProblem {
  readonly code: "journal_damaged" | "journal_newer";
  readonly seq: number;
  /** Half a sentence. */
  readonly what: string;
}

/** The first reason not to go on from these events, which follow those up to `after`; undefined when there is none. */
export function journalProblem(
  events: readonly RunEvent[],
  after: { readonly seq: number; readonly epoch: number } = { seq: -1, epoch: 0 },
): JournalProblem | undefined {
  let { seq, epoch } = after;
  let isOver = false;
  for (const event of events) {
    seq++;
    const what = isOver ? "the run goes on after its end" : misplaced(event, seq, epoch);
    if (what !== undefined) return { code: "journal_damaged", seq, what };
    const unknown = unknownPart(event);
    if (unknown !== undefined) return { code: "journal_newer", seq, what: unknown };
    epoch = event.epoch;
    isOver = event.type === "run.finished";
  }
  return undefined;
}

function misplaced({ type, seq, epoch }: RunEvent, expected: number, lastEpoch: number): string | undefined {
  if (seq !== expected) return `the event is missing, the next one is ${seq}`;
  if (epoch < lastEpoch) return `its epoch is ${epoch}, that of the event before it ${lastEpoch}`;
  if (seq === 0 && type !== "run.started") return `it begins with ${type} instead of run.started`;
  return undefined;
}

function unknownPart({ type, v = 1 }: RunEvent): string | undefined {
  const newest = Object.hasOwn(KNOWN, type) ? KNOWN[type] : undefined;
  if (newest === undefined) return `the event type ${type} is not known here`;
  return v > newest ? `version ${v} of the event type ${type} is not known here, only up to ${newest}` : undefined;
}
