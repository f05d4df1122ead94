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
  /** Two or three at a time: an array is smaller than a set, and a thousand runs have one each. */
  #deadlines: Deadline[] = [];
  #setFor: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call back once, `ms` from now; returns the cancel. */
  after(ms: number, fire: () => void): () => void {
    const deadline = { at: this.#clock.monotonic() + Math.max(0, ms), fire };
    this.#deadlines.push(deadline);
    if (this.#setFor === undefined || deadline.at < this.#setFor) this.#set(deadline.at);
    return () => void this.#remove(deadline);
  }

  clear(): void {
    this.#deadlines = [];
    this.#cancel?.();
    this.#setFor = undefined;
  }

  /** False when it was cancelled, or has fired, before. */
  #remove(deadline: Deadline): boolean {
    const at = this.#deadlines.indexOf(deadline);
    if (at < 0) return false;
    // In place of a splice, which makes an array of what it takes out: nearly always it is the last one.
    const last = this.#deadlines.pop();
    if (last !== undefined && last !== deadline) this.#deadlines[at] = last;
    return true;
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
    due.sort((a, b) => a.at - b.at);
    for (const deadline of due) if (this.#remove(deadline)) deadline.fire();
    if (next !== undefined && (this.#setFor === undefined || next < this.#setFor)) this.#set(next);
  }
}
