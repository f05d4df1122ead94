/** Time and randomness, so that tests own both. */
export interface Clock {
  /** Wall clock, ms since the epoch: for people and for timers that outlive a process. */
  now(): number;
  /** Monotonic ms: for durations. */
  monotonic(): number;
  /** Call back once after `ms`; returns the cancel. A timer keeps the process alive, unless it is in the background. */
  after(ms: number, fire: () => void, options?: { readonly background?: boolean }): () => void;
  /** In [0, 1). */
  random(): number;
  /** Let other work of the event loop run. */
  yield(): Promise<void>;
}
