/** Reading a run's events: what is there, then what comes. */
import type { RunEvent } from "../ports/events.ts";
import type { Core } from "./core.ts";
import { unknownRun } from "./takeover.ts";
import type { EventsOptions } from "./types.ts";

/** Events are read in pages, so that a long journal is never in memory whole. */
const PAGE = 500;

export async function* followEvents(core: Core, run: string, options: EventsOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  const { signal, follow = true } = options;
  if ((await core.store.runs.get(run)) === undefined) throw unknownRun(run);
  let after = options.after ?? -1;
  let changed = true;
  let wake = (): void => {};
  const nudge = (): void => {
    changed = true;
    wake();
  };
  const unwatch = follow ? core.store.journal.watch(run, nudge) : undefined;
  signal?.addEventListener("abort", nudge, { once: true });
  try {
    while (signal?.aborted !== true) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
      for (let page = await core.store.journal.read(run, { after, limit: PAGE }); page.length > 0; ) {
        yield* page;
        after = page.at(-1)?.seq ?? after;
        if (page.at(-1)?.type === "run.finished") return;
        page = await core.store.journal.read(run, { after, limit: PAGE });
      }
      if (!follow || (!changed && (await isLeft(core, run)))) return;
    }
  } finally {
    unwatch?.();
    signal?.removeEventListener("abort", nudge);
  }
}

/** Nobody drives it: nothing more comes without somebody. */
async function isLeft(core: Core, run: string): Promise<boolean> {
  if (core.live.has(run)) return false;
  const row = await core.store.runs.get(run);
  return row === undefined || row.status === "interrupted" || row.status === "waiting" || row.owner === undefined;
}
