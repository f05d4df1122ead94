/** The events of a run's tool sources. */
import type { ToolSnapshot } from "./agent.ts";
import type { JsonValue } from "./json.ts";
import type { RunError } from "./view.ts";

export type SourceEvent = SourceOpened | SourceFailed | SourceChanged | SourceDecided | SourceSettled | SourceClosed;

interface Versioned {
  readonly v?: number;
}

/** A tool source is open in this attempt. */
export interface SourceOpened extends Versioned {
  readonly type: "source.opened";
  readonly source: string;
  /** Absent when they are those of its last opening. */
  readonly tools?: readonly ToolSnapshot[];
  /** What a cleanup by another process needs; absent when it needs no more than it had. */
  readonly cleanup?: JsonValue;
  /** It wants to be told of the end. */
  readonly afterRun?: true;
}

/** It could not be opened: the end of the run, unless it is optional. */
export interface SourceFailed extends Versioned {
  readonly type: "source.failed";
  readonly source: string;
  readonly error: RunError;
}

/** Opened again, it offered other tools than the journal holds, and its policy is to ask: the run waits. */
export interface SourceChanged extends Versioned {
  readonly type: "source.changed";
  readonly source: string;
  /** What it offers now; absent when that is what it offered when it was last asked about. */
  readonly tools?: readonly ToolSnapshot[];
  /** What is different, for people. */
  readonly changes: readonly string[];
}

/** A person decided about changed tools: `adopt` those that were shown, or `pin` the journaled ones. */
export interface SourceDecided extends Versioned {
  readonly type: "source.decided";
  readonly id: string;
  readonly source: string;
  readonly decision: "adopt" | "pin";
  readonly from?: string;
}

/** It was told of the end; what it brought is in `artifact.added` of the same commit. */
export interface SourceSettled extends Versioned {
  readonly type: "source.settled";
  readonly source: string;
  /** Why it could not be told, or what it threw. */
  readonly error?: string;
}

/** Closed, and what it left in the world cleaned up. */
export interface SourceClosed extends Versioned {
  readonly type: "source.closed";
  readonly source: string;
  /** Something of it may have stayed. */
  readonly error?: string;
}
