/** Continuing a run that another process left, or that this one did: load, fold, claim, go on. */
import { decide, type Now } from "../kernel/decide.ts";
import { evolve } from "../kernel/evolve.ts";
import { ExecutusError } from "../kernel/errors.ts";
import type { EventBody, EventHeader } from "../ports/events.ts";
import type { ModelCandidate } from "../ports/models.ts";
import type { LaneSlot } from "../ports/lanes.ts";
import type { LedgerChange } from "../ports/budget.ts";
import type { AppendResult, ClaimResult, RunRowChange } from "../ports/store.ts";
import type { RunEvent } from "../ports/events.ts";
import type { RunState, Thread } from "../kernel/state.ts";
import type { Core, TakenBy } from "./core.ts";
import { checkJournal, checkUnfinished, finishedRun } from "./check-journal.ts";
import { beginning, codeAtHand, slotOf } from "./begin-queued.ts";
import { candidatesOf, findCode, type Found } from "./find-code.ts";
import { letGo, letGoIfClaimed } from "./let-go.ts";
import { foldJournal, type Folded } from "./result.ts";
import { type Code, Session } from "./session.ts";
import { toRowChange } from "./status.ts";
import { toRefusedEvent } from "./ledger.ts";
import { appendWithLedger, draftLedger, wantBeside } from "./commit.ts";
import { loadThread } from "./thread.ts";

/**
 * Claims the run and appends `attempt.started`. A journal that cannot be read is refused before the claim, so that a process
 * that can read it may have the run. So is, when nobody asked for it, a waiting run whose tools have no code here. What fails after
 * the claim leaves the run to whoever comes next.
 */
export async function takeOver(core: Core, run: string, by: TakenBy = "somebody"): Promise<Session> {
  if (core.ports.redaction !== undefined) await core.ports.redaction.refresh();
  const events = await core.store.journal.read(run);
  checkUnfinished(run, events);
  const before = await foldInParts(core, events, await threadOfRun(core, run, events[0]));
  if (before === undefined) throw unknownRun(run);
  const code = await codeFor(core, before.state, by);
  const claim = await claimed(core, run, code.isEnding ? undefined : slotOf(core, before.state));
  if (!claim.ok) throw refusedClaim(run, claim);
  try {
    return await goOn(core, { before, code, claim, first: events[0] });
  } catch (error) {
    await letGo(core, { run, epoch: claim.epoch });
    throw error;
  }
}

/** Events that are folded in one go: thousands of calls of one step hold up the event loop for hundreds of ms otherwise. */
const PART_EVENTS = 500;

async function foldInParts(core: Core, events: readonly RunEvent[], thread?: Thread): Promise<Folded | undefined> {
  if (events.length <= PART_EVENTS) return foldJournal(events, undefined, thread);
  let folded: Folded | undefined;
  for (let from = 0; from < events.length; from += PART_EVENTS) {
    folded = foldJournal(events.slice(from, from + PART_EVENTS), folded, thread);
    await core.clock.yield();
  }
  return folded;
}

async function claimed(core: Core, run: string, slot: LaneSlot | undefined): Promise<ClaimResult> {
  try {
    return await core.store.owners.claim(run, slot);
  } catch (error) {
    await letGoIfClaimed(core, run, error);
    throw error;
  }
}

interface Taken {
  readonly before: Folded;
  readonly code: CodeFor;
  readonly claim: Extract<ClaimResult, { readonly ok: true }>;
  readonly first: RunEvent | undefined;
}

async function goOn(core: Core, { before, code, claim, first }: Taken): Promise<Session> {
  const { found, candidates, isEnding } = code;
  // Between the first read and the claim the former owner may still have written.
  const since = await core.store.journal.read(before.state.run, { after: before.state.seq });
  checkJournal(before.state.run, since, before.state);
  const loaded = foldJournal(since, before) ?? before;
  const session = new Session({
    ports: core.ports,
    state: { ...loaded.state, activeMs: Math.max(loaded.state.activeMs, claim.activeMs) },
    epoch: claim.epoch,
    steps: loaded.steps,
    ...codeOf(found, candidates),
    sources: (found.change ?? found).binding.sources,
  });
  const isOver = loaded.state.settling !== undefined;
  const recorded = attemptEvents(core, isOver ? NOTHING_FOUND : found, claim.after);
  await appendAttempt(session, isEnding || isOver ? recorded : beginning(session, recorded, first));
  if (found.problem !== undefined) session.warn(found.problem);
  return session;
}

interface CodeFor {
  readonly found: Found;
  readonly candidates: ReadonlyMap<string, ModelCandidate>;
  /** It is taken only to be ended. */
  readonly isEnding: boolean;
}

async function codeFor(core: Core, state: RunState, by: TakenBy): Promise<CodeFor> {
  const known = codeAtHand(core, state);
  const found: Found = known ?? (await findCode(core, state));
  const isEnding = await isToEnd(core, state.run);
  const { missing } = found.binding;
  // A sweep says once that code is missing; after that, every look would cost the journal two events and tell nothing new.
  const isKnown = by !== "sweep" || state.toolsMissing !== undefined;
  if (by !== "somebody" && isKnown && missing.length > 0 && !isEnding) throw withoutTools(state.run, missing);
  return { found, candidates: known?.candidates ?? (await callable(core, state, found)), isEnding };
}

/** A run that has ended calls no model any more, nor does one that waits for its agent, which may bring its models itself. */
async function callable(core: Core, state: RunState, { agentMissing }: Found): Promise<ReadonlyMap<string, ModelCandidate>> {
  return state.settling === undefined && agentMissing === undefined ? candidatesOf(core, state) : new Map();
}

