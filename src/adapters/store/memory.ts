/**
 * The store that forgets: everything in this process's memory, for tests and for runs nobody needs after a restart.
 *
 * It holds the events as they are; who reads gets one that is frozen at the top, and what is inside is shared, not copied.
 */
import type { EventBody } from "../../ports/events.ts";
import type {
  AppendRequest,
  AppendResult,
  ClaimResult,
  CreateRequest,
  CreateResult,
  Due,
  InboxEntry,
  RunRowChange,
  SendResult,
  Store,
} from "../../ports/store.ts";
import { createMemoryBlobs } from "../blobs/memory.ts";
import { type Data, isOwned, type MemoryRun, type Process } from "./memory-data.ts";
import { toEvent } from "./memory-events.ts";
import { list, toRow } from "./memory-index.ts";
import { isLaneFull, laneHeads } from "./memory-lanes.ts";
import { addDeliveries, openMemoryOutbox } from "./memory-outbox.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { batchEnd, checkEntryId, checkRunId } from "./requests.ts";
import { noteEnd, remove } from "./memory-retention.ts";
import { goneRun } from "./threads.ts";
import { createWatchers } from "./watchers.ts";

export interface MemoryStore extends Store {
  /** The same data as another process sees it: it owns nothing yet, and is alive beside this one. */
  peer(self: string): MemoryStore;
  /** From here on this handle's process counts as dead: its runs can be claimed, and then its appends are fenced. */
  die(): void;
  /** Its lease had run out, and it was only held up: it counts as alive again, and has what nobody took meanwhile. */
  revive(): void;
}

export interface MemoryStoreOptions {
  /** `host/pid` as others see it. Default `memory/1`. */
  readonly self?: string;
  /** Wall clock, ms. Default `Date.now`. */
  readonly now?: () => number;
  /**
   * How many runs that have ended are kept, with what is below them; the oldest go first. One stays while a later run goes on from
   * it, while something of it is to be delivered, and while somebody watches it. `Infinity`: all. Default 1,000.
   */
  readonly keepEnded?: number;
  /** Called for each run that went. */
  readonly onForgotten?: (run: string) => void;
}

