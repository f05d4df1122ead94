/** What others want to tell a run, turned into facts of its journal by its owner. */
import type { EventBody } from "../ports/events.ts";
import type { RunState } from "../kernel/state.ts";
import type { PendingEntry } from "../ports/store.ts";
import { answerEvent, type Edits, resolutionEvent } from "./answers.ts";

export function toEvent(entry: PendingEntry, state: RunState, edits: Edits): EventBody {
  const { id } = entry;
  const from = entry.from === undefined ? {} : { from: entry.from };
  switch (entry.kind) {
    case "steer":
      return {
        type: "steer.received",
        id,
        content: entry.content,
        ...from,
        ...step(entry.afterStep),
        ...pinned(entry.pinned),
        ...(entry.when === "now" ? { now: true } : {}),
      };
    case "cancel":
    case "kill": {
      const reason = entry.reason === undefined ? {} : { reason: entry.reason };
      return { type: "cancel.requested", id, mode: entry.kind, ...reason, ...from };
    }
    case "extend": {
      const { steps, timeMs, tokens, costUsd } = entry;
      const more = Object.fromEntries(
        Object.entries({ steps, timeMs, tokens, costUsd }).filter(([, value]) => value !== undefined),
      );
      return { type: "limits.extended", id, ...more, ...from };
    }
    case "resolve":
      return resolutionEvent(entry, state);
    case "child-ended": {
      const { call, run, status, output, usage, costUsd, steps, toolCalls, durationMs } = entry;
      return { type: "child.ended", id, call, run, status, output, usage, costUsd, steps, toolCalls, durationMs };
    }
    case "tools":
      return { type: "source.decided", id, source: entry.source, decision: entry.decision, ...from };
    case "adopt":
    case "pin":
      return { type: "agent.decided", id, decision: entry.kind, ...from };
    case "compact": {
      const instructions = entry.instructions === undefined ? {} : { instructions: entry.instructions };
      return { type: "compaction.requested", id, ...instructions, ...step(entry.afterStep) };
    }
    default:
      return answerEvent(entry, state, edits);
  }
}

function pinned(given: true | undefined): { pinned?: true } {
  return given === undefined ? {} : { pinned: given };
}

function step(afterStep: number | undefined): { afterStep?: number } {
  return afterStep === undefined ? {} : { afterStep };
}
