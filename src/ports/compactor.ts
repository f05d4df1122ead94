import type { Message } from "./messages.ts";

export interface CompactionRequest {
  readonly run: string;
  /** Steps answered so far. */
  readonly step: number;
  readonly messages: readonly Message[];
  readonly instructions?: string;
  readonly signal: AbortSignal;
}

export interface Compaction {
  /** Replaces everything but the kept tail, as one user message. */
  readonly summary: string;
  /** How many of the last messages stay as they are; a call is never parted from its result. */
  readonly keep: number;
}

export interface Compactor {
  compact(request: CompactionRequest): Promise<Compaction>;
}
