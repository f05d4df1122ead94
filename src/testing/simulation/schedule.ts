/** What happens next in a simulated world: one thing at a time, in an order that follows from the seed. */
import type { SeededRandom } from "../seeded-random.ts";

/** A process, as far as the schedule has to know it. */
export interface Scheduled {
  readonly isDead: boolean;
  /** It is stopped until then, virtual ms; what it was about to do happens after that. */
  readonly pausedUntil: number;
}

interface Task {
  at: number;
  readonly order: number;
  readonly host: Scheduled | undefined;
  readonly run: () => void;
}

export class Schedule {
  readonly random: SeededRandom;
  /** Virtual ms since the beginning. */
  now = 0;
  /** Things that have happened. */
  taken = 0;
  #tasks: Task[] = [];

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** `host` does it: never when it has died, and later when it is stopped. Without one it happens in any case. */
  after(ms: number, host: Scheduled | undefined, run: () => void): () => void {
    const task: Task = { at: this.now + Math.max(0, ms), order: this.random.next(), host, run };
    this.#tasks.push(task);
    return () => {
      const index = this.#tasks.indexOf(task);
      if (index >= 0) this.#tasks.splice(index, 1);
    };
  }

  /** Lets the next thing happen; false when nothing is left before `until`. */
  step(until: number): boolean {
    const next = this.#next();
    if (next === undefined || next.at > until) return false;
    this.#tasks.splice(this.#tasks.indexOf(next), 1);
    this.now = Math.max(this.now, next.at);
    this.taken++;
    next.run();
    return true;
  }

  #next(): Task | undefined {
    let next: Task | undefined;
    let hasDead = false;
    for (const task of this.#tasks) {
      const { host } = task;
      if (host?.isDead === true) {
        hasDead = true;
        continue;
      }
      if (host !== undefined && host.pausedUntil > task.at) task.at = host.pausedUntil;
      if (next === undefined || task.at < next.at || (task.at === next.at && task.order < next.order)) next = task;
    }
    if (hasDead) this.#tasks = this.#tasks.filter(({ host }) => host?.isDead !== true);
    return next;
  }
}
