/**
 * The engine in this process: goes on with runs that waited.
 *
 * W1 A waiting run is a row: no timer and no memory per run. One timer stands for the run that is due next.
 * W2 Every wake is a hint; what a run wants is read from the store, and a run that wants nothing is left alone.
 * W3 A run that fails to go on is tried again later and keeps no other from going on.
 */
import { warn } from "./observers.ts";
import { isExecutusError } from "../kernel/errors.ts";
import { launch, toRunError } from "./conduct.ts";
import { asLeftWaiting } from "./status.ts";
import type { Core, Engine, TakenBy } from "./core.ts";
import type { Session } from "./session.ts";
import { takeOver } from "./takeover.ts";
import type { RecoveryReport, RunHandle } from "./types.ts";

/** Runs taken over at once; the rest follow with the next sweep. */
const BATCH = 1_000;
/** How long a run that is due and cannot be taken over is left alone. */
const RETRY_MS = 10_000;
/** How soon a store in trouble is asked again about a run that was told something. */
const STORE_RETRY_MS = 1_000;

export class Wakes implements Engine {
  readonly #core: Core;
  readonly #taking = new Map<string, Promise<RunHandle>>();
  /** Runs that are being looked at; true: look again, something came in meanwhile. */
  readonly #looking = new Map<string, boolean>();
  #isStopped = false;
  #firesAt = Infinity;
  #cancel: (() => void) | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  take(run: string, by: TakenBy = "somebody"): Promise<RunHandle> {
    return this.#take(run, by);
  }

  wake(run: string): void {
    const session = this.#core.live.get(run)?.session;
    if (session !== undefined) {
      session.inboxChanged = true;
      return session.nudge();
    }
    if (!this.#isActive) return;
    const isLooking = this.#looking.has(run);
    this.#looking.set(run, isLooking);
    if (!isLooking) void this.#look(run);
  }

  /** Input that came in while the run was being let go, and the time at which it goes on by itself. */
  async parked(session: Session): Promise<void> {
    const { run, inboxPosition, ports } = session;
    const dueAt = asLeftWaiting(session.state).deadline?.at;
    if (dueAt !== undefined) this.#setTimer(dueAt);
    try {
      if ((await ports.store.inbox.pending(run, inboxPosition)).length > 0) this.wake(run);
    } catch (error) {
      session.warn(`could not see whether it was told something: ${toRunError(error).message}`);
    }
  }

  async recover(): Promise<RecoveryReport> {
    const resumed: RunHandle[] = [];
    const skipped: { run: string; reason: string }[] = [];
    const { store, clock, live } = this.#core;
    const now = clock.now();
    for (const run of await store.owners.orphans(BATCH, now)) {
      if (live.has(run)) continue;
      try {
        resumed.push(await this.take(run, "sweep"));
      } catch (error) {
        skipped.push({ run, reason: toRunError(error).message });
      }
    }
    const { nextAt } = await store.owners.due(now, 0);
    if (nextAt !== undefined) this.#setTimer(nextAt);
    this.#core.deliverer.kick();
    this.#core.queue.kick();
    return { resumed, skipped };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    await Promise.allSettled(this.#taking.values());
  }

  get #isActive(): boolean {
    return !this.#isStopped && this.#core.config.wakes !== false;
  }

  #take(run: string, by: TakenBy): Promise<RunHandle> {
    const { live, leaving } = this.#core;
    const known = live.get(run)?.handle;
    if (known !== undefined) return Promise.resolve(known);
    const underWay = this.#taking.get(run);
    if (underWay !== undefined) return underWay;
    const taken = (async () => {
      await leaving.get(run);
      try {
        return launch(this.#core, await takeOver(this.#core, run, by));
      } catch (error) {
        if (by !== "lane" && isExecutusError(error) && error.code === "lane_full") this.#core.queue.postpone(run);
        throw this.#core.ports.redaction?.error(error) ?? error;
      } finally {
        this.#taking.delete(run);
      }
    })();
    this.#taking.set(run, taken);
    return taken;
  }

  async #look(run: string): Promise<void> {
    while (this.#looking.has(run)) {
      this.#looking.set(run, false);
      try {
        await this.#goOnIfTold(run);
      } catch (error) {
        this.#warn(run, `it was told something, but cannot go on here: ${toRunError(error).message}`);
        this.#lookAgain(run, error);
      }
      if (this.#looking.get(run) !== true) this.#looking.delete(run);
    }
  }

  /** What kept it from going on was the store, which may be back soon; nobody else may be there to sweep. */
  #lookAgain(run: string, error: unknown): void {
    if (!isExecutusError(error) || error.code !== "store_unavailable") return;
    this.#core.clock.after(STORE_RETRY_MS, () => this.wake(run), { background: true });
  }

  async #goOnIfTold(run: string): Promise<void> {
    const { store, leaving } = this.#core;
    await leaving.get(run);
    const row = await store.runs.get(run);
    if ((row?.status !== "waiting" && row?.status !== "queued") || row.owner !== undefined) return;
    const told = await store.inbox.pending(run);
    // A queued run is ended before its turn; anything else waits with it.
    const matters = row.status === "waiting" || told.some(({ kind }) => kind === "cancel" || kind === "kill");
    if (told.length > 0 && matters && this.#isActive) await this.#take(run, "itself");
  }

  #setTimer(at: number): void {
    if (!this.#isActive || at >= this.#firesAt) return;
    const { clock } = this.#core;
    this.#cancel?.();
    this.#firesAt = at;
    // In the background: a process may end while runs wait, and the next one finds them in the store.
    this.#cancel = clock.after(Math.max(0, Math.ceil(at - clock.now())), () => void this.#fire(), { background: true });
  }

  async #fire(): Promise<void> {
    this.#firesAt = Infinity;
    const { store, clock } = this.#core;
    const now = clock.now();
    let retry = true;
    try {
      const { runs, nextAt } = await store.owners.due(now, BATCH);
      if (nextAt !== undefined) this.#setTimer(nextAt);
      retry = await this.#takeAll(runs);
    } catch {
      // A store that cannot be read now may be read later.
    }
    if (retry) this.#setTimer(now + RETRY_MS);
  }

  /** True when some are left. */
  async #takeAll(runs: readonly string[]): Promise<boolean> {
    let isSomeLeft = runs.length === BATCH;
    for (const run of runs) {
      if (!this.#isActive) return false;
      try {
        await this.#take(run, "itself");
      } catch (error) {
        isSomeLeft = true;
        this.#warn(run, `it is due, but cannot go on here: ${toRunError(error).message}`);
      }
    }
    return isSomeLeft;
  }

  #warn(run: string, message: string): void {
    warn(this.#core.ports, run, message);
  }
}
