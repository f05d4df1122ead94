/**
 * Shares the event loop among the runs of a process. When a thousand answers arrive in the same millisecond, the runs they belong
 * to go on a few at a time, so that timers, sockets and heartbeats are never kept waiting for all of them.
 */
import type { Clock } from "../ports/clock.ts";

/** What runs may use of one turn of the event loop before the others wait for the next. */
const SLICE_MS = 4;
/** Runs let through per turn while others wait: they go on after the turn's own work, where their time cannot be measured. */
const PER_TURN = 48;

export class Turns {
  readonly #clock: Clock;
  /** When the first run went on in this turn. */
  #since: number | undefined;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: go on. Else wait for it first. */
  share(): Promise<void> | undefined {
    const now = this.#clock.monotonic();
    if (this.#since === undefined) {
      this.#since = now;
      void this.#clock.yield().then(() => this.#next());
    }
    if (this.#waiting.length === 0 && now - this.#since < SLICE_MS) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #next(): void {
    this.#since = undefined;
    if (this.#waiting.length === 0) return;
    const going = this.#waiting.slice(0, PER_TURN);
    this.#waiting = this.#waiting.slice(PER_TURN);
    if (this.#waiting.length > 0) {
      this.#since = this.#clock.monotonic();
      void this.#clock.yield().then(() => this.#next());
    }
    for (const go of going) go();
  }
}
