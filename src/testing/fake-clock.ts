/** Time that a test owns. */
import type { Clock } from "../ports/clock.ts";
import { seededRandom } from "./seeded-random.ts";

export interface FakeClock extends Clock {
  /** Move time on, firing timers in order. */
  advance(ms: number): void;
  /**
   * Wait for a promise, moving time on to the next timer whenever nothing else is left to do. While `isBusy` says that something real
   * is going on, time stands still.
   */
  until<T>(promise: Promise<T>, isBusy?: () => boolean): Promise<T>;
  /** Timers that are set. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** Turns of the event loop without any change after which only time can help. */
const QUIET_TURNS = 20;

/**
 * Starts at 2026-01-01T00:00:00Z. `random` is a seeded generator (mulberry32), so two clocks with the same seed give the same
 * ids and jitter.
 */
export function createFakeClock(seed = 1): FakeClock {
  const epoch = Date.UTC(2026, 0, 1);
  const timers = new Set<Timer>();
  let elapsed = 0;
  const random = seededRandom(seed);
  const nextTimer = (): Timer | undefined => [...timers].toSorted((a, b) => a.at - b.at)[0];
  const advance = (ms: number): void => {
    const end = elapsed + ms;
    for (let timer = nextTimer(); timer !== undefined && timer.at <= end; timer = nextTimer()) {
      timers.delete(timer);
      elapsed = Math.max(elapsed, timer.at);
      timer.fire();
    }
    elapsed = end;
  };
  return {
    now: () => epoch + elapsed,
    monotonic: () => elapsed,
    random: () => random.next(),
    yield: () => new Promise((resolve) => setImmediate(resolve)),
    after: (ms, fire) => {
      const timer = { at: elapsed + Math.max(0, ms), fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance,
    until: async (promise, isBusy = () => false) => {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      promise.then(mark, mark);
      for (let quiet = 0; !settled; quiet++) {
        await new Promise((resolve) => setImmediate(resolve));
        const timer = nextTimer();
        if (isBusy()) quiet = 0;
        if (quiet < QUIET_TURNS || timer === undefined) continue;
        quiet = 0;
        advance(timer.at - elapsed);
      }
      return promise;
    },
    get pending() {
      return timers.size;
    },
  };
}