/** A run that adopts has the code of the new definition from the start; one that asks, once it is told to. */
function codeOf({ binding, change }: Found, candidates: ReadonlyMap<string, ModelCandidate>): Code & { readonly adopted?: Code } {
  const pinned = { ...binding, candidates };
  if (change === undefined) return pinned;
  const adopted = { ...change.binding, candidates: change.candidates };
  return change.policy === "adopt" ? adopted : { ...pinned, adopted };
}

/** What the takeover itself records. */
export function attemptEvents(core: Core, { binding, change, agentMissing }: Found, after: "released" | "crash"): EventBody[] {
  const events: EventBody[] = [{ type: "attempt.started", process: core.store.owners.self, after }];
  if (change?.policy === "ask") {
    const missing = { pin: binding.missing, adopt: change.binding.missing };
    return [...events, { type: "agent.changed", ...change.definition, missing }];
  }
  if (change !== undefined) events.push({ type: "agent.adopted", ...change.definition });
  const names = change === undefined ? binding.missing : change.binding.missing;
  const agent = agentMissing === undefined ? {} : { agent: agentMissing };
  return names.length === 0 ? events : [...events, { type: "tools.missing", names, ...agent }];
}

/** Ending a run needs neither tools nor a place in its lane. */
async function isToEnd(core: Core, run: string): Promise<boolean> {
  return (await core.store.inbox.pending(run)).some(({ kind }) => kind === "cancel" || kind === "kill");
}

function withoutTools(run: string, names: readonly string[]): ExecutusError {
  return new ExecutusError("tool_unknown", `run ${run} needs tools that have no code here: ${names.join(", ")}`, { run });
}

async function appendAttempt(session: Session, events: readonly EventBody[]): Promise<void> {
  const appended = await tryAttempt(session, events);
  // Of what is wanted again, the budgets may have no room for a summary or for a supervisor: that is recorded with the attempt.
  if (appended !== undefined) await appendAttempt(session, [...events, appended]);
}

/** The event to record besides, if what the attempt is about to begin was refused. */
async function tryAttempt(session: Session, events: readonly EventBody[]): Promise<EventBody | undefined> {
  const now = session.now();
  const header = { epoch: session.epoch, at: now.at, activeMs: now.activeMs };
  const seq = session.state.seq + 1;
  const { next, row, ledger } = foldAttempt(session, events, { now, header });
  const request = {
    run: session.run,
    seq,
    ...header,
    events,
    row,
    ...(ledger === undefined ? {} : { ledger }),
    ...(session.state.queued && !next.queued ? { dequeued: true as const } : {}),
  };
  const result = await appendWithLedger(session, request);
  if (!result.ok) return refusedAttempt(session, result, { next, effect: ledger?.reserve?.effect ?? "" });
  session.state = next;
  session.publish(events.map((event, i) => ({ ...event, ...header, seq: seq + i })));
  return undefined;
}

function foldAttempt(
  session: Session,
  events: readonly EventBody[],
  { now, header }: { readonly now: Now; readonly header: Omit<EventHeader, "seq"> },
): { readonly next: RunState; readonly row: RunRowChange; readonly ledger: LedgerChange | undefined } {
  const ledger = draftLedger(session, now.at);
  let next = session.state;
  for (const event of events) {
    const before = next;
    next = evolve(next, { ...header, seq: next.seq + 1 }, event);
    ledger?.note(before, next, event);
  }
  const decision = decide(next, now);
  const { effects } = decision;
  if (ledger !== undefined && decision.append.length === 0) wantBeside(session, ledger, { state: next, effects });
  return { next, row: toRowChange(next, decision), ledger: ledger?.change };
}

function refusedAttempt(
  { run }: Session,
  result: Extract<AppendResult, { readonly ok: false }>,
  { next, effect }: { readonly next: RunState; readonly effect: string },
): EventBody {
  if (result.reason === "budget") return toRefusedEvent({ refusal: result.refusal, effect }, next);
  throw new ExecutusError("run_owned", `run ${run} was taken over by another process`, { run });
}

/** The thread that a run goes on from, if it does. */
export async function threadOfRun(core: Core, run: string, first: RunEvent | undefined): Promise<Thread | undefined> {
  if (first?.type !== "run.started" || first.request.continues === undefined) return undefined;
  return loadThread(core.store, { run, continues: first.request.continues });
}

const NOTHING_FOUND: Pick<Found, "binding"> = {
  binding: { tools: new Map(), missing: [], phaseTools: undefined, output: undefined, sources: undefined },
};

export function unknownRun(run: string): ExecutusError {
  return new ExecutusError("run_unknown", `there is no run ${run} in this store`, { run, hint: "List the runs: executus ls" });
}

function refusedClaim(run: string, claim: Extract<ClaimResult, { readonly ok: false }>): ExecutusError {
  if (claim.reason === "lane") {
    const hint = "It begins by itself when there is room.";
    return new ExecutusError("lane_full", `run ${run} waits for its turn: its lane is full`, { run, hint, retryable: true });
  }
  if (claim.reason !== "owned") return claim.reason === "unknown" ? unknownRun(run) : finishedRun(run);
  const hint = `Follow it: executus tail ${run}. It can be resumed here once that process has ended.`;
  return new ExecutusError("run_owned", `run ${run} is being driven by another process (${claim.owner})`, {
    run,
    hint,
    retryable: true,
  });
}
