/** What every store makes of a request before it writes anything. */
import { ExecutusError } from "../../kernel/errors.ts";
import type { DeliveryTarget } from "../../ports/delivery.ts";
import type { EventBody } from "../../ports/events.ts";
import type { FinalStatus } from "../../ports/view.ts";

const RUN_ID = /^[\w.:-]{1,128}$/;

/** An empty or odd id is refused at the door: it would be found by nobody, or by everybody. */
export function checkRunId(run: string): void {
  if (RUN_ID.test(run)) return;
  throw new ExecutusError("request_invalid", `${JSON.stringify(run.slice(0, 140))} cannot be the id of a run`, {
    hint: "Use 1 to 128 characters of A-Z a-z 0-9 _ - . :",
  });
}

export function checkEntryId(id: string, run: string): void {
  if (id.length > 0 && id.length <= 256) return;
  throw new ExecutusError("request_invalid", `An inbox entry of run ${run} needs an id of 1 to 256 characters`, { run });
}

/** What a batch does to the run's life: `settles` closes its inbox, `finishes` ends it. */
export interface BatchEnd {
  readonly settles: boolean;
  readonly finishes: boolean;
  /** Status of the run's last event, where the batch has it. */
  readonly status?: FinalStatus;
}

const GOES_ON: BatchEnd = { settles: false, finishes: false };

export function batchEnd(events: readonly EventBody[]): BatchEnd {
  const last = events[events.length - 1];
  if (last?.type === "run.finished") return { settles: true, finishes: true, status: last.status };
  return last?.type === "run.settling" ? { settles: true, finishes: false } : GOES_ON;
}

/** Deliveries with the same key go to the same place: one after the other, and to none of them once it is closed. */
export function targetKey({ kind, id, url, credential }: DeliveryTarget): string {
  return JSON.stringify([kind, id ?? null, url ?? null, credential ?? null]);
}
