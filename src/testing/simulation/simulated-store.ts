/** The store as one process of a simulated world sees it: slow, sometimes unavailable, and aware of leases. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { LedgerChange } from "../../ports/budget.ts";
import type { ClaimResult, Store } from "../../ports/store.ts";
import { giveUpTheSilent, type Host, type Lease } from "./host.ts";
import type { Schedule } from "./schedule.ts";

export interface StoreFaults {
  /** Probability that an operation fails and nothing was written. */
  before: number;
  /** Probability that a write is made and reported as failed. */
  after: number;
  /** Probability that an operation takes longer than a lease. */
  slow: number;
}

/** What all processes share. */
export interface Premises {
  readonly schedule: Schedule;
  readonly lease: Lease;
  readonly hosts: Host[];
  readonly faults: StoreFaults;
  /** Who drives which run, and in which attempt, as the store knows it. */
  readonly owners: Map<string, { readonly host: Host; readonly epoch: number }>;
  /** `host run`: processes that lost a run once, and may not have noticed. */
  readonly losers: Set<string>;
  /** Stands in for the store's clock while it is told about the past. */
  storeNow: number | undefined;
  /** Who made the last write. */
  writer: Host | undefined;
  problem(message: string): void;
  /** A process has taken a run. */
  taken(run: string): Promise<void>;
  /** The ledger was changed with a write of this run. */
  charged(run: string, change: LedgerChange): Promise<void>;
}

const OPERATION_MS = 8;

