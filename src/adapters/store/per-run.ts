/**
 * Durability is decided per run (S11): a store for the runs that are to be kept, memory for the others, one `Store` in front of both.
 *
 * P1 A run lives in one place from its first event to its last; nobody else needs to know which.
 * P2 A run that was to be kept and could not be is never silently lost: it is refused, or it says so in its own journal.
 */
import { ExecutusError, isExecutusError } from "../../kernel/errors.ts";
import type { EventBody } from "../../ports/events.ts";
import type { LanePlace } from "../../ports/lanes.ts";
import type { CreateRequest, CreateResult, Due, Outbox, Store } from "../../ports/store.ts";
import { countedBy } from "./counted.ts";

/** What a store lists when nobody says how many. */
const LIST_LIMIT = 100;

/** `makeVolatile` is called once, for the first run that is not to be kept; its store says which runs it has let go. */
export function createPerRunStore(kept: Store, makeVolatile: (onForgotten: (run: string) => void) => Store): Store {
  const { here, lost, onForgotten } = createWhereabouts();
  let made: Store | undefined;
  const volatile = (): Store => (made ??= counted(makeVolatile(onForgotten), kept, (run) => !lost.has(run)));
  const of = (run: string): Store => (here.has(run) ? volatile() : kept);

  const createHere = async (request: CreateRequest, added: readonly EventBody[]): Promise<CreateResult> => {
    const { continues, ...rest } = request;
    // The run it goes on from may be a kept one: its journal names it all the same.
    const link = continues === undefined || !here.has(continues) ? {} : { continues };
    const created = await volatile().runs.create({ ...rest, ...link, events: [...request.events, ...added] });
    if (created.created) here.add(request.run);
    return created.created && added.length > 0 ? { ...created, added } : created;
  };

  return {
    ...kept,
    journal: {
      append: (request) => of(request.run).journal.append(request),
      read: (run, options) => of(run).journal.read(run, options),
      watch: (run, changed) => {
        if (run !== undefined) return of(run).journal.watch(run, changed);
        const stops = [kept, volatile()].map((store) => store.journal.watch(undefined, changed));
        return () => stops.forEach((stop) => stop());
      },
    },
    inbox: {
      send: (run, entry) => of(run).inbox.send(run, entry),
      pending: (run, after) => of(run).inbox.pending(run, after),
    },
    owners: {
      ...kept.owners,
      claim: (run, slot) => of(run).owners.claim(run, slot),
      release: (run, epoch, row) => of(run).owners.release(run, epoch, row),
      orphans: (limit, now) => both(kept, made, (store) => store.owners.orphans(limit, now)),
      due: (now, limit) => bothDue(made === undefined ? [kept] : [kept, made], now, limit),
    },
    runs: {
      create: async (request) => {
        // A child lives where its parent does: they tell each other things, and end together.
        if (request.durability === "none" || (request.parent !== undefined && here.has(request.parent))) {
          if (request.lane !== undefined) throw noLane(request.run, request.lane);
          const known = await kept.runs.get(request.run);
          return known === undefined ? createHere(request, []) : { created: false, run: known.run };
        }
        try {
          return await kept.runs.create(request);
        } catch (error) {
          if (request.durability !== "best-effort" || request.lane !== undefined || !isExecutusError(error)) throw error;
          lost.add(request.run);
          return createHere(request, [{ type: "durability.lost", reason: error.message }]);
        }
      },
      get: (run) => of(run).runs.get(run),
      list: async (query) => (await both(kept, made, (store) => store.runs.list(query))).slice(0, query?.limit ?? LIST_LIMIT),
      remove: (runs) => removeFrom(kept, made, { runs, here }),
    },
    outbox: bothOutboxes(kept.outbox, () => made?.outbox),
  };
}

/** Runs that are in memory, and those among them that were to be kept. */
function createWhereabouts(): {
  readonly here: Set<string>;
  readonly lost: Set<string>;
  readonly onForgotten: (run: string) => void;
} {
  const [here, lost] = [new Set<string>(), new Set<string>()];
  const onForgotten = (run: string): void => {
    here.delete(run);
    lost.delete(run);
  };
  return { here, lost, onForgotten };
}

/** How many of a lane are driven is counted where its other runs are, which a run in memory is not. */
function noLane(run: string, lane: LanePlace): ExecutusError {
  const message = `run ${run} cannot wait in the lane ${lane.key}: it is not kept (durability none), and lanes are counted in the store`;
  return new ExecutusError("request_invalid", message, { run, hint: "Start it without a lane, or keep it." });
}

/** A delivery lives where its run does, and goes with it. */
function bothOutboxes(kept: Outbox, made: () => Outbox | undefined): Outbox {
  const of = async (id: string): Promise<Outbox> => {
    const volatile = made();
    const found = await volatile?.list({ prefix: id });
    return volatile !== undefined && found?.some((row) => row.id === id) === true ? volatile : kept;
  };
  return {
    claim: async (request) => {
      const first = (await made()?.claim(request)) ?? [];
      if (first.length >= request.limit) return first;
      return [...first, ...(await kept.claim({ ...request, limit: request.limit - first.length }))];
    },
    record: async (id, attempt, change) => (await of(id)).record(id, attempt, change),
    requeue: async (id, at) => (await of(id)).requeue(id, at),
    nextDue: async (kinds) => {
      const due = [await made()?.nextDue(kinds), await kept.nextDue(kinds)].filter((at) => at !== undefined);
      return due.length === 0 ? undefined : Math.min(...due);
    },
    list: async (query) =>
      [...((await made()?.list(query)) ?? []), ...(await kept.list(query))].slice(0, query?.limit ?? LIST_LIMIT),
  };
}

interface Removal {
  readonly runs: readonly string[];
  readonly here: ReadonlySet<string>;
}

async function removeFrom(kept: Store, volatile: Store | undefined, { runs, here }: Removal): Promise<number> {
  const gone = volatile === undefined ? 0 : await volatile.runs.remove(runs.filter((run) => here.has(run)));
  return gone + (await kept.runs.remove(runs.filter((run) => !here.has(run))));
}

/** Except where the store could not be reached: nor can its ledger be then. */
function counted(store: Store, { budgets }: Store, isCounted: (run: string) => boolean): Store {
  return budgets === undefined ? store : countedBy(store, budgets, isCounted);
}

async function bothDue(stores: readonly Store[], now: number, limit: number): Promise<Due> {
  const found = await Promise.all(stores.map((store) => store.owners.due(now, limit)));
  const later = found.flatMap(({ nextAt }) => (nextAt === undefined ? [] : [nextAt]));
  const runs = found.flatMap((due) => due.runs).slice(0, limit);
  return later.length === 0 ? { runs } : { runs, nextAt: Math.min(...later) };
}

async function both<T>(
  kept: Store,
  volatile: Store | undefined,
  ask: (store: Store) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const found = await ask(kept);
  return volatile === undefined ? found : [...(await ask(volatile)), ...found];
}
