/** Performs a compaction through its port. */
import type { CompactEffect } from "../kernel/effects.ts";
import { toArray } from "../kernel/list.ts";
import type { EventBody } from "../ports/events.ts";
import { settleOrAbandon } from "./abandonable.ts";
import type { Session } from "./session.ts";
import type { Stopper } from "./stopper.ts";

export async function performCompaction(
  session: Session,
  effect: CompactEffect,
  stopper: Stopper,
): Promise<readonly EventBody[]> {
  const { compactor } = session.ports;
  if (compactor === undefined) return [failed("no compactor is configured")];
  const { state } = session;
  const request = {
    run: session.run,
    step: state.step,
    messages: toArray(state.messages),
    ...(effect.instructions === undefined ? {} : { instructions: effect.instructions }),
    signal: stopper.signal,
  };
  const work = (): ReturnType<typeof compactor.compact> => compactor.compact(request);
  const settled = await settleOrAbandon(work, { stopper, graceMs: state.limits.graceMs, timers: session.timers });
  if (stopper.reason !== undefined || settled.type === "abandoned") return [];
  if (settled.type === "error") return [failed(settled.error instanceof Error ? settled.error.message : String(settled.error))];
  const { summary, keep } = settled.value;
  return [{ type: "context.compacted", summary, keep, messagesBefore: state.messages.length }];
}

function failed(message: string): EventBody {
  return { type: "compaction.failed", error: { code: "compaction_failed", message } };
}
