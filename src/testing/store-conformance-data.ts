/** Small requests for the suites. */
import type { EventBody } from "../ports/events.ts";
import type { AppendRequest, ClaimResult, CreateRequest, InboxEntry } from "../ports/store.ts";
import type { WaitingFor } from "../ports/view.ts";

export const AT: number = 1_700_000_000_000;

/** A run that waits for a person. */
export const ASKS: WaitingFor = {
  kind: "resolution",
  calls: ["0.0"],
  waits: [{ for: "resolution", id: "0.0", call: "0.0", tool: "pay" }],
};

export function event(call: string, text = "done"): EventBody {
  return { type: "tool.ended", call, outcome: "ok", output: { type: "text", value: text } };
}

export const SETTLING: EventBody = { type: "run.settling", status: "completed" };
export const FINISHED: EventBody = { type: "run.finished", status: "completed" };

export function newRun(run: string, more: Partial<CreateRequest> = {}): CreateRequest {
  return { run, agent: "clerk", at: AT, events: [event("0.0")], ...more };
}

/** The batch that follows a new run's first event, unless told otherwise. */
export function batch(run: string, more: Partial<AppendRequest> = {}): AppendRequest {
  return { run, epoch: 1, seq: 1, at: AT + 10, activeMs: 10, events: [event("0.1")], ...more };
}

export function steer(id: string, text: string = id): InboxEntry {
  return { id, kind: "steer", content: [{ type: "text", text }] };
}

export function epochOf(claim: ClaimResult): number {
  return claim.ok ? claim.epoch : Number.NaN;
}
