/** Invariants 1, 4 and 7: of the journal as a list. */
import type { EventType, RunEvent } from "../ports/events.ts";
import type { RunState } from "../kernel/state.ts";
import type { Check, Report, RunRecord } from "./invariants.ts";

export const sequenceIsWhole: Check = (report) => {
  let last: RunEvent | undefined;
  return ({ event }) => {
    const { seq, epoch, activeMs, type } = event;
    const expected = last === undefined ? 0 : last.seq + 1;
    if (seq !== expected) report(1, seq, `the event after ${expected - 1} has sequence number ${seq}`);
    if (last !== undefined) {
      if (epoch < last.epoch) report(1, seq, `${type} has epoch ${epoch}, and the event before it ${last.epoch}`);
      if (epoch > last.epoch && type !== "attempt.started" && type !== "run.dequeued")
        report(1, seq, `epoch ${epoch} begins with ${type}, not with its attempt`);
      if (activeMs < last.activeMs) report(5, seq, `running time went back from ${last.activeMs} to ${activeMs} ms`);
    }
    last = event;
  };
};

const WHILE_SETTLING: ReadonlySet<EventType> = new Set<EventType>([
  "attempt.started",
  "source.settled",
  "source.closed",
  "artifact.added",
  "run.finished",
]);

export const terminalIsLast: Check = (report) => {
  let settling: string | undefined;
  let finishedAt: number | undefined;
  return ({ event }) => {
    const { seq, type } = event;
    if (finishedAt !== undefined) report(4, seq, `${type} follows the terminal event at seq ${finishedAt}`);
    else if (settling !== undefined && !WHILE_SETTLING.has(type)) report(4, seq, `${type} follows run.settling`);
    if (type === "run.settling") settling = event.status;
    if (type !== "run.finished") return;
    finishedAt ??= seq;
    if (settling === undefined) report(4, seq, "run.finished without run.settling before it");
    else if (settling !== event.status) report(4, seq, `it settled as ${settling} and finished as ${event.status}`);
  };
};

// --- what was told to the run ----------------------------------------------------------------------------------------

export const inputIsTakenOnce: Check = (report) => {
  let entries = new Map<string, number>();
  let answers = new Map<string, number>();
  return ({ event }) => {
    // What a fork copied was told to another run.
    if (event.type === "run.forked") [entries, answers] = [new Map(), new Map()];
    const entry = entryOf(event);
    if (entry !== undefined) takeOnce(report, { taken: entries, id: entry, what: "inbox entry", event });
    const answered = answeredBy(event);
    if (answered !== undefined) takeOnce(report, { taken: answers, id: answered, what: "answer to", event });
  };
};

interface Taking {
  readonly taken: Map<string, number>;
  readonly id: string;
  readonly what: string;
  readonly event: RunEvent;
}

function takeOnce(report: Report, { taken, id, what, event: { seq, type } }: Taking): void {
  const before = taken.get(id);
  if (before !== undefined) report(7, seq, `${type} takes the ${what} ${id}, which was taken at seq ${before}`);
  taken.set(id, seq);
}

/** Id of the inbox entry that became this event. */
export function entryOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case "steer.received":
    case "cancel.requested":
    case "limits.extended":
    case "call.resolved":
    case "agent.decided":
    case "signal.received":
    case "answer.refused":
    case "source.decided":
    case "child.ended":
    case "compaction.requested":
    case "approval.answered":
    case "question.answered":
      return event.id;
    default:
      return undefined;
  }
}

/** What was asked, of an event that answers it. */
function answeredBy(event: RunEvent): string | undefined {
  if (event.type === "approval.answered") return event.approval;
  if (event.type === "question.answered") return event.question;
  return event.type === "tool.woken" ? event.wait : undefined;
}

/** What still waits in the inbox is in no event, and nothing waits once the run has ended. */
export function inboxIsUnconsumed({ events, inbox = [] }: RunRecord, state: RunState, report: Report): void {
  if (inbox.length === 0) return;
  const forkedAt = events.findLastIndex(({ type }) => type === "run.forked");
  const taken = new Map(events.slice(forkedAt + 1).map((event) => [entryOf(event), event.seq]));
  for (const { id } of inbox) {
    const seq = taken.get(id);
    if (seq !== undefined) report(7, seq, `the entry ${id} was taken there and still waits in the inbox`);
    if (state.finished) report(7, undefined, `the run has ended, and the entry ${id} waits in its inbox`);
  }
}
