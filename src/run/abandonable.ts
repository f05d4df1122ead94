/** Waiting for work that may ignore its signal. */
import type { Clock } from "../ports/clock.ts";

export type Settled<T> =
  | { readonly type: "value"; readonly value: T }
  | { readonly type: "error"; readonly error: unknown }
  /** It did not come back within the grace time after its signal was aborted. */
  | { readonly type: "abandoned" };

/**
 * Resolves with what the work did, or as `abandoned` once `graceMs` have passed since the signal was aborted. What the work
 * does after that is told to `late` and never used.
 */
export function settleOrAbandon<T>(
  work: () => Promise<T>,
  options: { readonly signal: AbortSignal; readonly graceMs: number; readonly clock: Clock; readonly late: () => void },
): Promise<Settled<T>> {
  const { signal, graceMs, clock, late } = options;
  return new Promise((resolve) => {
    let open = true;
    let stopTimer: (() => void) | undefined;
    const finish = (settled: Settled<T>): void => {
      if (!open) return late();
      open = false;
      stopTimer?.();
      signal.removeEventListener("abort", onAbort);
      resolve(settled);
    };
    const onAbort = (): void => {
      stopTimer = clock.after(graceMs, () => finish({ type: "abandoned" }));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    start(work).then(
      (value) => finish({ type: "value", value }),
      (error: unknown) => finish({ type: "error", error }),
    );
  });
}

/** A function that throws before its first await fails like one that rejects. */
async function start<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
