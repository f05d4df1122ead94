/** A worker: looks for runs that nobody drives again and again, and hears at once of what other processes tell waiting ones. */
import type { Core } from "./core.ts";

/** Returns the way to stop; zero starts nothing. */
export function startSweep(core: Core, everyMs: number): () => void {
  if (everyMs <= 0) return () => {};
  let isWanted = true;
  let cancel = (): void => {};
  const sweep = async (): Promise<void> => {
    try {
      await core.engine.recover();
    } catch {
      // A store that cannot be read now may be read at the next sweep; runs under way report it themselves.
    }
    if (isWanted) next();
  };
  const next = (): void => {
    cancel = core.clock.after(everyMs, () => void sweep());
  };
  const unwatch = core.store.journal.watch(undefined, (run, what) => {
    if (what !== "journal") core.engine.wake(run);
  });
  next();
  return () => {
    isWanted = false;
    unwatch();
    cancel();
  };
}
