/**
 * Works off the outbox: claim what is due, send it, write down how it went.
 *
 * L1 What is to be sent is in the store. Losing this process loses nothing: the next one sends what is due, under the same id.
 * L2 At least once: an attempt whose end nobody heard of is made again.
 * L3 Bounded and apart: so many at a time, each for so long, and none of them touches a run or another delivery.
 * L4 One timer stands for the delivery that falls due next, in the background: a process may end while some are pending.
 */
import { isExecutusError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery, DeliveryAdapter, DeliveryMessage, DeliveryReport } from "../ports/delivery.ts";
import type { ClaimedDelivery, DeliveryChange, Outbox } from "../ports/store.ts";
import { delayMs, isTriedTooOften } from "./delivery-schedule.ts";
import type { DeliveryConfig, DeliveryTally } from "./types.ts";

export interface DelivererOptions extends DeliveryConfig {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly warn: (run: string, message: string) => void;
  /** What adapters say, without secrets. */
  readonly clean: <T>(said: T) => T;
}

const CONCURRENCY = 8;
const TIMEOUT_MS = 20_000;
/** Kept on top of the timeout before others may take a delivery for abandoned. */
const LEASE_MARGIN_MS = 60_000;
/** When the store cannot be read or written, or another process is sending to the same place. */
const RETRY_MS = 1_000;

