import type { RunEvent } from "./events.ts";
import type { ModelDelta } from "./models.ts";

export interface DeltaOrigin {
  readonly run: string;
  readonly step: number;
  /** A retried call starts over: drop what an earlier attempt streamed. */
  readonly attempt: number;
}

/** Watches runs of this process. A throwing observer never fails a run; it is reported once. */
export interface Observer {
  /** Committed events, in order. */
  events?(run: string, events: readonly RunEvent[]): void;
  /** Streamed, unjournaled text. */
  delta?(origin: DeltaOrigin, delta: ModelDelta): void;
  /** Something went wrong beside the run: a late result, a failing observer, a store that had to be retried. */
  warning?(run: string, message: string): void;
}
