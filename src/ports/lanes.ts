/** Lanes: queues with a limit on how many of their runs are driven at once. */

/** What holds for every lane whose key fits a pattern. */
export interface LaneRule {
  /** Runs of one lane driven at once, over all processes on the store. */
  readonly concurrency: number;
  /** Runs of all lanes of this pattern together. Default: no bound. */
  readonly total?: number;
  /** Of its runs, where they do not say; higher ones go first, also before those of other lanes. Default 0. */
  readonly priority?: number;
}

/** Where a run stands: its lane, and the limits that held when it was queued. Journaled with the request. */
export interface LanePlace {
  readonly key: string;
  readonly concurrency: number;
  /** Lanes with the same group share `total`. */
  readonly group?: string;
  readonly total?: number;
  readonly priority: number;
}

/** What a claim may not overrun. */
export type LaneSlot = Omit<LanePlace, "priority">;

/** The first of a lane's queue. */
export interface LaneHead {
  readonly run: string;
  readonly place: LanePlace;
  /** Grows with every run that is created. */
  readonly position: number;
  /** Runs of this lane that living processes drive. */
  readonly running: number;
}

export interface LaneQuery {
  /** Runs that are passed over. */
  readonly skip?: readonly string[];
  /** At most so many lanes, in the order of their keys. */
  readonly limit: number;
  /** Only lanes whose key comes after this one. */
  readonly after?: string;
}

export interface Lanes {
  /** Of each lane with queued runs that nobody drives the first: higher priority first, then older. */
  heads(query: LaneQuery): Promise<readonly LaneHead[]>;
}

/** The first attempt at a run that was queued: from here on its time counts. */
export interface RunDequeued {
  readonly type: "run.dequeued";
  readonly v?: number;
  /** Process that drives it: `host/pid`. */
  readonly process: string;
  readonly waitedMs: number;
}
