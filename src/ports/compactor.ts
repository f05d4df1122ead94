import type { ModelSpending } from "./events.ts";
import type { Message } from "./messages.ts";

export interface CompactionRequest {
  readonly run: string;
  /** Steps answered so far. */
  readonly step: number;
  readonly messages: readonly Message[];
  /** What somebody wants of the summary. */
  readonly instructions?: string;
  /** Absent: somebody asked. `overflow`: the provider refused the conversation as too long. */
  readonly reason?: "ratio" | "overflow";
  /** The model that the run goes on with, `provider/model`, and its context window in tokens, if that is known. */
  readonly model: string;
  readonly window?: number;
  /** About how many tokens `messages` are. */
  readonly tokens: number;
  /** Which compaction of the run: the same in every attempt at it. */
  readonly number: number;
  /** 1-based try within this step: each should keep less than the one before. */
  readonly attempt: number;
  /** What a summary would have to stand for if the last `keep` messages stayed: all but those, the first turn and pinned ones. */
  leaving(keep: number): readonly Message[];
  readonly signal: AbortSignal;
}

export interface Compaction {
  /** Takes the place of everything but the run's first turn, pinned messages and the kept tail, as one user message. */
  readonly summary: string;
  /** How many of the last messages stay as they are; a call is never parted from its result. */
  readonly keep: number;
  /** What making the summary cost, if a model made it. */
  readonly spent?: ModelSpending;
}

/** Shortens conversations. A summary after which the conversation is not shorter is refused. */
export interface Compactor {
  /**
   * Rejecting is no failure of the run: it goes on with the conversation as it is, if the model takes it. What was spent until
   * then may be on the error, as `spent`.
   */
  compact(request: CompactionRequest): Promise<Compaction>;
}
