/** Performs a compaction through its port. */
import type { CompactEffect } from "../kernel/effects.ts";
import { toArray } from "../kernel/list.ts";
import type { EventBody } from "../ports/events.ts";
import { settleOrAbandon } from "./abandonable.ts";
import type { Session } from "./session.ts";
import { stopReasonOf } from "./stop-reason.ts";

export async function performCompaction(
  session: Session,
  effect: CompactEffect,
  controller: AbortController,
): Promise<readonly EventBody[]> {
  const { compactor, clock } = session.ports;
  if (compactor === undefined) return [failed("no compactor is configured")];
  const { state } = session;
  const { signal } = controller;
  const request = {
    run: session.run,
    step: state.step,
    messages: toArray(state.messages),
    ...(effect.instructions === undefined ? {} : { instructions: effect.instructions }),
    signal,
  };
  const work = (): ReturnType<typeof compactor.compact> => compactor.compact(request);
  const settled = await settleOrAbandon(work, { signal, graceMs: state.limits.graceMs, clock, late: () => {} });
  if (stopReasonOf(signal) !== undefined || settled.type === "abandoned") return [];
  if (settled.type === "error") return [failed(settled.error instanceof Error ? settled.error.message : String(settled.error))];
  const { summary, keep } = settled.value;
  return [{ type: "context.compacted", summary, keep, messagesBefore: state.messages.length }];
}

function failed(message: string): EventBody {
  return { type: "compaction.failed", error: { code: "compaction_failed", message } };
}