interface Sending {
  readonly stop: () => void;
  readonly ended: Promise<void>;
}

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #adapters: ReadonlyMap<string, DeliveryAdapter>;
  readonly #kinds: readonly string[];
  readonly #sending = new Map<string, Sending>();
  /** Looks happen one after the other. */
  #looking: Promise<unknown> = Promise.resolve();
  #wanted = false;
  #isStopped = false;
  #firesAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #tally: { delivered: string[]; failed: string[] } | undefined;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#adapters = new Map(options.adapters.map((adapter) => [adapter.kind, adapter]));
    this.#kinds = [...this.#adapters.keys()];
  }

  /** Something may be due. */
  kick(): void {
    if (this.#isStopped || this.#wanted || this.#kinds.length === 0) return;
    this.#wanted = true;
    this.#looking = this.#looking.then(() => {
      this.#wanted = false;
      return this.#look();
    });
  }

  /** Resolves once everything that is due now has been tried. */
  async deliver(): Promise<DeliveryTally> {
    const tally = (this.#tally ??= { delivered: [], failed: [] });
    for (;;) {
      this.kick();
      const looked = this.#looking;
      await looked;
      // What ends asks for another look, which may find more.
      if (this.#sending.size === 0 && looked === this.#looking) break;
      await Promise.all([...this.#sending.values()].map(({ ended }) => ended));
    }
    if (this.#tally === tally) this.#tally = undefined;
    return tally;
  }

  /** What is being sent may come to its end for `graceMs`; the rest is left for the next process. */
  async stop(graceMs: number): Promise<void> {
    this.#cancelTimer?.();
    await this.#looking;
    this.#isStopped = true;
    await this.#looking;
    const sending = [...this.#sending.values()];
    if (sending.length === 0) return;
    const cancel = this.#options.clock.after(graceMs, () => {
      for (const { stop } of sending) stop();
    });
    await Promise.all(sending.map(({ ended }) => ended));
    cancel();
  }

  async #look(): Promise<void> {
    const { outbox, clock, concurrency = CONCURRENCY, timeoutMs = TIMEOUT_MS } = this.#options;
    const free = concurrency - this.#sending.size;
    if (this.#isStopped || free <= 0) return;
    const at = clock.now();
    try {
      const until = at + timeoutMs + LEASE_MARGIN_MS;
      const claimed = await outbox.claim({ kinds: this.#kinds, at, until, limit: free });
      for (const row of claimed) this.#start(row, until);
      const next = await outbox.nextDue(this.#kinds);
      if (next !== undefined) this.#setTimer(Math.max(next, at + RETRY_MS));
    } catch {
      // A store that cannot be read now may be read later; runs under way report it themselves.
      this.#setTimer(at + RETRY_MS);
    }
  }

  #setTimer(at: number): void {
    if (this.#isStopped || at >= this.#firesAt) return;
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#firesAt = at;
    const fire = (): void => {
      this.#firesAt = Infinity;
      this.kick();
    };
    this.#cancelTimer = clock.after(Math.max(0, Math.ceil(at - clock.now())), fire, { background: true });
  }

  #start(row: ClaimedDelivery, until: number): void {
    const controller = new AbortController();
    const send = async (): Promise<void> => {
      await this.#send(row, controller, until);
      this.#sending.delete(row.id);
      this.kick();
    };
    const ended = send();
    this.#sending.set(row.id, { stop: () => controller.abort(STOPPED), ended });
  }

  async #send(row: ClaimedDelivery, controller: AbortController, until: number): Promise<void> {
    const { clock, timeoutMs = TIMEOUT_MS } = this.#options;
    const timeout = (): void => controller.abort(new Error(`it took longer than ${Math.round(timeoutMs / 1_000)} s`));
    const cancel = clock.after(timeoutMs, timeout, { background: true });
    const report = row.targetGone ? CLOSED : await this.#attempt(row, controller.signal);
    cancel();
    await this.#record(row, this.#toChange(row, this.#options.clean(report), controller.signal), until);
  }

  async #attempt(row: ClaimedDelivery, signal: AbortSignal): Promise<DeliveryReport> {
    const adapter = this.#adapters.get(row.target.kind);
    if (adapter === undefined) return { outcome: "failed", error: `there is no adapter for ${row.target.kind}` };
    if (isTriedTooOften(row.attempts, this.#options.scheduleMs)) return HOPELESS;
    const { id, run, target, body, attempts } = row;
    try {
      const message = JSON.parse(body) as DeliveryMessage;
      const delivery: Delivery = { id, run, target, message, body, attempt: attempts };
      return await Promise.race([adapter.deliver(delivery, signal), rejectedBy(signal)]);
    } catch (error) {
      return { outcome: "failed", error: error instanceof Error ? error.message : String(error) };
    }
  }

  #toChange(row: ClaimedDelivery, report: DeliveryReport, signal: AbortSignal): DeliveryChange {
    const { clock, scheduleMs } = this.#options;
    const at = clock.now();
    if (report.outcome === "delivered") {
      return { at, status: "delivered", ...(report.receipt === undefined ? {} : { receipt: report.receipt }) };
    }
    const { error, permanent, gone, retryAfterMs = 0 } = report;
    // Nobody's failure: the next process goes on at once.
    if (signal.aborted && signal.reason === STOPPED) return { at, status: "pending", dueAt: at, failures: row.failures };
    const failures = row.failures + 1;
    const delay = permanent === true || gone === true ? undefined : delayMs(failures, clock.random(), scheduleMs);
    if (delay === undefined) return { at, status: "dead", error, ...(gone === true ? { gone } : {}) };
    return { at, status: "pending", dueAt: at + Math.max(delay, retryAfterMs), failures, error };
  }

  /** Tried again while the store is unavailable: a delivery that arrived and is not written down would be sent again. */
  async #record(row: ClaimedDelivery, change: DeliveryChange, until: number): Promise<void> {
    const { outbox, clock } = this.#options;
    for (;;) {
      try {
        if (await outbox.record(row.id, row.attempts, change)) this.#tell(row, change);
        return;
      } catch (error) {
        if (!isExecutusError(error) || !error.retryable || this.#isStopped || clock.now() > until) return;
      }
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
    }
  }

  #tell({ id, run, target }: ClaimedDelivery, change: DeliveryChange): void {
    if (change.status === "delivered") return void this.#tally?.delivered.push(id);
    if (change.error === undefined) return;
    this.#tally?.failed.push(id);
    const next = change.status === "dead" ? "given up" : `next try in ${Math.ceil((change.dueAt - change.at) / 1_000)} s`;
    this.#options.warn(run, `delivery ${id} (${target.kind}) failed: ${change.error}; ${next}`);
  }
}

const STOPPED = new Error("this process is shutting down");

const CLOSED: DeliveryReport = {
  outcome: "failed",
  gone: true,
  error: "the target has said that it is closed for good; a redelivery that arrives opens it again",
};

const HOPELESS: DeliveryReport = {
  outcome: "failed",
  permanent: true,
  error: "too many attempts ended with the process that made them",
};

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
