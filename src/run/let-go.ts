/**
 * Letting go of a run. One that a living process owns and nobody drives would wait for ever, so this is tried until the store has
 * heard it, or the executor shuts down: then the store lets go of everything.
 */
import { isExecutusError } from "../kernel/errors.ts";
import type { CreateRequest, RunRowChange } from "../ports/store.ts";
import type { Core } from "./core.ts";
import { warn } from "./observers.ts";

export interface Held {
  readonly run: string;
  readonly epoch: number;
  readonly row?: RunRowChange | undefined;
}

const RETRY_MS = 1_000;
export const FIRST_EPOCH = 1;

/** Resolves after the first try. Whoever wants the run here waits until it is done, by `core.leaving`. */
export function letGo(core: Core, { run, epoch, row }: Held): Promise<void> {
  const release = (): Promise<void> => core.store.owners.release(run, epoch, row);
  const whenFailed = once((message) => warn(core.ports, run, `could not release the run: ${message}`));
  return keepAt(core, run, { work: release, whenFailed });
}

/**
 * A store may make what it reports as failed: one that is reached over a network, or whose disk fails as it flushes. True when the run
 * whose start, at `at`, was reported as failed with `error` is there all the same: it is let go, and can be taken over like any
 * other. What cannot be found out now is found out later.
 */
export async function isBegun(core: Core, { run, at }: Pick<CreateRequest, "run" | "at">, error: unknown): Promise<boolean> {
  if (!isPassing(error)) return false;
  let isThere = false;
  const look = async (): Promise<void> => {
    const { runs, owners } = core.store;
    const row = await runs.get(run);
    isThere = row?.createdAt === at;
    if (isThere && row?.owner === owners.self) await owners.release(run, FIRST_EPOCH);
  };
  await keepAt(core, run, { work: look });
  return isThere;
}

/** Does it once it is certain that there is no such run; later, where that cannot be found out or done now. */
export async function unlessThere(core: Core, run: string, work: () => Promise<void>): Promise<void> {
  const look = async (): Promise<void> => {
    if ((await core.store.runs.get(run)) === undefined) await work();
  };
  const whenFailed = (message: string): void =>
    warn(core.ports, run, `what it had reserved of budgets may still be reserved: ${message}`);
  const task: Task = { work: look, whenFailed: once(whenFailed) };
  const tried = isOver(task);
  void untilOver(core, task, tried);
  await tried;
}

/**
 * After a claim that was reported as failed with `error`: if it was made, it is undone. The run of another process is not touched, nor
 * one that an executor of this process writes into. One that it has only just claimed is let go as well: then that is as if it had
 * been held up.
 */
export async function letGoIfClaimed(core: Core, run: string, error: unknown): Promise<void> {
  if (!isPassing(error)) return;
  const look = async (): Promise<void> => {
    const { runs, owners, journal } = core.store;
    const row = await runs.get(run);
    if (row?.owner !== owners.self) return;
    const claim = await owners.claim(run);
    const epoch = claim.ok || claim.reason === "owned" ? claim.epoch : undefined;
    if (epoch === undefined) return;
    const last = (await journal.read(run, { after: row.seq - 1 })).at(-1);
    if (last?.epoch !== epoch) await owners.release(run, epoch);
  };
  await keepAt(core, run, { work: look });
}

interface Task {
  readonly work: () => Promise<void>;
  readonly whenFailed?: (message: string) => void;
}

/** Until it is done, or of no use. Resolves after the first try. */
async function keepAt(core: Core, run: string, task: Task): Promise<void> {
  const tried = isOver(task);
  const done = untilOver(core, task, tried);
  core.leaving.set(run, done);
  void done.finally(() => {
    if (core.leaving.get(run) === done) core.leaving.delete(run);
  });
  await tried;
}

async function untilOver(core: Core, task: Task, tried: Promise<boolean>): Promise<void> {
  if (await tried) return;
  while (!core.queue.isStopped) {
    await new Promise<void>((resolve) => core.clock.after(RETRY_MS, resolve, { background: true }));
    if (await isOver(task)) return;
  }
}

/** True also when another try is of no use. */
async function isOver({ work, whenFailed }: Task): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    whenFailed?.(error instanceof Error ? error.message : String(error));
    return !isPassing(error);
  }
}

/** What SQLite calls damage may be a page that the disk cannot read just now: a run must not be kept for that. */
function isPassing(error: unknown): boolean {
  return isExecutusError(error) && (error.retryable || error.code === "store_damaged");
}

function once(say: (message: string) => void): (message: string) => void {
  let isSaid = false;
  return (message) => {
    if (!isSaid) say(message);
    isSaid = true;
  };
}
