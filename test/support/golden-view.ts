/** What a golden journal must fold to: everything a user could see of the run. */
import { toArray } from "../../src/kernel/list.ts";
import type { RunEvent } from "../../src/ports/events.ts";
import { foldJournal, toResult } from "../../src/run/result.ts";

export function viewOf(events: readonly RunEvent[]): unknown {
  const folded = foldJournal(events);
  if (folded === undefined) return undefined;
  const { state } = folded;
  const view = {
    result: toResult(folded),
    messages: toArray(state.messages),
    openCalls: state.calls.map(({ id, name, input, status, outcome, output }) => ({ id, name, input, status, outcome, output })),
    pendingSteers: state.steers,
    pendingNotes: state.notes,
    model: state.model,
    attempts: state.fruitless,
  };
  // As it would come back from disk: fields without a value are not there.
  return JSON.parse(JSON.stringify(view)) as unknown;
}
