/** Tells fake time when tools do something real: one that reads a file or asks a server is not idle, though nothing else happens. */
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

/** True while tools are under way that do not wait for fake time, until nothing has begun or ended for `patienceMs`. */
export function realWork(effects: EffectLog, tools: ToolClock, patienceMs: number): () => boolean {
  let seen = "";
  let since = 0;
  return () => {
    const { underWay } = effects;
    if (underWay === 0 || tools.pending > 0) return false;
    const now = `${effects.effects.length} ${underWay}`;
    if (now !== seen) since = performance.now();
    seen = now;
    return performance.now() - since < patienceMs;
  };
}
