/** Work of a user's code: it is waited for in real time, while virtual time stands still. */

/** Turns of the event loop after which work that has not come back is taken to wait for virtual time: a signal, a clock. */
const PATIENCE = 50;

export class Outside {
  readonly #underWay = new Set<object>();

  async do<T>(work: () => Promise<T> | T): Promise<T> {
    const token = {};
    this.#underWay.add(token);
    try {
      return await work();
    } finally {
      this.#underWay.delete(token);
    }
  }

  /** Resolves when nothing happens any more without virtual time. */
  async drained(): Promise<void> {
    await turn();
    for (let turns = 0; this.#underWay.size > 0 && turns < PATIENCE; turns++) await turn();
    this.#underWay.clear();
  }
}

/** All promises that can go on have gone on after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
