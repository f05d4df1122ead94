/**
 * Lets queued runs begin, in their turn.
 *
 * Q1 The queue is in the store. Whoever has room takes the first of each lane; the claim counts, so that no two processes take more
 *    than a lane allows, and nothing here can be out of step with what runs.
 * Q2 Between lanes that share a bound: higher priority first, then the lane of which the fewest run, then the older run. One of each
 *    lane goes at a time.
 * Q3 A run that cannot begin here (no code, damaged) is passed over for a while and keeps no other from its turn.
 */
import { isExecutusError } from "../kernel/errors.ts";
import type { LaneHead } from "../ports/lanes.ts";
import type { Core, Definition, QueuedRuns } from "./core.ts";
import { toRunError } from "./conduct.ts";
import { currentPlace } from "./lane-rules.ts";
import { warn } from "./observers.ts";
import type { RunHandle } from "./types.ts";

/** Lanes looked at in one go. */
const LANES_AT_ONCE = 1_000;
/** While runs are queued: how soon to look whether another process has made room. */
const LOOK_MS = 1_000;
/** How long a run that cannot begin here is passed over. */
const SKIP_MS = 30_000;

interface Queued {
  readonly definition: Definition;
  readonly resolve: (handle: RunHandle | undefined) => void;
  /** Settled once whoever waits for the run has been told. */
  readonly told: Promise<unknown>;
}

export class LaneQueue implements QueuedRuns {
  readonly #core: Core;
  /** Runs that were queued by this process: their code may be nowhere else. */
  readonly #own = new Map<string, Queued>();
  readonly #skipped = new Map<string, number>();
  /** Runs that have begun, and for which their lane had no room when they were to go on. */
  readonly #begun = new Set<string>();
  #looking: Promise<void> = Promise.resolve();
  #isWanted = false;
  #isStopped = false;
  #cancelTimer: (() => void) | undefined;
  #unwatch: (() => void) | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  add<T>(run: string, definition: Definition, then: (handle: RunHandle | undefined) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<RunHandle | undefined>();
    const told = promise.then(then);
    if (this.#isStopped) resolve(undefined);
    else this.#own.set(run, { definition, resolve, told });
    this.#unwatch ??= this.#core.store.journal.watch(undefined, (changed) => {
      if (this.#own.has(changed)) void this.#checkOwn(changed);
    });
    this.kick();
    return told;
  }

  definitionOf(run: string): Definition | undefined {
    return this.#own.get(run)?.definition;
  }

  postpone(run: string): void {
    this.#begun.add(run);
    this.kick();
  }

  /** There may be room, or something to take. */
  kick(): void {
    if (this.#isStopped || this.#isWanted || this.#core.config.wakes === false) return;
    this.#isWanted = true;
    this.#looking = this.#looking.then(() => {
      this.#isWanted = false;
      return this.#look();
    });
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#unwatch?.();
    await this.#looking;
    const left = [...this.#own.values()];
    this.#own.clear();
    for (const { resolve } of left) resolve(undefined);
    await Promise.allSettled(left.map(({ told }) => told));
  }

  async #look(): Promise<void> {
    this.#cancelTimer?.();
    try {
      for (const run of this.#begun) await this.#takeBegun(run);
      let isSomeLeft = true;
      while (isSomeLeft && !this.#isStopped) {
        const heads = await this.#heads();
        isSomeLeft = heads.length > 0 && (await this.#takeSome(heads)) > 0;
        if (!isSomeLeft && heads.length > 0) this.#lookLater();
      }
      if (this.#begun.size > 0 || this.#skipped.size > 0) this.#lookLater();
    } catch {
      // A store that cannot be read now may be read later; runs under way report it themselves.
      this.#lookLater();
    }
  }

  async #heads(): Promise<readonly LaneHead[]> {
    const now = this.#core.clock.now();
    for (const [run, until] of this.#skipped) if (until <= now) this.#skipped.delete(run);
    const all: LaneHead[] = [];
    for (let after = ""; ;) {
      const page = await this.#core.store.lanes.heads({ skip: [...this.#skipped.keys()], limit: LANES_AT_ONCE, after });
      all.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < LANES_AT_ONCE) return all;
      after = last.place.key;
    }
  }

  /** One of each lane that has room; returns how many. */
  async #takeSome(heads: readonly LaneHead[]): Promise<number> {
    let taken = 0;
    for (const head of heads.filter((candidate) => this.#hasRoom(candidate)).toSorted(byTurn)) {
      if (this.#isStopped) break;
      if (await this.#take(head)) taken++;
    }
    return taken;
  }

  #hasRoom({ place, running }: LaneHead): boolean {
    return running < currentPlace(this.#core.config.lanes, place).concurrency;
  }

  /** True when the lane has moved on, so that another look is worth it. */
  async #take({ run }: LaneHead): Promise<boolean> {
    try {
      const handle = await this.#core.engine.take(run, "lane");
      this.#settle(run, handle);
      return true;
    } catch (error) {
      const code = isExecutusError(error) ? error.code : "";
      if (code === "lane_full") return false;
      if (code === "run_owned" || code === "run_finished") return true;
      this.#warn(run, `its turn has come, but it cannot begin here: ${toRunError(error).message}`);
      // A store in trouble says nothing of the run: its turn is not passed over.
      if (code === "store_unavailable") return false;
      this.#skipped.set(run, this.#core.clock.now() + SKIP_MS);
      return true;
    }
  }

  async #takeBegun(run: string): Promise<void> {
    if (this.#isStopped) return;
    try {
      if ((await this.#core.store.runs.get(run))?.status !== "queued") await this.#core.engine.take(run, "lane");
      this.#begun.delete(run);
    } catch (error) {
      // With another error it is found again by whoever looks for runs that nobody drives.
      if (!isExecutusError(error) || error.code !== "lane_full") this.#begun.delete(run);
    }
  }

  async #checkOwn(run: string): Promise<void> {
    const row = await this.#core.store.runs.get(run).catch(() => undefined);
    if (row === undefined || row.status === "queued") return;
    const live = this.#core.live.get(run)?.handle;
    this.#settle(run, live);
  }

  #settle(run: string, handle: RunHandle | undefined): void {
    this.#own.get(run)?.resolve(handle);
    this.#own.delete(run);
    if (this.#own.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    this.#cancelTimer?.();
    // Somebody who waits for a run of this process keeps the process; the queue itself does not.
    const background = this.#own.size === 0;
    this.#cancelTimer = this.#core.clock.after(LOOK_MS, () => this.kick(), { background });
  }

  #warn(run: string, message: string): void {
    warn(this.#core.ports, run, message);
  }
}

function byTurn(a: LaneHead, b: LaneHead): number {
  return b.place.priority - a.place.priority || a.running - b.running || a.position - b.position;
}
