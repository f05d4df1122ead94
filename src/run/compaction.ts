/** Performs a compaction through its port, and refuses one that is none. */
import { compactedMessages, summarised, windowOf } from "../kernel/compaction.ts";
import { contextTokens, messagesTokens } from "../kernel/context-size.ts";
import type { CompactEffect } from "../kernel/effects.ts";
import { toArray } from "../kernel/list.ts";
import type { RunState } from "../kernel/state.ts";
import type { CompactionFailed, EventBody, ModelSpending } from "../ports/events.ts";
import type { Compaction, CompactionRequest } from "../ports/compactor.ts";
import { settleOrAbandon } from "./abandonable.ts";
import type { Session } from "./session.ts";
import { describeStop } from "./stop-reason.ts";
import type { Stopper } from "./stopper.ts";

export async function performCompaction(
  session: Session,
  effect: CompactEffect,
  stopper: Stopper,
): Promise<readonly EventBody[]> {
  const { compactor } = session.ports;
  if (compactor === undefined) return [failed("no compactor is configured")];
  const { state, timers } = session;
  const { modelCallMs, graceMs } = state.limits;
  const stopTimer = timers.after(modelCallMs, () => stopper.stop({ type: "timeout", limit: "total", ms: modelCallMs }));
  const work = (): Promise<Compaction> => compactor.compact(toRequest(state, effect, stopper));
  const settled = await settleOrAbandon(work, { stopper, graceMs, timers });
  stopTimer();
  const stop = stopper.reason;
  if (stop?.type === "timeout") return [{ ...failed(`it ${describeStop(stop)}`), usageUnknown: true }];
  if (stop !== undefined || settled.type === "abandoned") return [];
  if (settled.type === "error") return [brokenOff(settled.error)];
  return [judged(state, effect, settled.value)];
}

function toRequest(state: RunState, { request, number }: CompactEffect, stopper: Stopper): CompactionRequest {
  const window = windowOf(state);
  return {
    run: state.run,
    step: state.step,
    messages: toArray(state.messages),
    ...(request.instructions === undefined ? {} : { instructions: request.instructions }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    model: state.models[state.model.candidate] ?? "",
    ...(window === undefined ? {} : { window }),
    tokens: contextTokens(state),
    number,
    attempt: Math.max(1, state.overflows),
    leaving: (keep) => summarised(state, keep),
    get signal() {
      return stopper.signal;
    },
  };
}

/** Taken only if the conversation is shorter afterwards: otherwise it would be wanted again, and again not be shorter. */
function judged(state: RunState, { request }: CompactEffect, { summary, keep, spent }: Compaction): EventBody {
  if (typeof summary !== "string" || summary.trim() === "") return failed("the summary is empty", spent);
  if (!Number.isInteger(keep) || keep < 0) return failed(`the compactor wants to keep ${String(keep)} messages`, spent);
  const before = toArray(state.messages);
  const { messages } = compactedMessages(state, summary, keep);
  const [sizeBefore, sizeAfter] = [messagesTokens(before), messagesTokens(messages)];
  if (sizeAfter >= sizeBefore) {
    return failed(`the summary did not shrink the conversation: about ${sizeBefore} tokens before, ${sizeAfter} after`, spent);
  }
  const tokensBefore = contextTokens(state);
  return {
    type: "context.compacted",
    summary,
    keep,
    messagesBefore: before.length,
    messagesAfter: messages.length,
    tokensBefore,
    // In the provider's measure, which may be another than that of the estimate.
    tokensAfter: Math.round((tokensBefore * sizeAfter) / sizeBefore),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    ...(spent === undefined ? {} : { spent }),
  };
}

function brokenOff(error: unknown): CompactionFailed {
  if (!(error instanceof Error)) return failed(String(error));
  return failed(error.message, "spent" in error ? (error.spent as ModelSpending) : undefined);
}

function failed(message: string, spent?: ModelSpending): CompactionFailed {
  const error = { code: "compaction_failed", message };
  return { type: "compaction.failed", error, ...(spent === undefined ? {} : { spent }) };
}
