/** The closed set of final statuses, for code that has a status in hand and must know. */
import type { FinalStatus, RunStatus } from "../ports/view.ts";

const IS_FINAL: Readonly<Record<RunStatus, boolean>> = {
  queued: false,
  running: false,
  waiting: false,
  interrupted: false,
  completed: true,
  failed: true,
  timed_out: true,
  killed: true,
  cancelled: true,
  out_of_steps: true,
  over_budget: true,
  looping: true,
  poisoned: true,
};

export const FINAL_STATUSES: readonly FinalStatus[] = (Object.keys(IS_FINAL) as RunStatus[]).filter(isFinal);

export function isFinal(status: RunStatus): status is FinalStatus {
  return IS_FINAL[status];
}