/**
 * A store in memory: the same contract as the durable ones, without the durability.
 *
 * @example
 * const executor = createExecutor({ models, store: createMemoryStore() });
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { now = Date.now, keepEnded = 1_000, onForgotten = () => {} } = options;
  const data: Data = {
    runs: new Map(),
    keys: new Map(),
    followUps: new Map(),
    watchers: createWatchers(),
    outbox: new Map(),
    ledger: new MemoryLedger(),
    blobs: createMemoryBlobs({ now }),
    ended: new Map(),
    below: new Map(),
    retention: { keepEnded, onForgotten, now, forgotten: 0 },
    position: 0,
    nextKey: 1,
  };
  return openMemory(data, options.self ?? "memory/1", now);
}

function openMemory(data: Data, self: string, now: () => number): MemoryStore {
  const process: Process = { name: self, diedAt: undefined };
  return {
    journal: {
      append: async (request) => append(data, request),
      read: async (run, options = {}) => {
        const start = (options.after ?? -1) + 1;
        const written = data.runs.get(run)?.events.slice(start, start + (options.limit ?? Infinity)) ?? [];
        return written.map((event, i) => toEvent(event, start + i));
      },
      watch: (run, changed) => data.watchers.watch(run, changed),
    },
    inbox: {
      send: async (run, entry) => send(data, run, entry),
      pending: async (run, after = 0) => data.runs.get(run)?.inbox.filter((entry) => entry.position > after) ?? [],
    },
    owners: {
      self,
      claim: async (run, slot) => {
        if (slot !== undefined && isLaneFull(data.runs.values(), slot)) return { ok: false, reason: "lane" };
        return claim(data, run, process, now());
      },
      release: async (run, epoch, row) => {
        if (data.runs.get(run)?.owner === process) release(data, run, epoch, row);
      },
      orphans: async (limit, at = now()) => orphans(data, limit, at),
      due: async (at, limit) => due(data, at, limit),
    },
    runs: {
      create: async (request) => create(data, request, process),
      get: async (run) => {
        const found = data.runs.get(run);
        return found === undefined ? undefined : toRow(found);
      },
      list: async (query = {}) => list(data, query),
      remove: async (runs) => remove(data, runs),
    },
    blobs: data.blobs,
    lanes: { heads: async (query) => laneHeads(data.runs, query) },
    outbox: openMemoryOutbox(data.outbox, process),
    budgets: {
      apply: async (run, change) => data.ledger.change(run, change),
      standings: async (query) => data.ledger.standings(query),
    },
    peer: (name) => openMemory(data, name, now),
    die: () => {
      process.diedAt ??= now();
    },
    revive: () => {
      process.diedAt = undefined;
    },
    [Symbol.asyncDispose]: async () => {
      for (const run of data.runs.values()) if (run.owner === process) run.owner = undefined;
    },
  };
}

// --- writing ---------------------------------------------------------------------------------------------------------

const APPENDED: AppendResult = Object.freeze({ ok: true });
const FENCED: AppendResult = Object.freeze({ ok: false, reason: "fenced" });
const UNSEEN: AppendResult = Object.freeze({ ok: false, reason: "inbox" });

function append(data: Data, request: AppendRequest): AppendResult {
  const run = data.runs.get(request.run);
  if (run === undefined || run.finished || run.epoch !== request.epoch || run.events.length !== request.seq) return FENCED;
  const { consumed = [], sealAfterInbox } = request;
  if (sealAfterInbox !== undefined) {
    if (run.inbox.some((entry) => entry.position > sealAfterInbox && !consumed.includes(entry.id))) return UNSEEN;
  }
  const refusal = data.ledger.change(request.run, request.ledger);
  if (refusal !== undefined) return { ok: false, reason: "budget", refusal };
  write(run, request.events, request);
  for (const id of consumed) consume(run, id);
  if (request.row !== undefined) change(run, request.row);
  end(run, request.events);
  bringAbout(data, run, request);
  data.watchers.touch(request.run, "journal");
  if (run.finished) noteEnd(data, run);
  return APPENDED;
}

function consume(run: MemoryRun, id: string): void {
  const index = run.inbox.findIndex((entry) => entry.id === id);
  if (index >= 0) run.inbox.splice(index, 1);
}

function write(run: MemoryRun, events: readonly EventBody[], header: { readonly at: number; readonly activeMs: number }): void {
  const { at, activeMs } = header;
  const shared = { epoch: run.epoch, at, activeMs };
  for (const body of events) run.events.push({ body, header: shared });
  run.at = at;
  run.activeMs = activeMs;
}

function change(run: MemoryRun, row: RunRowChange): void {
  if (row.status !== undefined) run.status = row.status;
  if (row.step !== undefined) run.step = row.step;
  if (row.tokens !== undefined) run.tokens = row.tokens;
  if (row.costUsd !== undefined) run.costUsd = row.costUsd;
  if (row.waitingFor !== undefined) run.waitingFor = row.waitingFor ?? undefined;
  if (row.dueAt !== undefined) run.dueAt = row.dueAt ?? undefined;
}

/** What an append does beside its own run. */
function bringAbout(data: Data, own: MemoryRun, { run, outbox, wakes, dequeued, at }: AppendRequest): void {
  if (dequeued === true) own.queued = false;
  if (outbox !== undefined) addDeliveries(data.outbox, run, outbox, at);
  if (wakes !== undefined) wake(data, wakes, at);
}

/** A run that waits is due now. */
function wake(data: Data, name: string, at: number): void {
  const run = data.runs.get(name);
  if (run === undefined || run.finished || run.waitingFor === undefined) return;
  run.dueAt = run.dueAt === undefined ? at : Math.min(run.dueAt, at);
}

function end(run: MemoryRun, events: readonly EventBody[]): void {
  const { settles, finishes, status } = batchEnd(events);
  if (settles) run.sealed = true;
  if (!finishes) return;
  run.finished = true;
  run.owner = undefined;
  run.status = status ?? run.status;
}

function send(data: Data, name: string, entry: InboxEntry): SendResult {
  checkEntryId(entry.id, name);
  const run = data.runs.get(name);
  if (run === undefined) return "run_unknown";
  if (run.entries.has(entry.id)) return "duplicate";
  if (run.sealed) return "run_finished";
  run.entries.add(entry.id);
  run.inbox.push(Object.freeze({ ...entry, position: ++data.position }));
  data.watchers.touch(name, "inbox");
  return "accepted";
}

