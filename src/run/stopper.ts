/** Stops one effect: tells its own waiter at once, and whoever asked for a signal through that signal. */
import { StopError, type StopReason } from "./stop-reason.ts";

export class Stopper {
  #controller: AbortController | undefined;
  #reason: StopReason | undefined;
  #waiter: (() => void) | undefined;

  /** Why it was stopped; undefined while it was not. The first reason stays. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Made when it is first asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined && !this.#controller.signal.aborted) this.#controller.abort(new StopError(this.#reason));
    return this.#controller.signal;
  }

  stop(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(new StopError(reason));
    this.#waiter?.();
  }

  /** One waiter at a time; called at once if it was stopped before. */
  whenStopped(waiter: (() => void) | undefined): void {
    this.#waiter = waiter;
    if (this.#reason !== undefined) waiter?.();
  }
}
