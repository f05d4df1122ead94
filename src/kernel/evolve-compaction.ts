/** How a conversation that grows too long changes a run. */
import type {
  CompactionFailed,
  CompactionRequested,
  ContextCompacted,
  ModelAnswered,
  ModelFailed,
  ModelSpending,
} from "../ports/events.ts";
import type { Message } from "../ports/messages.ts";
import { compactedMessages, MOST_OVERFLOWS, OVERFLOW } from "./compaction.ts";
import { contextTokens, messageTokens } from "./context-size.ts";
import { append, emptyList, type List } from "./list.ts";
import type { Draft } from "./state.ts";
import { addUsage } from "./usage.ts";

/** The provider's own figures, where it gave them; they are about everything up to here and the answer itself. */
export function measure(next: Draft, { usage, content }: ModelAnswered): void {
  if (next.windows === undefined) return;
  const answer = usage.outputTokens ?? messageTokens({ role: "assistant", content });
  next.measuredTokens = (usage.inputTokens ?? contextTokens(next)) + answer;
  next.measuredMessages = next.messages.length + 1;
}

export function compactionRequested(next: Draft, { reason, tokens, instructions, afterStep }: CompactionRequested): void {
  next.compactions++;
  next.compaction = {
    ...(reason === undefined ? {} : { reason }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(afterStep === undefined ? {} : { afterStep }),
  };
  if (reason === undefined) return;
  next.compactedStep = next.step;
  if (reason === "overflow") next.overflows++;
}

/** A refusal that a shorter conversation may mend. */
export function isMendable(next: Draft, { error }: ModelFailed): boolean {
  return error.code === OVERFLOW && next.windows !== undefined && next.overflows < MOST_OVERFLOWS;
}

export function overflowed(next: Draft, event: ModelFailed): void {
  const { model } = next;
  next.model = {
    ...model,
    // It is no failure of the model: the same step is tried again with a shorter conversation.
    candidateAttempts: model.candidateAttempts - 1,
    inFlight: false,
    retryAt: undefined,
    lastError: event.error,
    overflowed: true,
  };
}

/** Older messages give way to their summary. */
export function compacted(next: Draft, event: ContextCompacted): void {
  const { messages, head } = compactedMessages(next, event.summary, event.keep);
  let list: List<Message> = emptyList();
  for (const message of messages) list = append(list, message);
  next.messages = list;
  next.head = head;
  next.measuredTokens = event.tokensAfter;
  next.measuredMessages = list.length;
  next.compaction = undefined;
  next.compactionFailedAt = 0;
  if (next.model.overflowed) next.model = { ...next.model, overflowed: false };
  spend(next, event.spent);
}

/** The run goes on with the conversation as it is, unless it was refused as too long: then with the next model, if there is one. */
export function compactionFailed(next: Draft, event: CompactionFailed): void {
  const { compaction, model } = next;
  next.compaction = undefined;
  next.compactionFailedAt = compaction?.tokens ?? contextTokens(next);
  spend(next, event.spent);
  if (event.usageUnknown === true) next.usage = { ...next.usage, unknownCalls: next.usage.unknownCalls + 1 };
  if (!model.overflowed || compaction?.reason !== "overflow") return;
  const isLast = model.candidate + 1 >= next.models.length;
  next.model = {
    ...model,
    candidate: isLast ? model.candidate : model.candidate + 1,
    candidateAttempts: isLast ? model.candidateAttempts : 0,
    overflowed: false,
    exhausted: isLast,
  };
}

/** A model call beside the conversation counts like one of it. */
function spend(next: Draft, spent: ModelSpending | undefined): void {
  if (spent === undefined) return;
  next.usage = addUsage(next.usage, spent.usage);
  next.costUsd = next.costUsd === "unknown" || spent.costUsd === undefined ? "unknown" : next.costUsd + spent.costUsd;
}
