/** Which runs cannot be played back, and why. */
import { ExecutusError } from "../kernel/errors.ts";
import type { EventType, RunEvent } from "../ports/events.ts";

/** What happened outside of models, tools and people's words cannot be played back. */
const NOT_PLAYED: Readonly<Partial<Record<EventType, string>>> = {
  "cancel.requested": "it was cancelled",
  "source.changed": "tools of a source changed",
  "budget.refused": "a budget ran out",
  "agent.adopted": "it adopted a changed agent",
  "agent.decided": "it adopted a changed agent",
  "run.forked": "it is a fork",
};

/** How it ended, or why it cannot be played back. */
export function checkPlayable(run: string, events: readonly RunEvent[]): string {
  const last = events.at(-1);
  if (last?.type !== "run.finished") throw notPlayable(run, "it has not ended yet");
  const problem = events.map(({ type }) => NOT_PLAYED[type]).find((reason) => reason !== undefined);
  if (problem !== undefined) throw notPlayable(run, problem);
  const unlike = events.map(unlikely).find((reason) => reason !== undefined) ?? unlikelyTogether(events);
  if (unlike !== undefined) throw notPlayable(run, unlike);
  if (last.status === "timed_out" || last.status === "poisoned") throw notPlayable(run, `it ended as ${last.status}`);
  return last.status;
}

/** Playing back takes no time and costs nothing, so what came of these would not come about again. */
function unlikely(event: RunEvent): string | undefined {
  switch (event.type) {
    case "limit.reached":
      if (event.limit !== "usd" && event.limit !== "time") return undefined;
      return "a limit of time or money was reached, and a playback takes neither";
    case "child.started":
      return event.background === true
        ? "other runs worked for it in the background, and their ends came when they came"
        : undefined;
    case "stall.noticed": {
      const isOfSteps = event.kind === "repeats" || event.kind === "no-progress";
      if (isOfSteps || event.limit === "steps" || event.limit === "tokens") return undefined;
      return "a supervisor was asked about time or money, and a playback takes neither";
    }
    case "tool.ended":
      if (event.spilled === undefined && event.spilledParts === undefined) return undefined;
      return "a result was too long to be shown whole and became a file";
    default:
      return unanswered(event);
  }
}

function unanswered(event: RunEvent): string | undefined {
  switch (event.type) {
    case "question.answered":
      if (event.call !== undefined || event.by === "person") return undefined;
      return "nobody answered a question about it in time, and a playback takes none";
    case "approval.answered":
      return event.by === "deadline" ? "nobody approved a call in time, and a playback takes none" : undefined;
    default:
      return undefined;
  }
}

function unlikelyTogether(events: readonly RunEvent[]): string | undefined {
  const has = (test: (event: RunEvent) => boolean): boolean => events.some(test);
  const [first] = events;
  const opened = events.flatMap((event) => (event.type === "source.opened" && event.tools !== undefined ? [event.source] : []));
  if (new Set(opened).size < opened.length) return "tools of a source changed";
  if (has(({ type }) => type === "source.opened") && first?.type === "run.started" && first.agent.phases !== undefined)
    return "it had tools of a source and phases";
  if (has(({ type }) => type === "child.ended") && has((event) => event.type === "limit.reached" && event.limit === "tokens"))
    return "a limit of tokens was reached, and other runs had used some of them";
  return undefined;
}

const REPLAY_HINT = "Export another run of this agent, or check this one with: executus replay RUN";

export function notPlayable(run: string, reason: string, hint: string = REPLAY_HINT): ExecutusError {
  return new ExecutusError("not_supported", `run ${run} cannot be played back: ${reason}`, { run, hint });
}
