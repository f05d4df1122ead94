/** A process of a simulated world: it can be stopped for a while, die, and have its clock set. */
import type { MemoryStore } from "../../adapters/store/memory.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Schedule, Scheduled } from "./schedule.ts";

/** Virtual time begins here, ms since the epoch. */
export const BEGINNING: number = Date.UTC(2026, 0, 1);

export interface Lease {
  /** A process that was silent for so long counts as dead. */
  readonly leaseMs: number;
  /** How often it says that it lives; 0: never, which is a fault that the simulation must find. */
  readonly heartbeatMs: number;
}

export class Host implements Scheduled {
  /** `worker/incarnation`. */
  readonly name: string;
  readonly clock: Clock;
  /** Its own handle of the store that all share. */
  readonly store: MemoryStore;
  isDead = false;
  pausedUntil = 0;
  /** What its wall clock is wrong by, ms. */
  wallOffset = 0;
  /** Since when it has run without a break. */
  awakeSince: number;
  heardAt: number;
  /** The same on its own wall clock, by the earliest time that it showed. */
  heardWall: number;
  /** Others think that it is dead. */
  isGivenUp = false;
  readonly #schedule: Schedule;
  readonly #bootedAt: number;
  #offsetHeard = 0;
  #lowestOffset = 0;

  constructor(name: string, schedule: Schedule, store: MemoryStore) {
    this.name = name;
    this.store = store;
    this.#schedule = schedule;
    this.#bootedAt = schedule.now;
    this.awakeSince = schedule.now;
    this.heardAt = schedule.now;
    this.heardWall = schedule.now;
    this.clock = {
      now: () => Math.floor(BEGINNING + schedule.now + this.wallOffset),
      monotonic: () => schedule.now - this.#bootedAt,
      after: (ms, fire) => schedule.after(ms, this, fire),
      random: () => schedule.random.next(),
      yield: () => new Promise((resolve) => schedule.after(0, this, resolve)),
    };
  }

  get isAwake(): boolean {
    return !this.isDead && this.pausedUntil <= this.#schedule.now;
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#schedule.now + ms);
    this.awakeSince = this.pausedUntil;
  }

  /** It takes a run: a store hears from it then, if its clock was set since it last heard. */
  takes(): void {
    if (this.wallOffset !== this.#offsetHeard) this.beat();
  }

  wake(): void {
    if (this.isAwake) return;
    this.pausedUntil = this.#schedule.now;
    this.awakeSince = this.#schedule.now;
  }

  beat(): void {
    this.heardAt = this.#schedule.now;
    this.#offsetHeard = this.wallOffset;
    this.#lowestOffset = Math.min(this.#lowestOffset, this.wallOffset);
    this.heardWall = this.heardAt + this.#lowestOffset;
    if (!this.isGivenUp) return;
    this.isGivenUp = false;
    this.store.revive();
  }
}

/** Whoever has been silent for longer than a lease counts as dead from here on, as of its last sign of life. */
export function giveUpTheSilent(
  hosts: readonly Host[],
  { leaseMs }: Lease,
  at: { now: number; storeNow: number | undefined },
): void {
  for (const host of hosts) {
    if (host.isGivenUp || at.now - host.heardAt <= leaseMs) continue;
    host.isGivenUp = true;
    const { storeNow } = at;
    at.storeNow = host.heardWall;
    host.store.die();
    at.storeNow = storeNow;
  }
}
