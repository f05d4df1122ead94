/** Waiting for work that may ignore its signal. */
import type { LazyTimers } from "./lazy-timers.ts";
import type { Stopper } from "./stopper.ts";

export type Settled<T> =
  | { readonly type: "value"; readonly value: T }
  | { readonly type: "error"; readonly error: unknown }
  /** It did not come back within the grace time after it was stopped. */
  | { readonly type: "abandoned" };

export interface Patience {
  readonly stopper: Stopper;
  readonly graceMs: number;
  readonly timers: LazyTimers;
  /** Told when the work comes back after it was abandoned. */
  readonly late?: () => void;
  /** Told once, when it is over either way. */
  readonly ended?: () => void;
}

/** Resolves with what the work did, or as `abandoned` once `graceMs` have passed since it was stopped. */
export function settleOrAbandon<T>(work: () => Promise<T>, patience: Patience): Promise<Settled<T>> {
  const { stopper, graceMs, timers, late, ended } = patience;
  return new Promise((resolve) => {
    let open = true;
    let cancelGrace: (() => void) | undefined;
    const finish = (settled: Settled<T>): void => {
      if (!open) return late?.();
      open = false;
      cancelGrace?.();
      ended?.();
      stopper.whenStopped(undefined);
      resolve(settled);
    };
    stopper.whenStopped(() => {
      cancelGrace = timers.after(graceMs, () => finish({ type: "abandoned" }));
    });
    begin(work).then(
      (value) => finish({ type: "value", value }),
      (error: unknown) => finish({ type: "error", error }),
    );
  });
}

/** A function that throws before its first await fails like one that rejects. */
function begin<T>(work: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
