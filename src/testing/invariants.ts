/**
 * What must hold of every run after every operation, checked from outside: from its journal, its row, its inbox, its deliveries and
 * its children.
 *
 * 1 Sequence numbers are dense from 0, epochs and running time never go back; a new epoch begins with its attempt.
 * 2 A call is started once for each time that its outcome was settled, has one result, and none without a start.
 * 3 Every call of an answer has its result before the next model call, and a conversation has every call paired; a summary leaves the
 *   first turn and what is pinned.
 * 4 The terminal event is the last one; between settling and it there is only what settling does.
 * 5 Nothing is begun once a bound is used up, what is kept for children included; what children used counts for their parent.
 * 6 A run that has not ended has an owner, or a time, or something named that it waits for, or is there for a sweep to find.
 * 7 An entry of the inbox, and an answer to what was asked, is taken once.
 * 8 What is to be delivered is there if and only if the run has ended.
 * 9 The run's row says what the journal says.
 */
import { isExecutusError } from "../kernel/errors.ts";
import { evolve, initialState } from "../kernel/evolve.ts";
import type { RunState } from "../kernel/state.ts";
import type { RunEvent } from "../ports/events.ts";
import type { DeliveryRow, PendingEntry, RunRow, Store } from "../ports/store.ts";
import { boundsHold, childrenCount } from "./invariants-bounds.ts";
import { callsAreSettled } from "./invariants-calls.ts";
import { compactionKeeps } from "./invariants-compaction.ts";
import { inputIsTakenOnce, inboxIsUnconsumed, sequenceIsWhole, terminalIsLast } from "./invariants-journal.ts";
import { deliveriesFollowTheEnd, isNotStranded, rowFollowsJournal } from "./invariants-row.ts";

export type InvariantNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

export interface Violation {
  readonly invariant: InvariantNumber;
  readonly run: string;
  /** The event to look at; absent where it is the row, the inbox or the outbox that is wrong. */
  readonly seq?: number;
  /** What is wrong there. */
  readonly message: string;
}

/** All that a store holds of a run. What is absent is not checked. */
export interface RunRecord {
  readonly events: readonly RunEvent[];
  readonly row?: RunRow;
  readonly inbox?: readonly PendingEntry[];
  readonly outbox?: readonly DeliveryRow[];
  readonly children?: readonly RunRecord[];
  /** A sweep would find it. */
  readonly isOrphan?: boolean;
}

/** Of a run whose events have been seen. */
export interface SeenRecord extends RunRecord {
  /** Wall ms of the last of them. */
  readonly lastAt: number;
}

/** One event, and the run before and after it. */
export interface Step {
  readonly event: RunEvent;
  /** Undefined for the first event. */
  readonly before: RunState | undefined;
  readonly after: RunState;
}

export type Report = (invariant: InvariantNumber, seq: number | undefined, message: string) => void;

/** Looks at the events of a run, in order. */
export type Check = (report: Report) => (step: Step) => void;

const OF_EVENTS: readonly Check[] = [
  sequenceIsWhole,
  callsAreSettled,
  compactionKeeps,
  terminalIsLast,
  boundsHold,
  inputIsTakenOnce,
];
const OF_RECORDS = [inboxIsUnconsumed, childrenCount, isNotStranded, deliveriesFollowTheEnd, rowFollowsJournal];

/** Looks at a run as it grows, event by event. */
export interface RunCheck {
  /** What the events led to; undefined before the first. */
  readonly state: RunState | undefined;
  readonly found: readonly Violation[];
  /** The next events. */
  see(events: readonly RunEvent[]): void;
  /** What else the store holds of the run now; its events have all been seen. */
  compare(record: RunRecord): void;
}

/** `run` is the name for what is wrong with a run whose first event does not say it. */
export function checkRun(run = "?"): RunCheck {
  const found: Violation[] = [];
  let name = run;
  let state: RunState | undefined;
  let lastAt = 0;
  const report: Report = (invariant, seq, message) => {
    found.push({ invariant, run: name, ...(seq === undefined ? {} : { seq }), message });
  };
  const checks = OF_EVENTS.map((check) => check(report));
  const see = (event: RunEvent): void => {
    const before = state;
    const after = before === undefined ? begin(event) : evolve(before, event, event);
    if (after === undefined) return report(1, event.seq, `its first event is ${event.type}, not run.started`);
    name = after.run;
    for (const check of checks) check({ event, before, after });
    state = after;
    lastAt = event.at;
  };
  return {
    get state() {
      return state;
    },
    found,
    see: (events) => events.forEach(see),
    compare: (record) => {
      if (state === undefined) report(1, undefined, "it has no events");
      else for (const check of OF_RECORDS) check({ ...record, lastAt }, state, report);
    },
  };
}

function begin(event: RunEvent): RunState | undefined {
  return event.type === "run.started" ? initialState(event, event) : undefined;
}

/**
 * Every breach of an invariant, in the order of the events; empty for a run that is as it should be. Folds the whole journal.
 *
 * @example
 * expect(violations(await readRecord(store, "run_1"))).toEqual([]);
 */
export function violations(record: RunRecord): readonly Violation[] {
  const check = checkRun(record.row?.run);
  check.see(record.events);
  check.compare(record);
  return check.found;
}

/**
 * Throws an Error that names the run, the event and what is wrong with it, when an invariant does not hold.
 *
 * @example
 * for (const { run } of await store.runs.list()) assertInvariants(await readRecord(store, run));
 */
export function assertInvariants(record: RunRecord): void {
  const found = violations(record);
  if (found.length > 0) throw new Error(describeViolations(found));
}

/** One line each. */
export function describeViolations(found: readonly Violation[]): string {
  return found
    .map(({ invariant, run, seq, message }) => {
      const where = seq === undefined ? run : `${run} at seq ${seq}`;
      return `invariant ${invariant} does not hold for ${where}: ${message}`;
    })
    .join("\n");
}

/** How often a run that is being driven is read before it is taken as it is. */
const READS = 20;

/**
 * What the store holds of a run and of its children, at one moment: it is read again if the run moved on meanwhile. Rejects with
 * ExecutusError `journal_damaged` where the store finds that its checksums do not fit.
 */
export async function readRecord(store: Store, run: string): Promise<RunRecord> {
  let record = await readOnce(store, run);
  for (let reads = 1; reads < READS; reads++) {
    const row = await store.runs.get(run);
    if (row?.seq === record.row?.seq && row?.status === record.row?.status && row?.owner === record.row?.owner) break;
    record = await readOnce(store, run);
  }
  return record;
}

async function readOnce(store: Store, run: string): Promise<RunRecord> {
  const [row, events, inbox, outbox, orphans, below] = await Promise.all([
    store.runs.get(run),
    store.journal.read(run),
    store.inbox.pending(run),
    store.outbox.list({ run, limit: Infinity }),
    store.owners.orphans(Infinity),
    store.runs.list({ parent: run, limit: Infinity }),
  ]);
  const children = await Promise.all(below.map(async (child) => ({ events: await store.journal.read(child.run) })));
  return { events, ...(row === undefined ? {} : { row }), inbox, outbox, children, isOrphan: orphans.includes(run) };
}

/** Every breach of an invariant in a whole store. A journal that the store itself finds damaged is a breach of the first. */
export async function storeViolations(store: Store): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  for (const { run } of await store.runs.list({ limit: Infinity })) {
    try {
      found.push(...violations(await readRecord(store, run)));
    } catch (error) {
      if (!isExecutusError(error) || error.code !== "journal_damaged") throw error;
      found.push({ invariant: 1, run, message: error.message });
    }
  }
  return found;
}
