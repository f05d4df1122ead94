/** Reading a run's events: what is there, then what comes. */
import type { RunEvent } from "../ports/events.ts";
import type { Core } from "./core.ts";
import { unknownRun } from "./takeover.ts";
import type { EventsOptions } from "./types.ts";

/** Events are read in pages, so that a long journal is never in memory whole. */
const PAGE = 500;
/** How often to see whether whoever drives a run elsewhere is still there: the death of a process writes nothing. */
const LOOK_MS = 1_000;

export async function* followEvents(
  core: Core,
  run: string,
  options: EventsOptions = {},
): AsyncGenerator<RunEvent, void, undefined> {
  const { signal, after = -1 } = options;
  if ((await core.store.runs.get(run)) === undefined) throw unknownRun(run);
  if (options.follow === false) return yield* pages(core, run, after);
  const bell = createBell();
  const unwatch = core.store.journal.watch(run, bell.ring);
  signal?.addEventListener("abort", bell.ring, { once: true });
  try {
    yield* untilTheEnd(core, run, { after, bell, isOver: () => signal?.aborted === true });
  } finally {
    unwatch();
    signal?.removeEventListener("abort", bell.ring);
  }
}

interface Following {
  readonly after: number;
  readonly bell: Bell;
  readonly isOver: () => boolean;
}

async function* untilTheEnd(
  core: Core,
  run: string,
  { after, bell, isOver }: Following,
): AsyncGenerator<RunEvent, void, undefined> {
  let last = after;
  while (!isOver()) {
    for await (const event of pages(core, run, last)) {
      yield event;
      last = event.seq;
      if (event.type === "run.finished") return;
    }
    if (!bell.hasRung && (await isLeft(core, run))) return;
    if (!(await heardSoon(core, run, bell))) return;
  }
}

/**
 * Waits for the bell; of a run that is driven elsewhere, no longer than until the next look, which also keeps this process there for
 * whoever waits. False once the executor is shut down: then nobody here waits for others any more.
 */
async function heardSoon(core: Core, run: string, bell: Bell): Promise<boolean> {
  if (core.live.has(run)) {
    await bell.heard();
    return true;
  }
  let isLate = false;
  const cancel = core.clock.after(LOOK_MS, () => {
    isLate = true;
    bell.ring();
  });
  await bell.heard();
  cancel();
  return !(isLate && core.queue.isStopped);
}

async function* pages(core: Core, run: string, from: number): AsyncGenerator<RunEvent, void, undefined> {
  for (let after = from; ;) {
    const page = await core.store.journal.read(run, { after, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.seq;
  }
}

interface Bell {
  readonly ring: () => void;
  readonly hasRung: boolean;
  /** Resolves when it rings, or at once if it has rung since it was last heard. */
  heard(): Promise<void>;
}

function createBell(): Bell {
  let hasRung = false;
  let wake = (): void => {};
  return {
    ring: () => {
      hasRung = true;
      wake();
    },
    get hasRung() {
      return hasRung;
    },
    heard: async () => {
      if (!hasRung) await new Promise<void>((resolve) => (wake = resolve));
      hasRung = false;
    },
  };
}

/** Nobody drives it: nothing more comes without somebody. */
async function isLeft(core: Core, run: string): Promise<boolean> {
  if (core.live.has(run)) return false;
  const row = await core.store.runs.get(run);
  if (row?.status === "queued") return core.queue.isStopped;
  return row === undefined || row.status === "interrupted" || row.status === "waiting" || row.owner === undefined;
}
