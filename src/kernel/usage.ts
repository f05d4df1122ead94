/** Tokens over a run. */
import type { TokenUsage } from "../ports/models.ts";
import type { UsageTotal } from "../ports/view.ts";

export function addUsage(total: UsageTotal, usage: TokenUsage): UsageTotal {
  const known = usage.inputTokens !== undefined || usage.outputTokens !== undefined;
  return {
    inputTokens: total.inputTokens + (usage.inputTokens ?? 0),
    cacheReadTokens: total.cacheReadTokens + (usage.cacheReadTokens ?? 0),
    cacheWriteTokens: total.cacheWriteTokens + (usage.cacheWriteTokens ?? 0),
    outputTokens: total.outputTokens + (usage.outputTokens ?? 0),
    reasoningTokens: total.reasoningTokens + (usage.reasoningTokens ?? 0),
    unknownCalls: total.unknownCalls + (known ? 0 : 1),
  };
}
