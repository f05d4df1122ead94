/**
 * Letting go of a run. One that a living process owns and nobody drives would wait for ever, so this is tried until the store has
 * heard it, or the executor shuts down: then the store lets go of everything.
 */
import { isExecutusError } from "../kernel/errors.ts";
import type { RunRowChange } from "../ports/store.ts";
import type { Core } from "./core.ts";
import { tell } from "./observers.ts";

export interface Held {
  readonly run: string;
  readonly epoch: number;
  readonly row?: RunRowChange | undefined;
}

const RETRY_MS = 1_000;

/** Resolves after the first try. Whoever wants the run here waits until it is done, by `core.leaving`. */
export async function letGo(core: Core, held: Held): Promise<void> {
  const { run } = held;
  const tried = isReleased(core, held);
  const done = untilReleased(core, held, tried);
  core.leaving.set(run, done);
  void done.finally(() => {
    if (core.leaving.get(run) === done) core.leaving.delete(run);
  });
  await tried;
}

async function untilReleased(core: Core, held: Held, tried: Promise<boolean>): Promise<void> {
  if (!(await tried)) await keepTrying(core, held);
}

async function keepTrying(core: Core, held: Held): Promise<void> {
  while (!core.queue.isStopped) {
    await new Promise<void>((resolve) => core.clock.after(RETRY_MS, resolve, { background: true }));
    if (await isReleased(core, held)) return;
  }
}

/** True also when another try is of no use. */
async function isReleased(core: Core, { run, epoch, row }: Held): Promise<boolean> {
  try {
    await core.store.owners.release(run, epoch, row);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell(core.ports.observers, run, (observer) => observer.warning?.(run, `could not release the run: ${message}`));
    return !isExecutusError(error) || !error.retryable;
  }
}
