/**
 * Which models are failing just now, over all runs of this process (S07). A model whose circuit is open is passed over as long as
 * the run has another candidate, so that a thousand runs do not each find out for themselves that a provider is down. It refuses
 * nothing: the last candidate is always called.
 */

/** Failures in a row, over all runs, that open the circuit. */
const FAILURES = 5;
/** How long an open circuit is left alone before one call tries again, ms; a provider's `retry-after` may make it longer. */
const COOLDOWN_MS = 30_000;

interface Circuit {
  failures: number;
  /** Monotonic ms. */
  openUntil: number;
  /** One call is trying whether it works again; the others still pass it over. */
  isProbing: boolean;
}

export class Circuits {
  readonly #byModel = new Map<string, Circuit>();

  /** Whether to pass this model over. The first that asks after the cooldown is let through, to try. */
  isOpen(model: string, now: number): boolean {
    const circuit = this.#byModel.get(model);
    if (circuit === undefined || circuit.failures < FAILURES) return false;
    if (now < circuit.openUntil || circuit.isProbing) return true;
    circuit.isProbing = true;
    return false;
  }

  succeeded(model: string): void {
    if (this.#byModel.size > 0) this.#byModel.delete(model);
  }

  failed(model: string, now: number, retryAfterMs = 0): void {
    const failures = (this.#byModel.get(model)?.failures ?? 0) + 1;
    this.#byModel.set(model, { failures, openUntil: now + Math.max(COOLDOWN_MS, retryAfterMs), isProbing: false });
  }

  /** A call ended without telling anything about the model: it was not wanted any more. */
  untold(model: string): void {
    const circuit = this.#byModel.get(model);
    if (circuit !== undefined) circuit.isProbing = false;
  }
}