/** `inner` is the shared store, or something in front of it. */
export function simulatedStore(premises: Premises, host: Host, inner: Store): Store {
  const ask = <T>(work: () => Promise<T>): Promise<T> => operation(premises, host, { work, mayFailAfter: false });
  const write = <T>(work: () => Promise<T>): Promise<T> => operation(premises, host, { work, mayFailAfter: true });
  const { journal, inbox, runs, owners, outbox, lanes, budgets } = inner;
  return {
    journal: {
      append: (request) =>
        write(async () => {
          const result = await journal.append(request);
          if (result.ok && request.ledger !== undefined) await premises.charged(request.run, request.ledger);
          return result;
        }),
      read: (run, options) => ask(() => journal.read(run, options)),
      watch: (run, changed) => watch(premises, host, { inner, run, changed }),
    },
    inbox: {
      send: (run, entry) => write(() => inbox.send(run, entry)),
      pending: (run, after) => ask(() => inbox.pending(run, after)),
    },
    owners: {
      self: owners.self,
      claim: (run, slot) =>
        write(async () => {
          const result = claimed(premises, { host, run, result: await owners.claim(run, slot) });
          if (result.ok) await premises.taken(run);
          return result;
        }),
      release: (run, epoch, row) => write(async () => released(premises, run, epoch, () => owners.release(run, epoch, row))),
      orphans: (limit, now) => ask(() => owners.orphans(limit, now)),
      due: (now, limit) => ask(() => owners.due(now, limit)),
    },
    runs: {
      create: (request) =>
        write(async () => {
          const result = await runs.create(request);
          if (result.created && request.ledger !== undefined) await premises.charged(request.run, request.ledger);
          if (!result.created || request.lane !== undefined) return result;
          host.takes();
          premises.owners.set(request.run, { host, epoch: result.epoch });
          return result;
        }),
      get: (run) => ask(() => runs.get(run)),
      list: (query) => ask(() => runs.list(query)),
      remove: (names) => ask(() => runs.remove(names)),
    },
    outbox: {
      claim: (request) => ask(() => outbox.claim(request)),
      record: (id, attempt, change) => ask(() => outbox.record(id, attempt, change)),
      requeue: (id, at) => ask(() => outbox.requeue(id, at)),
      nextDue: (kinds) => ask(() => outbox.nextDue(kinds)),
      list: (query) => ask(() => outbox.list(query)),
    },
    lanes: { heads: (query) => ask(() => lanes.heads(query)) },
    ...(budgets === undefined
      ? {}
      : {
          budgets: {
            apply: (run, change) => ask(() => budgets.apply(run, change)),
            standings: (query) => ask(() => budgets.standings(query)),
          },
        }),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

// --- the way there and back ------------------------------------------------------------------------------------------

interface Operation<T> {
  readonly work: () => Promise<T>;
  readonly mayFailAfter: boolean;
}

/** A request that is on its way arrives, also when its sender has been stopped or has died meanwhile. */
function operation<T>(premises: Premises, host: Host, { work, mayFailAfter }: Operation<T>): Promise<T> {
  const { schedule, faults, lease } = premises;
  const { random } = schedule;
  const delay = (): number => (random.chance(faults.slow) ? lease.leaseMs * (1 + random.next()) : random.next() * OPERATION_MS);
  const sender = random.chance(0.5) ? host : undefined;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  schedule.after(delay(), sender, () => {
    giveUpTheSilent(premises.hosts, lease, atStore(premises));
    if (random.chance(faults.before))
      return void schedule.after(delay(), host, () => reject(unavailable("could not be reached")));
    premises.writer = host;
    const fails = mayFailAfter && random.chance(faults.after);
    const back = delay();
    // A store in the process itself has the clock of that process.
    premises.storeNow = schedule.now + host.wallOffset;
    const done = work();
    premises.storeNow = undefined;
    done.then(
      (value) => schedule.after(back, host, () => (fails ? reject(unavailable("did not answer")) : resolve(value))),
      (error: unknown) => schedule.after(back, host, () => reject(error)),
    );
  });
  return promise;
}

function atStore(premises: Premises): { now: number; storeNow: number | undefined } {
  return {
    now: premises.schedule.now,
    get storeNow() {
      return premises.storeNow;
    },
    set storeNow(at) {
      premises.storeNow = at;
    },
  };
}

function unavailable(what: string): ExecutusError {
  return new ExecutusError("store_unavailable", `the store ${what}`, { retryable: true });
}

// --- ownership -------------------------------------------------------------------------------------------------------

interface Claimed {
  readonly host: Host;
  readonly run: string;
  readonly result: ClaimResult;
}

/** A process that is well keeps its runs: it is only ever given up when it was silent, and it is silent when it is ill. */
function claimed(premises: Premises, { host, run, result }: Claimed): ClaimResult {
  if (!result.ok) return result;
  const former = premises.owners.get(run)?.host;
  const { now } = premises.schedule;
  if (result.after === "crash" && former?.isAwake === true && now - former.awakeSince > premises.lease.leaseMs)
    premises.problem(`${host.name} took ${run} from ${former.name}, which was well all the time: its lease is not renewed`);
  if (former !== undefined) premises.losers.add(`${former.name} ${run}`);
  host.takes();
  premises.owners.set(run, { host, epoch: result.epoch });
  return result;
}

async function released(premises: Premises, run: string, epoch: number, release: () => Promise<void>): Promise<void> {
  await release();
  if (premises.owners.get(run)?.epoch === epoch) premises.owners.delete(run);
}

// --- hearing of changes ----------------------------------------------------------------------------------------------

interface Watch {
  readonly inner: Store;
  readonly run: string | undefined;
  readonly changed: (run: string, what?: "journal" | "inbox") => void;
}

const POLL_MS = 60;

/** Changes of this process are heard soon, those of others after a while and perhaps twice, and without what they were. */
function watch(premises: Premises, host: Host, { inner, run, changed }: Watch): () => void {
  const { schedule } = premises;
  const { random } = schedule;
  let isOver = false;
  const tell = (delay: number, name: string, what?: "journal" | "inbox"): void => {
    schedule.after(delay, host, () => {
      if (!isOver) changed(name, what);
    });
  };
  const stop = inner.journal.watch(run, (name, what) => {
    if (isOver || host.isDead) return;
    if (premises.writer === host) return tell(0, name, what);
    tell(random.next() * POLL_MS, name);
    if (random.chance(0.1)) tell(random.next() * POLL_MS, name);
  });
  return () => {
    isOver = true;
    stop();
  };
}
