/** `stream-json`: the journal of a run as it grows, a line per event. */
import type { Executor } from "../../run/types.ts";
import { printJsonLine } from "./output.ts";

export interface EventStream {
  /** Writes what is left; call it once the run has ended or stands still. */
  finish(): Promise<void>;
}

/** Begins with `init`, then every event from the first one on, also of a run that is continued. */
export function streamEvents(executor: Executor, run: string): EventStream {
  printJsonLine({ type: "system", subtype: "init", v: 1, run_id: run, session_id: run });
  const stop = new AbortController();
  let last = -1;
  const write = async (follow: boolean): Promise<void> => {
    const options = follow ? { after: last, signal: stop.signal } : { after: last, follow };
    for await (const event of executor.events(run, options)) {
      last = event.seq;
      printJsonLine({ v: 1, run_id: run, ...event });
    }
  };
  // A store that cannot be read is the run's trouble too, and is told there.
  const following = write(true).catch(() => {});
  return {
    finish: async () => {
      stop.abort();
      await following;
      await write(false);
    },
  };
}
