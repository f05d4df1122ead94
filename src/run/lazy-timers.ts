/**
 * Many deadlines, hardly any timers. Almost every deadline of a run (a tool's timeout, a model's first token) is cancelled long
 * before it is due, so only one real timer is kept, and it is never moved to a later time: when it fires early, it is set again.
 */
import type { Clock } from "../ports/clock.ts";

interface Deadline {
  readonly at: number;
  readonly fire: () => void;
}

export class LazyTimers {
  readonly #clock: Clock;
  readonly #deadlines: Set<Deadline> = new Set();
  #setFor: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call back once, `ms` from now; returns the cancel. */
  after(ms: number, fire: () => void): () => void {
    const deadline = { at: this.#clock.monotonic() + Math.max(0, ms), fire };
    this.#deadlines.add(deadline);
    if (this.#setFor === undefined || deadline.at < this.#setFor) this.#set(deadline.at);
    return () => this.#deadlines.delete(deadline);
  }

  clear(): void {
    this.#deadlines.clear();
    this.#cancel?.();
    this.#setFor = undefined;
  }

  #set(at: number): void {
    this.#cancel?.();
    this.#setFor = at;
    // Never earlier than asked: timers count whole milliseconds, and a deadline that is nearly there would spin.
    this.#cancel = this.#clock.after(Math.ceil(at - this.#clock.monotonic()), () => this.#fire());
  }

  #fire(): void {
    this.#setFor = undefined;
    const now = this.#clock.monotonic();
    let next: number | undefined;
    const due = [];
    for (const deadline of this.#deadlines) {
      if (deadline.at <= now) due.push(deadline);
      else if (next === undefined || deadline.at < next) next = deadline.at;
    }
    for (const deadline of due) if (this.#deadlines.delete(deadline)) deadline.fire();
    if (next !== undefined && (this.#setFor === undefined || next < this.#setFor)) this.#set(next);
  }
}
