/** How long to wait before a model is tried again. */

/** Longest wait that we choose ourselves; a provider's `retry-after` may be longer. */
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Exponential backoff with full jitter over the upper half, so that it neither collapses to zero nor synchronises; a
 * provider's `retry-after` is honoured exactly when it is longer.
 */
export function backoffMs(
  baseMs: number,
  attempt: number,
  failure: { readonly jitter: number; readonly retryAfterMs?: number },
): number {
  const ceiling = Math.min(baseMs * 2 ** (attempt - 1), LONGEST_BACKOFF_MS);
  const own = Math.round(ceiling * (0.5 + failure.jitter / 2));
  return Math.max(own, failure.retryAfterMs ?? 0);
}
