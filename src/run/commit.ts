/**
 * One commit: what arrived, what the kernel decides from it, and the intents of what it wants next.
 *
 * C1 Facts and the decisions that follow from them are durable together, so a step with one call costs two commits.
 * C2 Nothing is folded into the session before the store has acknowledged it.
 * C3 What must not follow is never appended: the run stands still instead (kernel/possible.ts).
 */
import { decide, type Decision } from "../kernel/decide.ts";
import { type Effect, intentOf, isAwaited } from "../kernel/effects.ts";
import { evolve, evolveOn } from "../kernel/evolve.ts";
import { impossible } from "../kernel/possible.ts";
import type { RunState } from "../kernel/state.ts";
import type { StepLog } from "../kernel/steps.ts";
import type { EventBody, EventHeader, RunEvent } from "../ports/events.ts";
import type { Ledger, LedgerChange } from "../ports/budget.ts";
import type { Clock } from "../ports/clock.ts";
import type { Mutable } from "../ports/mutable.ts";
import type { AppendRequest, AppendResult, PendingEntry } from "../ports/store.ts";
import { isExecutusError } from "../kernel/errors.ts";
import { toEvent } from "./inbox.ts";
import { isOfSupervisor, LedgerDraft, type Refused, toRefusedEvent } from "./ledger.ts";
import { deliveriesOf } from "./outcome.ts";
import type { Arrival, Session } from "./session.ts";
import { toRowChange } from "./status.ts";

export interface Plan {
  readonly events: readonly EventBody[];
  readonly header: Omit<EventHeader, "seq">;
  readonly next: RunState;
  /** What the run wants once the events are durable. */
  readonly decision: Decision;
  readonly consumed: readonly string[];
  readonly ledger: LedgerChange | undefined;
}

/** Fold what arrived into a copy of the state, and everything that the kernel decides without waiting for the world. */
export function plan(session: Session, arrivals: readonly Arrival[], entries: readonly PendingEntry[]): Plan {
  const now = session.now();
  const header = { epoch: session.epoch, at: now.at, activeMs: now.activeMs };
  const events: EventBody[] = [];
  let next = session.state;
  const ledger = draftLedger(session, now.at);
  const { redaction } = session.ports;
  const add = (given: EventBody): void => {
    assertPossible(next, given);
    const event = redaction === undefined ? given : redaction.data(given);
    events.push(event);
    const before = next;
    const headed = { ...header, seq: next.seq + 1 };
    // Who keeps books looks at the states in between; nobody else does, so one copy for all events will do.
    next = ledger === undefined && next !== session.state ? evolveOn(next, headed, event) : evolve(next, headed, event);
    ledger?.note(before, next, event);
  };
  for (const entry of entries) add(toEvent(entry, next, session));
  for (const arrival of arrivals) {
    if (arrival.events.length === 0) continue;
    if (isAwaited(next, arrival.effect)) arrival.events.forEach(add);
    else session.warn(`${arrival.effect.id} ended late; what it brought was not used`);
  }
  if (isRefused(session)) add(toRefusedEvent(session.refusal, next));
  const decideAll = (): Decision => {
    let decision = decide(next, now);
    while (decision.append.length > 0) {
      decision.append.forEach(add);
      decision = decide(next, now);
    }
    return decision;
  };
  let decision = decideAll();
  if (isUnaskable(session, decision)) {
    add(toRefusedEvent(session.refusal, next));
    decision = decideAll();
  }
  if (session.stopping === undefined) {
    for (const event of intents(session, next, decision.effects)) add(event);
    if (ledger !== undefined) wantBeside(session, ledger, { state: next, effects: decision.effects });
  }
  const change = ledger?.change;
  const consumed = entries.map((entry) => entry.id);
  return { events, header, next, decision, consumed, ledger: change };
}

function assertPossible(state: RunState, event: EventBody): void {
  const problem = impossible(state, event);
  if (problem !== undefined) throw new Error(`run ${state.run} was about to append ${problem}; nothing was written`);
}

function isRefused(session: Session): session is Session & { readonly refusal: Refused } {
  return session.refusal !== undefined && !isOfSupervisor(session.refusal);
}

/** There was no room to ask the supervisor. What about is known again only once that has been decided again. */
function isUnaskable(session: Session, { effects }: Decision): session is Session & { readonly refusal: Refused } {
  const { refusal } = session;
  return refusal !== undefined && isOfSupervisor(refusal) && effects.some(({ kind }) => kind === "supervise");
}

export function draftLedger({ ports, candidates }: Session, at: number): LedgerDraft | undefined {
  if (ports.budgets === undefined) return undefined;
  return new LedgerDraft({ desk: ports.budgets, candidates, at, supervisorTokens: ports.supervisor?.expectedTokens });
}

/** Room for what begins with this commit and has no event of its own to say so. */
export function wantBeside(
  session: Session,
  ledger: LedgerDraft,
  { state, effects }: { readonly state: RunState; readonly effects: readonly Effect[] },
): void {
  for (const effect of effects) if (!session.running.has(effect.id)) ledger.want(state, effect);
}

function intents(session: Session, state: RunState, effects: readonly Effect[]): readonly EventBody[] {
  const events: EventBody[] = [];
  for (const effect of effects) {
    const intent = session.running.has(effect.id) ? undefined : intentOf(state, effect);
    if (intent !== undefined) events.push(intent);
  }
  return events;
}

