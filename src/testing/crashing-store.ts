/**
 * A store whose process stops for good at its n-th write. Each write is one transaction, whatever it carries (events, inbox entries
 * consumed, the run's row, deliveries, the ledger), so there are two moments to stop at: before it, and after it was made but before
 * anybody heard of it. Nothing in between can be seen by the next process.
 */
import type { Store } from "../ports/store.ts";

export interface Crash {
  /** Which write of its process, from 0. */
  readonly at: number;
  readonly when: "before" | "after";
}

export interface CrashingStore {
  readonly store: Store;
  /** Resolves when the process has stopped; never, if it makes fewer writes. */
  readonly crashed: Promise<"crashed">;
  /** The writes made so far, in order: `append to r: tool.started`. The last one is that of the crash. */
  readonly writes: readonly string[];
}

/**
 * `onCrash` is called at that moment, for what else a dead process is: a memory store's `die()`. From then on every write through
 * this store stays unanswered.
 *
 * @example
 * const memory = createMemoryStore();
 * const { store, crashed } = crashingStore(memory, { at: 3, when: "after" }, () => memory.die());
 */
export function crashingStore(given: Store, { at, when }: Crash, onCrash: () => void = () => {}): CrashingStore {
  const { promise: crashed, resolve } = Promise.withResolvers<"crashed">();
  const writes: string[] = [];
  let isDead = false;
  const die = (): Promise<never> => {
    isDead = true;
    onCrash();
    resolve("crashed");
    return new Promise(() => {});
  };
  const guard: Guard = async (what, write) => {
    if (isDead) return new Promise(() => {});
    const isIt = writes.push(what) === at + 1;
    if (isIt && when === "before") return die();
    const result = await write();
    return isIt || isDead ? die() : result;
  };
  return { store: guarded(given, guard), crashed, writes };
}

type Guard = <T>(what: string, write: () => Promise<T>) => Promise<T>;

const typesOf = (events: readonly { readonly type: string }[]): string => events.map(({ type }) => type).join(", ");

/** Every method that writes. */
function guarded({ journal, inbox, runs, owners, outbox, budgets, ...rest }: Store, guard: Guard): Store {
  return {
    ...rest,
    journal: {
      ...journal,
      append: (request) => guard(`append to ${request.run}: ${typesOf(request.events)}`, () => journal.append(request)),
    },
    inbox: { ...inbox, send: (run, entry) => guard(`send ${entry.kind} to ${run}`, () => inbox.send(run, entry)) },
    runs: {
      ...runs,
      create: (request) => guard(`create ${request.run}: ${typesOf(request.events)}`, () => runs.create(request)),
      remove: (names) => guard(`remove ${names.join(", ")}`, () => runs.remove(names)),
    },
    owners: {
      ...owners,
      claim: (run, slot) => guard(`claim ${run}`, () => owners.claim(run, slot)),
      release: (run, epoch, row) => guard(`release ${run}`, () => owners.release(run, epoch, row)),
    },
    outbox: {
      ...outbox,
      claim: (request) => guard("claim deliveries", () => outbox.claim(request)),
      record: (id, attempt, change) => guard(`record delivery ${id}: ${change.status}`, () => outbox.record(id, attempt, change)),
      requeue: (id, at) => guard(`requeue delivery ${id}`, () => outbox.requeue(id, at)),
    },
    ...(budgets === undefined
      ? {}
      : { budgets: { ...budgets, apply: (run, change) => guard(`charge ${run}`, () => budgets.apply(run, change)) } }),
  };
}
