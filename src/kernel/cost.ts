/** What a call cost. */
import type { ModelPrice, TokenUsage } from "../ports/models.ts";

const PER = 1_000_000;

/**
 * US dollars of one call; undefined when the provider did not report both sides of the usage. Cached tokens are part of the
 * input, so they are taken out of it before they are priced on their own; reasoning tokens are output.
 */
export function costUsd(usage: TokenUsage, price: ModelPrice): number | undefined {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const fresh = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens);
  const cached = cacheReadTokens * (price.cacheRead ?? price.input) + cacheWriteTokens * (price.cacheWrite ?? price.input);
  return (fresh * price.input + cached + outputTokens * price.output) / PER;
}
