/**
 * The driver: one loop for every run, fresh or resumed.
 *
 * Gather what came back, decide, make it durable, start what is wanted and not under way, abort what is under way and not
 * wanted, wait, again.
 */
import type { Deadline, Decision } from "../kernel/decide.ts";
import type { Effect } from "../kernel/effects.ts";
import type { EventBody } from "../ports/events.ts";
import { acknowledge, append, plan } from "./commit.ts";
import { performCompaction } from "./compaction.ts";
import { performModelCall } from "./model-call.ts";
import type { Session } from "./session.ts";
import { StopError, type StopReason } from "./stop-reason.ts";
import { performReconcile, performToolCall } from "./tool-call.ts";

/** How a drive ended. `stopped`: left resumable by this process; `fenced`: another process has the run. */
export type DriveEnd = "finished" | "waiting" | "stopped" | "fenced";

export async function drive(session: Session): Promise<DriveEnd> {
  const alarm = new Alarm(session);
  const fairness = new Fairness(session);
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
      await fairness.share();
    }
  } finally {
    unwatch();
    alarm.clear();
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
    await readInbox(session);
    const { arrivals, entries } = session;
    const planned = plan(session, arrivals, entries);
    if (planned.events.length > 0) {
      const result = await append(session, planned);
      if (!result.ok && result.reason === "inbox") {
        session.inboxChanged = true;
        continue;
      }
      if (!result.ok) {
        session.fenced = result.reason === "fenced";
        return result.reason;
      }
      acknowledge(session, planned);
    }
    session.arrivals = session.arrivals.slice(arrivals.length);
    session.entries = session.entries.slice(entries.length);
    // Only now: an effect that came back but is not committed yet must not look as if it had never been started.
    for (const { effect } of arrivals) session.running.delete(effect.id);
    if (session.arrivals.length === 0 && !session.inboxChanged) return planned.decision;
  }
}

async function readInbox(session: Session): Promise<void> {
  if (!session.inboxChanged) return;
  session.inboxChanged = false;
  const entries = await session.ports.store.inbox.pending(session.run, session.inboxPosition);
  for (const entry of entries) session.inboxPosition = Math.max(session.inboxPosition, entry.position);
  session.entries = [...session.entries, ...entries];
}

/** Start what is wanted and not under way, abort what is under way and not wanted. True while anything is under way. */
function reconcileEffects(session: Session, decision: Decision): boolean {
  const wanted = new Set(decision.effects.map((effect) => effect.id));
  const draining = session.stopping !== undefined;
  for (const [id, { controller, effect }] of session.running) {
    const repeatable = effect.kind === "model" || effect.kind === "compact";
    if (session.stopping === "drop" || (draining && repeatable)) abort(controller, { type: "shutdown" });
    else if (!wanted.has(id)) abort(controller, { type: "unwanted", message: whyUnwanted(session) });
  }
  if (session.stopping === "drop") return false;
  if (!draining) for (const effect of decision.effects) if (!session.running.has(effect.id)) start(session, effect);
  return [...session.running.values()].some(({ effect }) => !draining || effect.kind === "tool" || effect.kind === "reconcile");
}

function whyUnwanted({ state }: Session): string {
  if (state.cancel !== undefined) return state.cancel.mode === "kill" ? "the run was killed" : "the run was cancelled";
  return state.ending?.error?.message ?? "the run does not want it any more";
}

function start(session: Session, effect: Effect): void {
  const controller = new AbortController();
  session.running.set(effect.id, { effect, controller });
  void perform(session, effect, controller)
    .catch((error: unknown) => brokenOff(effect, error))
    .then((events) => session.arrive({ effect, events }));
}

/** A port that breaks its contract (a throwing clock, a blob store that fails) still gives the effect an outcome. */
function brokenOff(effect: Effect, thrown: unknown): readonly EventBody[] {
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
  }
}

function perform(session: Session, effect: Effect, controller: AbortController): Promise<readonly EventBody[]> {
  switch (effect.kind) {
    case "model":
      return performModelCall(session, effect, controller);
    case "tool":
      return performToolCall(session, effect, controller);
    case "reconcile":
      return performReconcile(session, effect, controller);
    case "compact":
      return performCompaction(session, effect, controller);
  }
}

function abort(controller: AbortController, stop: StopReason): void {
  if (!controller.signal.aborted) controller.abort(new StopError(stop));
}

function abortAll(session: Session, stop: StopReason): void {
  for (const { controller } of session.running.values()) abort(controller, stop);
}

/** How long a run may keep the event loop to itself when all it waits for is already there. */
const SLICE_MS = 8;

class Fairness {
  readonly #session: Session;
  #since: number;

  constructor(session: Session) {
    this.#session = session;
    this.#since = session.ports.clock.monotonic();
  }

  async share(): Promise<void> {
    const { clock } = this.#session.ports;
    if (clock.monotonic() - this.#since < SLICE_MS) return;
    await clock.yield();
    this.#since = clock.monotonic();
  }
}

/** One timer per run; an early one is harmless, because a decision can always be asked for again. */
class Alarm {
  readonly #session: Session;
  #firesAt: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  set(deadline: Deadline | undefined): void {
    const inMs = this.#distance(deadline);
    const { clock } = this.#session.ports;
    const at = inMs === undefined ? undefined : clock.monotonic() + inMs;
    if (at === undefined || (this.#firesAt !== undefined && this.#firesAt <= at)) return;
    this.clear();
    this.#firesAt = at;
    this.#cancel = clock.after(inMs ?? 0, () => {
      this.#firesAt = undefined;
      this.#session.nudge();
    });
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#firesAt = undefined;
  }

  #distance(deadline: Deadline | undefined): number | undefined {
    if (deadline === undefined) return undefined;
    const now = this.#session.now();
    const distances: number[] = [];
    if (deadline.activeMs !== undefined) distances.push(deadline.activeMs - now.activeMs);
    if (deadline.at !== undefined) distances.push(deadline.at - now.at);
    return distances.length === 0 ? undefined : Math.max(1, Math.ceil(Math.min(...distances)));
  }
}