const STORE_RETRY_MS = 1_000;

/** Retries while the store is unavailable: the run stands still, nothing is acknowledged, and it goes on by itself. */
export async function append(
  session: Session,
  planned: Plan,
): Promise<AppendResult | { readonly ok: false; readonly reason: "stopped" }> {
  const request = toRequest(session, planned);
  try {
    return await appendWithLedger(session, request);
  } catch (error) {
    tellTrouble(session, error);
  }
  if (await pause(session, session.ports.clock)) return STOPPED;
  const result = await throughTrouble(session, async () => {
    const appended = await appendWithLedger(session, request);
    return !appended.ok && (await isWritten(session, request)) ? WRITTEN : appended;
  });
  return result ?? STOPPED;
}

const STOPPED = { ok: false, reason: "stopped" } as const;

/** Tries until the store answers; undefined when the session was told to stop before. */
export async function throughTrouble<T>(session: Session, work: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      tellTrouble(session, error);
    }
    if (await pause(session, session.ports.clock)) return undefined;
  }
}

/** Throws what will not pass by itself. */
function tellTrouble(session: Session, error: unknown): void {
  if (!isExecutusError(error) || !error.retryable) throw error;
  session.warn(`${error.message}; trying again in ${STORE_RETRY_MS} ms`);
}

const WRITTEN: AppendResult = { ok: true };

/**
 * A store that is reached over a network, or whose disk fails while it flushes, may have written what it reported as failed; then
 * the second try is refused. An epoch has one writer, so an event of it at that place is the one that was to be written there.
 */
async function isWritten({ ports }: Session, { run, epoch, seq }: AppendRequest): Promise<boolean> {
  const [there] = await ports.store.journal.read(run, { after: seq - 1, limit: 1 });
  return there?.epoch === epoch;
}

/** A ledger outside the store is told first: all it hears may be said again, and a call without a reservation must not start. */
export function appendWithLedger(session: Session, request: AppendRequest): Promise<AppendResult> {
  const { store, budgets } = session.ports;
  if (request.ledger === undefined || budgets?.ledger === undefined) return store.journal.append(request);
  return appendAfterLedger(session, request, { change: request.ledger, ledger: budgets.ledger });
}

async function appendAfterLedger(
  { ports, run }: Session,
  request: AppendRequest,
  told: { readonly change: LedgerChange; readonly ledger: Ledger },
): Promise<AppendResult> {
  const { ledger } = told;
  const { close, ...change } = told.change;
  const refusal = await ledger.apply(run, change);
  if (refusal !== undefined) return { ok: false, reason: "budget", refusal };
  const { ledger: _told, ...rest } = request;
  const result = await ports.store.journal.append(rest);
  if (close === true && result.ok) await ledger.apply(run, { close });
  return result;
}

/** Waits for the retry delay or for the session to be stopped. */
async function pause(session: Session, clock: Clock): Promise<boolean> {
  let elapsed = false;
  const cancel = clock.after(STORE_RETRY_MS, () => {
    elapsed = true;
    session.nudge();
  });
  while (!elapsed && session.stopping === undefined) await session.nudged();
  cancel();
  session.nudge();
  return session.stopping !== undefined;
}

function toRequest(session: Session, planned: Plan): AppendRequest {
  const { header, events, next, consumed, decision, ledger } = planned;
  const outbox = next.finished ? deliveriesOf(next, header.at) : undefined;
  const request: Mutable<AppendRequest> = {
    run: session.run,
    epoch: header.epoch,
    seq: session.state.seq + 1,
    at: header.at,
    activeMs: header.activeMs,
    events,
    row: toRowChange(next, decision),
  };
  if (consumed.length > 0) request.consumed = consumed;
  if (next.settling !== undefined && session.state.settling === undefined) request.sealAfterInbox = session.inboxPosition;
  if (ledger !== undefined) request.ledger = ledger;
  if (outbox !== undefined) request.outbox = outbox;
  if (next.finished) addEnd(request, next);
  return request;
}

function addEnd(request: Mutable<AppendRequest>, { request: { parent, parentCall }, queued }: RunState): void {
  // A parent that waits is due when its child has ended, whatever becomes of this process.
  if (parent !== undefined && parentCall !== undefined) request.wakes = parent;
  if (queued) request.dequeued = true;
}

/** The store has it: the state moves on, and whoever watches is told. */
export function acknowledge(session: Session, planned: Plan): void {
  const before = session.state;
  recordSteps(session.steps, before, planned);
  session.state = planned.next;
  if (before.redefined.asked !== undefined && planned.events.some(isAdoption)) session.adopt();
  if (session.ports.observers.length === 0) return;
  let { seq } = before;
  const events = planned.events.map((event): RunEvent => ({ ...event, ...planned.header, seq: ++seq }));
  session.publish(events);
}

function isAdoption(event: EventBody): boolean {
  return event.type === "agent.decided" && event.decision === "adopt";
}

/** Where a phase gives way to the next, the log needs the states in between; otherwise those around the commit will do. */
export function recordSteps(steps: StepLog, before: RunState, { events, header, next }: Plan): void {
  if (before.phase === next.phase) {
    for (const event of events) steps.record(before, next, event);
    return;
  }
  let state = before;
  for (const event of events) {
    const after = evolve(state, { ...header, seq: state.seq + 1 }, event);
    steps.record(state, after, event);
    state = after;
  }
}
