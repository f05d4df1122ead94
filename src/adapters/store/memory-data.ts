/** What the store in memory holds. */
import type { CreateRequest, PendingEntry, RunRowChange } from "../../ports/store.ts";
import type { WaitingFor } from "../../ports/view.ts";
import type { MemoryBlobs } from "../blobs/memory.ts";
import type { Written } from "./memory-events.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { MemoryOutbox } from "./memory-outbox.ts";
import type { Watchers } from "./watchers.ts";

export interface Process {
  readonly name: string;
  diedAt: number | undefined;
}

export interface MemoryRun {
  readonly created: CreateRequest;
  readonly key: number;
  readonly events: Written[];
  readonly inbox: PendingEntry[];
  readonly entries: Set<string>;
  epoch: number;
  owner: Process | undefined;
  at: number;
  activeMs: number;
  status: NonNullable<RunRowChange["status"]>;
  step: number;
  tokens: number;
  costUsd: number | "unknown";
  waitingFor: WaitingFor | undefined;
  dueAt: number | undefined;
  sealed: boolean;
  finished: boolean;
  /** In the queue of its lane. */
  queued: boolean;
  /** Blobs it may refer to, once it has ended and somebody asked. */
  blobs: ReadonlySet<string> | undefined;
}

export interface Retention {
  /** Runs that have ended, those at the top of a tree counted. */
  readonly keepEnded: number;
  readonly onForgotten: (run: string) => void;
  readonly now: () => number;
  /** Since blobs were looked through. */
  forgotten: number;
}

export interface Data {
  readonly runs: Map<string, MemoryRun>;
  readonly keys: Map<string, string>;
  /** How many runs go on from each. */
  readonly followUps: Map<string, number>;
  readonly watchers: Watchers;
  readonly outbox: MemoryOutbox;
  readonly ledger: MemoryLedger;
  readonly blobs: MemoryBlobs;
  /** Runs that have ended and are below none, by when, the oldest first. */
  readonly ended: Map<string, number>;
  /** What is below a run, by the run at the top. */
  readonly below: Map<string, string[]>;
  readonly retention: Retention;
  position: number;
  nextKey: number;
}

export function isOwned(run: MemoryRun): boolean {
  return run.owner !== undefined && run.owner.diedAt === undefined;
}
