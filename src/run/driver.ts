/**
 * The driver: one loop for every run, fresh or resumed.
 *
 * Gather what came back, decide, make it durable, start what is wanted and not under way, abort what is under way and not
 * wanted, wait, again.
 */
import { childRunId, leftBehind } from "../kernel/children.ts";
import { abandonedCalls, neverRun } from "../kernel/decide-calls.ts";
import type { Deadline, Decision } from "../kernel/decide.ts";
import type { Effect } from "../kernel/effects.ts";
import type { EventBody } from "../ports/events.ts";
import type { AppendResult } from "../ports/store.ts";
import { checkEdits } from "./answers.ts";
import { acknowledge, append, plan, type Plan, throughTrouble } from "./commit.ts";
import { performCompaction } from "./compaction.ts";
import { performModelCall } from "./model-call.ts";
import type { Session, Stopping } from "./session.ts";
import type { StopReason } from "./stop-reason.ts";
import { Stopper } from "./stopper.ts";
import { performOpenSource } from "./open-source.ts";
import { performCloseSource, performSettleSource } from "./settle-source.ts";
import { performSupervision, undecided } from "./supervision.ts";
import { performReconcile, performToolCall } from "./tool-call.ts";

/** How a drive ended. `stopped`: left resumable by this process; `fenced`: another process has the run. */
export type DriveEnd = "finished" | "waiting" | "stopped" | "fenced";

export async function drive(session: Session): Promise<DriveEnd> {
  const alarm = new Alarm(session);
  const unwatch = session.ports.store.journal.watch(session.run, (_run, what) => {
    if (what === "journal") return;
    session.inboxChanged = true;
    session.nudge();
  });
  try {
    for (;;) {
      const decision = await advance(session);
      if (typeof decision === "string") return decision;
      if (decision.done) return "finished";
      const busy = reconcileEffects(session, decision);
      if (session.stopping !== undefined && !busy) return "stopped";
      if (decision.waiting !== undefined && !busy) return "waiting";
      alarm.set(decision.deadline);
      await session.nudged();
      const turn = session.ports.turns.share();
      if (turn !== undefined) await turn;
    }
  } finally {
    unwatch();
    session.timers.clear();
    abortAll(session, stopReason(session));
  }
}

function stopReason(session: Session): StopReason {
  if (session.fenced) return { type: "fenced" };
  return session.state.finished ? { type: "unwanted", message: "the run has ended" } : { type: "shutdown" };
}

/** Make durable what arrived and what follows from it; returns what is wanted now. */
async function advance(session: Session): Promise<Decision | "fenced" | "stopped"> {
  for (;;) {
    if (session.fenced) return "fenced";
    if (session.inboxChanged && !(await readInbox(session))) return "stopped";
    const { arrivals, entries } = session.take();
    const planned = plan(session, arrivals, entries);
    if (planned.events.length > 0) {
      const result = await append(session, planned);
      if (!result.ok && (result.reason === "inbox" || result.reason === "budget")) {
        session.putBack(arrivals, entries);
        planAnew(session, result, planned);
        continue;
      }
      if (!result.ok) {
        session.fenced = result.reason === "fenced";
        return result.reason;
      }
      acknowledge(session, planned);
      session.refusal = undefined;
    }
    // Only now: an effect that came back but is not committed yet must not look as if it had never been started.
    for (const { effect } of arrivals) session.running.delete(effect.id);
    if (session.isQuiet) return planned.decision;
  }
}

/** Nothing was written: the next plan has the input, or says what was refused. */
function planAnew(
  session: Session,
  refused: Extract<AppendResult, { readonly reason: "inbox" | "budget" }>,
  { ledger }: Plan,
): void {
  if (refused.reason === "budget") session.refusal = { refusal: refused.refusal, effect: ledger?.reserve?.effect ?? "" };
  else session.inboxChanged = true;
}

/** False: it was told to stop before the store could be read. */
async function readInbox(session: Session): Promise<boolean> {
  session.inboxChanged = false;
  const { store } = session.ports;
  const entries = await throughTrouble(session, () => store.inbox.pending(session.run, session.inboxPosition));
  if (entries === undefined) return false;
  if (entries.length === 0) return true;
  await checkEdits(session, entries);
  session.receive(entries);
  return true;
}

/** Start what is wanted and not under way, abort what is under way and not wanted. True while anything is under way. */
function reconcileEffects(session: Session, decision: Decision): boolean {
  const { running } = session;
  if (session.stopping !== undefined) {
    if (session.stopping === "drain") startPromised(session, decision.effects);
    return stopEffects(session, session.stopping);
  }
  for (const { stopper, effect } of running.values()) {
    const isWanted = decision.effects.some(({ id }) => id === effect.id);
    if (!isWanted) stopper.stop({ type: "unwanted", message: whyUnwanted(session) });
  }
  for (const effect of decision.effects) if (!running.has(effect.id)) start(session, effect);
  return answerForUnstarted(session, decision) || running.size > 0;
}

