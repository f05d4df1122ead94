/** A store whose process stops for good at its n-th write: before it, or after it was made but before anybody heard of it. */
import type { Store } from "../../src/ports/store.ts";
import type { World } from "./world.ts";

export interface Crash {
  readonly at: number;
  readonly when: "before" | "after";
}

export interface CrashingStore {
  readonly through: (store: Store) => Store;
  /** Resolves when the process has stopped; never, if it makes fewer writes. */
  readonly crashed: Promise<"crashed">;
}

export function crashingStore(world: () => World, { at, when }: Crash): CrashingStore {
  const { promise: crashed, resolve } = Promise.withResolvers<"crashed">();
  let writes = 0;
  let isDead = false;
  const die = (): Promise<never> => {
    isDead = true;
    world().store.die();
    resolve("crashed");
    return new Promise(() => {});
  };
  const guard = async <T>(write: () => Promise<T>): Promise<T> => {
    if (isDead) return new Promise(() => {});
    const isIt = writes++ === at;
    if (isIt && when === "before") return die();
    const result = await write();
    return isIt ? die() : result;
  };
  return { crashed, through: (store) => guarded(store, guard) };
}

function guarded(
  { journal, inbox, runs, owners, outbox, ...rest }: Store,
  guard: <T>(write: () => Promise<T>) => Promise<T>,
): Store {
  return {
    ...rest,
    journal: { ...journal, append: (request) => guard(() => journal.append(request)) },
    inbox: { ...inbox, send: (run, entry) => guard(() => inbox.send(run, entry)) },
    runs: { ...runs, create: (request) => guard(() => runs.create(request)) },
    owners: {
      ...owners,
      claim: (run, slot) => guard(() => owners.claim(run, slot)),
      release: (run, epoch, row) => guard(() => owners.release(run, epoch, row)),
    },
    outbox: {
      ...outbox,
      claim: (request) => guard(() => outbox.claim(request)),
      record: (id, attempt, change) => guard(() => outbox.record(id, attempt, change)),
    },
  };
}
