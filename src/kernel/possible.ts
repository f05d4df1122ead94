/**
 * What a run may append next, as far as it is cheap to know: looked at before every commit, so that a fault of this program stops a
 * run instead of entering its journal.
 *
 * PO1 Nothing follows the terminal event.
 * PO2 A call is started when it is ready, never while it is under way or in doubt.
 * PO3 A call has one result.
 */
import type { EventBody } from "../ports/events.ts";
import { callOf } from "./children.ts";
import type { RunState } from "./state.ts";

/** Why the event must not be appended; undefined when nothing speaks against it. */
export function impossible(state: RunState, event: EventBody): string | undefined {
  if (state.finished) return `${event.type} after the end of the run`;
  if (event.type === "tool.started") {
    const call = callOf(state, event.call);
    if (call?.status !== "ready") return `a start of the call ${event.call}, which is ${call?.status ?? "not there"}`;
  }
  if (event.type === "tool.ended") {
    const call = callOf(state, event.call);
    if (call === undefined || call.status === "ended") return `a second result of the call ${event.call}`;
  }
  return undefined;
}
