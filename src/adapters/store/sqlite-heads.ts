/**
 * The head of a run: what the next append depends on. Kept in memory for the runs this process appends to, so that an append
 * needs no read; the statement that moves the head checks it all again.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface Head {
  readonly key: number;
  readonly epoch: number;
  readonly seq: number;
  readonly sum: Uint8Array;
  /** What the row says of its status, if this process wrote that and the run waits for nothing; nobody else changes it then. */
  readonly plainStatus?: string | undefined;
}

export interface StoredHead {
  readonly id: number;
  readonly epoch: number;
  readonly owner: number | null;
  readonly seq: number;
  readonly sum: Uint8Array;
  readonly at: number;
  readonly active: number;
  readonly status: string;
  readonly sealed: number;
  readonly finished: number;
}

export interface Heads {
  /** The run's head as far as this process knows: from memory, else from the file. */
  current(run: string): Head | undefined;
  stored(run: string): StoredHead | undefined;
  remember(run: string, head: Head): void;
  forget(run: string): void;
  /** How many runs this process writes into. */
  count(): number;
  forgetAll(): void;
}

export const HEAD_OF_RUN = `SELECT h.id, h.epoch, h.owner, h.seq, h.sum, h.at, h.active, h.status, h.sealed, h.finished
  FROM runs r JOIN heads h ON h.id = r.id WHERE r.run = ?`;

export function createHeads(db: DatabaseSync): Heads {
  const select: StatementSync = db.prepare(HEAD_OF_RUN);
  const known = new Map<string, Head>();
  const stored = (run: string): StoredHead | undefined => select.get(run) as StoredHead | undefined;
  return {
    stored,
    current(run) {
      const remembered = known.get(run);
      if (remembered !== undefined) return remembered;
      const found = stored(run);
      if (found === undefined) return undefined;
      const head: Head = { key: found.id, epoch: found.epoch, seq: found.seq, sum: found.sum };
      known.set(run, head);
      return head;
    },
    remember: (run, head) => {
      known.set(run, head);
    },
    forget: (run) => {
      known.delete(run);
    },
    count: () => known.size,
    forgetAll: () => known.clear(),
  };
}
