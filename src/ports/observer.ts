/**
 * Observers port: who watches runs as they go.
 *
 * Nothing of a run depends on an observer, but it is called in the middle of one:
 *
 * O1 A hook returns at once: its run, and every other run of the process, stands still meanwhile. What takes time comes later.
 * O2 It does not throw, and a promise that it returns does not reject; nobody waits for that promise.
 * O3 It changes nothing of what it is given: events are the run's own, which goes on with them, and those of other observers.
 * O4 It takes any run up at any event: one that another process began is first heard of with `attempt.started`. Runs come in
 *    between each other, and warnings also before the first event of a run, after its last, and about runs without any.
 * O5 What is streamed belongs to a step and an attempt at it: with another one it starts over. `model.answered` has the whole.
 * O6 It passes over types of events that it does not know: newer versions have more of them.
 */
import type { RunEvent } from "./events.ts";
import type { ModelDelta } from "./models.ts";

export interface DeltaOrigin {
  readonly run: string;
  readonly step: number;
  /** A retried call starts over: drop what an earlier attempt streamed. */
  readonly attempt: number;
}

/** Watches runs of this process. A throwing observer never fails a run; it is reported once, and goes on being told. */
export interface Observer {
  /** Committed events, each once and in order, from where this process took the run. */
  events?(run: string, events: readonly RunEvent[]): void;
  /** Streamed, unjournaled text. Nothing comes of a call that was answered or given up. */
  delta?(origin: DeltaOrigin, delta: ModelDelta): void;
  /** Something went wrong beside the run: a late result, a failing observer, a store that had to be retried. */
  warning?(run: string, message: string): void;
}