/** An end came between the intent of a call and its start: it was never run, and nobody else will say so. True: something arrives. */
function answerForUnstarted(session: Session, { effects }: Decision): boolean {
  let isAny = false;
  for (const effect of abandonedCalls(session.state, effects)) {
    if (session.running.has(effect.id)) continue;
    session.arrive({ effect, events: [neverRun(effect.call)] });
    isAny = true;
  }
  return isAny;
}

/**
 * Calls whose intent was committed just before the process was told to stop. Left alone, the next attempt would have to take
 * them for calls that may have happened.
 */
function startPromised(session: Session, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.kind !== "tool" || session.running.has(effect.id)) continue;
    const call = session.state.calls.find(({ id }) => id === effect.call.id);
    if (call?.status === "started") start(session, effect);
  }
}

/** On the way out: what can be done again is stopped, calls may come back unless there is no time left for that. */
function stopEffects({ running }: Session, how: Stopping): boolean {
  let isBusy = false;
  for (const { stopper, effect } of running.values()) {
    if (mayComeBack(effect) && how === "drain") isBusy = true;
    else stopper.stop({ type: "shutdown" });
  }
  return isBusy;
}

function mayComeBack({ kind }: Effect): boolean {
  return kind === "tool" || kind === "reconcile" || kind === "source-settle" || kind === "source-close";
}

function whyUnwanted({ state }: Session): string {
  if (state.cancel !== undefined) return state.cancel.mode === "kill" ? "the run was killed" : "the run was cancelled";
  return state.ending?.error?.message ?? "the run does not want it any more";
}

function start(session: Session, effect: Effect): void {
  if (!session.mayStart(effect))
    return session.arrive({ effect, events: brokenOff(session.run, effect, new Error("it was about to be started twice")) });
  const stopper = new Stopper();
  session.running.set(effect.id, { effect, stopper });
  perform(session, effect, stopper).then(
    (events) => session.arrive({ effect, events }),
    (error: unknown) => session.arrive({ effect, events: brokenOff(session.run, effect, error) }),
  );
}

/** A port that breaks its contract (a throwing clock, a blob store that fails) still gives the effect an outcome. */
function brokenOff(run: string, effect: Effect, thrown: unknown): readonly EventBody[] {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const error = { code: "port_failed", message };
  switch (effect.kind) {
    case "model":
      return [
        { type: "model.failed", step: effect.step, model: effect.model, error, retryable: false, jitter: 0, durationMs: 0 },
      ];
    case "tool":
      return [{ type: "tool.interrupted", call: effect.call.id, reason: message }];
    case "reconcile":
      return [{ type: "tool.reconciled", call: effect.call.id, outcome: "unknown", error: message }];
    case "compact":
      return [{ type: "compaction.failed", error }];
    case "child":
      // Whatever became of it is in its own journal: the next attempt at this run looks again.
      return [{ type: "child.parked", call: effect.call.id, run: childRunId(run, effect.call.id) }];
    case "end-child":
      return [leftBehind(effect.call, `Nobody could be told to end it: ${message}`)];
    case "source-open":
      return [{ type: "source.failed", source: effect.source, error }];
    case "source-settle":
      return [{ type: "source.settled", source: effect.source, error: message }];
    case "source-close":
      return [{ type: "source.closed", source: effect.source, error: message }];
    case "supervise":
      return [undecided(effect, message)];
  }
}

function perform(session: Session, effect: Effect, stopper: Stopper): Promise<readonly EventBody[]> {
  switch (effect.kind) {
    case "model":
      return performModelCall(session, effect, stopper);
    case "tool":
      return performToolCall(session, effect, stopper);
    case "reconcile":
      return performReconcile(session, effect, stopper);
    case "compact":
      return performCompaction(session, effect, stopper);
    case "child":
    case "end-child":
      return session.ports.children.perform(session, effect, stopper);
    case "source-open":
      return performOpenSource(session, effect, stopper);
    case "source-settle":
      return performSettleSource(session, effect, stopper);
    case "source-close":
      return performCloseSource(session, effect, stopper);
    case "supervise":
      return performSupervision(session, effect, stopper);
  }
}

function abortAll(session: Session, stop: StopReason): void {
  for (const { stopper } of session.running.values()) stopper.stop(stop);
}

/** Nudges the run when time alone changes what is to be done. An early nudge is harmless: a decision can always be asked for. */
class Alarm {
  readonly #session: Session;
  #firesAt = Infinity;

  constructor(session: Session) {
    this.#session = session;
  }

  set(deadline: Deadline | undefined): void {
    const inMs = deadline === undefined ? Infinity : distance(deadline, this.#session);
    if (inMs === Infinity) return;
    const at = this.#session.ports.clock.monotonic() + inMs;
    if (this.#firesAt <= at) return;
    this.#firesAt = at;
    this.#session.timers.after(inMs, () => {
      this.#firesAt = Infinity;
      this.#session.nudge();
    });
  }
}

function distance(deadline: Deadline, session: Session): number {
  const now = session.now();
  const active = deadline.activeMs === undefined ? Infinity : deadline.activeMs - now.activeMs;
  const wall = deadline.at === undefined ? Infinity : deadline.at - now.at;
  return Math.max(1, Math.ceil(Math.min(active, wall)));
}
