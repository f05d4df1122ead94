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
  const rates = price.above !== undefined && inputTokens > price.above.inputTokens ? price.above : price;
  const fresh = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens);
  const cached = cacheReadTokens * (rates.cacheRead ?? rates.input) + cacheWriteTokens * (rates.cacheWrite ?? rates.input);
  return (fresh * rates.input + cached + outputTokens * rates.output) / PER;
}
