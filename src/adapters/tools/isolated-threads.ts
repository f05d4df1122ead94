/** The threads of one isolated tool in this process: a bounded number, each used again, and ended when it has been idle. */
import type { ToolContext } from "../../ports/tools.ts";
import type { Work } from "./isolated-messages.ts";
import { IsolatedThread, type ThreadOptions } from "./isolated-thread.ts";

/** A thread keeps about 25 MB, and starting one with its module takes 0.15 s. */
const IDLE_MS = 5_000;

/** What calls leave behind in a thread does not gather for ever. */
const CALLS_PER_THREAD = 100;

export interface PoolOptions extends ThreadOptions {
  readonly threads: number;
  /** Default 5,000. */
  readonly idleMs?: number;
  /** Default 100. */
  readonly callsPerThread?: number;
}

interface Waiter {
  readonly resolve: (thread: IsolatedThread) => void;
  readonly reject: (error: unknown) => void;
}

export class ThreadPool {
  readonly #options: PoolOptions;
  /** Those that were ended too, until the system has them back: they may be stuck in it. */
  readonly #threads = new Set<IsolatedThread>();
  readonly #idle = new Map<IsolatedThread, NodeJS.Timeout>();
  readonly #waiting: Waiter[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async call(work: Work, given: readonly unknown[], context: ToolContext): Promise<unknown> {
    context.signal.throwIfAborted();
    const thread = await this.#take(context.signal);
    try {
      return await thread.call({ work, given, context });
    } finally {
      this.#giveBack(thread);
    }
  }

  /** Nobody is expected to call soon. */
  endIdle(): void {
    for (const [thread, timer] of this.#idle) {
      clearTimeout(timer);
      this.#endIdle(thread);
    }
  }

  #take(signal: AbortSignal): Promise<IsolatedThread> | IsolatedThread {
    const [idle] = this.#idle.keys();
    if (idle !== undefined) {
      clearTimeout(this.#idle.get(idle));
      this.#idle.delete(idle);
      return idle;
    }
    if (this.#threads.size < this.#options.threads) return this.#start();
    const { promise, resolve, reject } = Promise.withResolvers<IsolatedThread>();
    const waiter: Waiter = { resolve, reject };
    this.#waiting.push(waiter);
    const leave = (): void => {
      const at = this.#waiting.indexOf(waiter);
      if (at >= 0) this.#waiting.splice(at, 1);
      reject(new Error(this.#noneFree(), { cause: signal.reason }));
    };
    signal.addEventListener("abort", leave, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", leave));
  }

  #noneFree(): string {
    const { name, threads } = this.#options;
    return `${name} was stopped before it began: all of its ${threads} threads were busy`;
  }

  #giveBack(thread: IsolatedThread): void {
    const { callsPerThread = CALLS_PER_THREAD, idleMs = IDLE_MS } = this.#options;
    if (!thread.isReusable || thread.calls >= callsPerThread) return thread.end();
    const next = this.#waiting.shift();
    if (next !== undefined) return next.resolve(thread);
    this.#idle.set(thread, setTimeout(() => this.#endIdle(thread), idleMs).unref());
  }

  #endIdle(thread: IsolatedThread): void {
    this.#idle.delete(thread);
    thread.end();
  }

  #start(): IsolatedThread {
    const thread = new IsolatedThread(this.#options);
    this.#threads.add(thread);
    void thread.gone.then(() => this.#forget(thread));
    return thread;
  }

  #forget(thread: IsolatedThread): void {
    this.#threads.delete(thread);
    clearTimeout(this.#idle.get(thread));
    this.#idle.delete(thread);
    const next = this.#waiting.shift();
    if (next === undefined) return;
    try {
      next.resolve(this.#start());
    } catch (error) {
      next.reject(error);
    }
  }
}