function create(data: Data, request: CreateRequest, owner: Process): CreateResult {
  checkRunId(request.run);
  const { idempotencyKey, continues } = request;
  const holder = idempotencyKey === undefined ? undefined : data.keys.get(idempotencyKey);
  if (holder !== undefined) return { created: false, run: holder };
  if (data.runs.has(request.run)) return { created: false, run: request.run };
  if (continues !== undefined && !data.runs.has(continues)) throw goneRun(continues);
  const refusal = data.ledger.change(request.run, request.ledger);
  if (refusal !== undefined) return { created: false, run: request.run, refusal };
  const run: MemoryRun = {
    created: { ...request, events: [] },
    key: data.nextKey++,
    events: [],
    inbox: [],
    entries: new Set(),
    epoch: 1,
    owner: request.lane === undefined ? owner : undefined,
    queued: request.lane !== undefined,
    at: request.at,
    activeMs: 0,
    status: "running",
    step: 0,
    tokens: 0,
    costUsd: 0,
    waitingFor: undefined,
    dueAt: undefined,
    sealed: false,
    finished: false,
    blobs: undefined,
  };
  write(run, request.events, { at: request.at, activeMs: 0 });
  change(run, request.row ?? {});
  end(run, request.events);
  data.runs.set(request.run, run);
  link(data, request);
  data.watchers.touch(request.run, "journal");
  if (run.finished) noteEnd(data, run);
  return { created: true, epoch: 1 };
}

/** What it is found by, and what it keeps from going. */
function link(data: Data, { run, idempotencyKey, continues, root }: CreateRequest): void {
  if (idempotencyKey !== undefined) data.keys.set(idempotencyKey, run);
  if (continues !== undefined) data.followUps.set(continues, (data.followUps.get(continues) ?? 0) + 1);
  if (root === undefined) return;
  const below = data.below.get(root);
  if (below === undefined) data.below.set(root, [run]);
  else below.push(run);
}

// --- ownership -------------------------------------------------------------------------------------------------------

function claim(data: Data, name: string, by: Process, now: number): ClaimResult {
  const run = data.runs.get(name);
  if (run === undefined) return { ok: false, reason: "unknown" };
  if (run.finished) return { ok: false, reason: "finished" };
  const former = run.owner;
  if (former !== undefined && former.diedAt === undefined)
    return { ok: false, reason: "owned", owner: former.name, ...(former === by ? { epoch: run.epoch } : {}) };
  const lived = former?.diedAt === undefined ? 0 : Math.min(former.diedAt, now) - run.at;
  run.epoch++;
  run.owner = by;
  // Should this one die before it writes anything, the next is charged from here, and not for the time in which nobody had the run.
  if (run.status === "running") [run.at, run.activeMs] = [Math.round(now), run.activeMs + Math.max(0, lived)];
  data.watchers.touch(name);
  return { ok: true, epoch: run.epoch, after: former === undefined ? "released" : "crash", activeMs: run.activeMs };
}

function release(data: Data, name: string, epoch: number, row: RunRowChange | undefined): void {
  const run = data.runs.get(name);
  if (run === undefined || run.finished || run.epoch !== epoch) return;
  run.owner = undefined;
  if (row !== undefined) change(run, row);
  data.watchers.touch(name);
}

function orphans(data: Data, limit: number, now: number): readonly string[] {
  const found: string[] = [];
  for (const [name, run] of data.runs) {
    if (found.length >= limit) break;
    if (!run.finished && !isOwned(run) && wantsDriver(run, now)) found.push(name);
  }
  return found;
}

function wantsDriver({ waitingFor, dueAt, inbox }: MemoryRun, now: number): boolean {
  if (waitingFor?.kind === "lane") return inbox.some(({ kind }) => kind === "cancel" || kind === "kill");
  if (waitingFor === undefined || waitingFor.kind === "tools_missing" || waitingFor.kind === "agent_missing") return true;
  return inbox.length > 0 || (dueAt !== undefined && dueAt <= now);
}

function due(data: Data, now: number, limit: number): Due {
  const ready: { readonly name: string; readonly at: number }[] = [];
  let nextAt = Infinity;
  for (const [name, run] of data.runs) {
    const { dueAt: at } = run;
    if (at === undefined || run.finished || isOwned(run)) continue;
    if (at <= now) ready.push({ name, at });
    else nextAt = Math.min(nextAt, at);
  }
  const runs = ready
    .toSorted((a, b) => a.at - b.at)
    .slice(0, limit)
    .map(({ name }) => name);
  return { runs, ...(nextAt === Infinity ? {} : { nextAt }) };
}
