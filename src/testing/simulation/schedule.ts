/** What happens next in a simulated world: one thing at a time, in an order that follows from the seed. */
import type { SeededRandom } from "../seeded-random.ts";

/** A process, as far as the schedule has to know it. */
export interface Scheduled {
  readonly isDead: boolean;
  /** It is stopped until then, virtual ms; what it was about to do happens after that. */
  readonly pausedUntil: number;
}

interface Task {
  readonly at: number;
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
    if (next === undefined || dueAt(next) > until) return false;
    this.#tasks.splice(this.#tasks.indexOf(next), 1);
    this.now = Math.max(this.now, dueAt(next));
    this.taken++;
    next.run();
    return true;
  }

  #next(): Task | undefined {
    let next: Task | undefined;
    let hasDead = false;
    for (const task of this.#tasks) {
      if (task.host?.isDead === true) hasDead = true;
      else if (next === undefined || isBefore(task, next)) next = task;
    }
    if (hasDead) this.#tasks = this.#tasks.filter(({ host }) => host?.isDead !== true);
    return next;
  }
}

function dueAt({ at, host }: Task): number {
  return Math.max(at, host?.pausedUntil ?? 0);
}

function isBefore(one: Task, other: Task): boolean {
  return dueAt(one) - dueAt(other) < 0 || (dueAt(one) === dueAt(other) && one.order < other.order);
}
