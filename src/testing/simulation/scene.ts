/** What those who watch one matter of a simulated world may look at. */
import type { MemoryStore } from "../../adapters/store/memory.ts";
import type { RunEvent } from "../../ports/events.ts";
import type { RunCheck } from "../invariants.ts";
import type { Host } from "./host.ts";

/** Longer than anything in a simulated world takes by itself. */
export const LONG_MS = 60_000;

/** How a source was closed. */
export type Closing = Extract<RunEvent, { readonly type: "source.closed" }>;

/** A run as it is in the store. */
export interface Watched {
  readonly check: RunCheck;
  /** How its sources were closed, by name. */
  readonly closings: Map<string, Closing>;
  /** Virtual ms: when it was seen first. */
  readonly since: number;
  seen: number;
  reported: number;
}

export interface Scene {
  /** All runs as they are in the store. */
  readonly runs: ReadonlyMap<string, Watched>;
  readonly store: MemoryStore;
  /** As the store knows it. */
  owns(host: Host, run: string): boolean;
  problem(message: string): void;
}
