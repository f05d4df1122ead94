/**
 * Tells fake time when a user's code does something real: a tool that reads a file or asks a server is not idle, though nothing else
 * happens.
 */
import type { EffectLog } from "./effect-log.ts";
import type { FakeClock } from "./fake-clock.ts";

/** The clock as tools have it: what they wait for there is known to be fake. */
export interface ToolClock {
  readonly clock: FakeClock;
  /** Timers that were set through it. */
  readonly pending: number;
}

export function toolClock(clock: FakeClock): ToolClock {
  let pending = 0;
  const after: FakeClock["after"] = (ms, fire, options) => {
    pending++;
    let isOver = false;
    const end = (): void => {
      if (!isOver) pending--;
      isOver = true;
    };
    const cancel = clock.after(ms, () => (end(), fire()), options);
    return () => (end(), cancel());
  };
  return {
    clock: Object.assign(Object.create(clock) as FakeClock, { after }),
    get pending() {
      return pending;
    },
  };
}

/** Work of a user's code that is no call of a tool: opening a source, deciding on an approval, saying what a model says. */
export interface OtherWork {
  do<T>(work: () => Promise<T> | T): Promise<T>;
  /** The process of all that is under way stops. */
  cut(): void;
  /** So far. */
  readonly begun: number;
  readonly underWay: number;
}

export function otherWork(): OtherWork {
  const underWay = new Set<object>();
  let begun = 0;
  return {
    do: async (work) => {
      const token = {};
      begun++;
      underWay.add(token);
      try {
        return await work();
      } finally {
        underWay.delete(token);
      }
    },
    cut: () => underWay.clear(),
    get begun() {
      return begun;
    },
    get underWay() {
      return underWay.size;
    },
  };
}

interface Work {
  readonly effects: EffectLog;
  readonly others: OtherWork;
  readonly tools: ToolClock;
}

/** True while work is under way that does not wait for fake time, until nothing has begun or ended for `patienceMs`. */
export function realWork({ effects, others, tools }: Work, patienceMs: number): () => boolean {
  let seen = "";
  let since = 0;
  return () => {
    const underWay = effects.underWay + others.underWay;
    if (underWay === 0 || tools.pending > 0) return false;
    const now = `${effects.effects.length} ${others.begun} ${underWay}`;
    if (now !== seen) since = performance.now();
    seen = now;
    return performance.now() - since < patienceMs;
  };
}
