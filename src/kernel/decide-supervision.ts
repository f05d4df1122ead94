/** What supervision adds to a decision: a stall to record, a supervisor or a person to ask, the time at which silence is too long. */
import type { EventBody, LimitName } from "../ports/events.ts";
import type { SupervisionSettings } from "../ports/supervision.ts";
import type { Decision, Now } from "./decide.ts";
import { nextDeadline } from "./decide-limits.ts";
import { decideQuestion, toWaitingFor } from "./decide-waiting.ts";
import type { SuperviseEffect } from "./effects.ts";
import type { SupervisorQuestion } from "./evolve-supervision.ts";
import type { RunState } from "./state.ts";
import { idleAt, stallNoticed, timeNoticeAt } from "./watchdog.ts";

export function supervised(state: RunState, now: Now, decision: Decision): Decision {
  const settings = state.agent.supervision;
  if (settings === undefined || decision.done || state.cancel !== undefined || state.settling !== undefined) return decision;
  const { stall, question, decided } = state.supervision;
  if (stall !== undefined) return whileSupervisorIsAsked(state, decision);
  if (question !== undefined) return whilePersonIsAsked(state, now, { decision, question });
  if (decided.length >= settings.decisions || decision.waiting !== undefined) return decision;
  const noticed = stallNoticed(state, now, decision);
  if (noticed !== undefined) return { append: [noticed], effects: [], done: false };
  return decision.append.length > 0 ? decision : watched(state, now, { decision, settings });
}

/**
 * What is under way goes on beside the supervisor. The next model call waits for its decision: a nudge is for that call, and a kill
 * should come before it is paid for. So does a limit that it is asked about.
 */
function whileSupervisorIsAsked(state: RunState, decision: Decision): Decision {
  const { stall } = state.supervision;
  if (stall === undefined) return decision;
  const ask: SuperviseEffect = { kind: "supervise", id: `supervise:${stall.stall}`, stall };
  if (decision.append.length === 0) {
    const isBetweenSteps = state.calls.length === 0 && !state.model.inFlight && state.ending === undefined;
    return { ...decision, effects: isBetweenSteps ? [ask] : [...decision.effects, ask] };
  }
  if (!isHeld(decision.append[0], stall.limit)) return decision;
  return { append: [], effects: [ask], deadline: nextDeadline(state), done: false };
}

interface Asked {
  readonly decision: Decision;
  readonly question: SupervisorQuestion;
}

/** Like any question about the run itself: what is under way goes on, the next model call waits for the answer. */
function whilePersonIsAsked(state: RunState, now: Now, { decision, question }: Asked): Decision {
  const { id, text, deadlineAt, isAsked, limit } = question;
  if (!isAsked) {
    const asked: EventBody = { type: "question.asked", question: id, text, ...(deadlineAt === undefined ? {} : { deadlineAt }) };
    return { append: [asked], effects: [], done: false };
  }
  if (!isHeld(decision.append[0], limit)) return decision;
  const unanswered = decideQuestion(state, now);
  if (unanswered !== undefined) return { append: [unanswered], effects: [], done: false };
  const deadline = deadlineAt === undefined ? {} : { deadline: { at: deadlineAt } };
  return { append: [], effects: [], waiting: toWaitingFor(state), ...deadline, done: false };
}

/** Time is the one limit that does not stand still. */
function isHeld(event: EventBody | undefined, limit: LimitName | undefined): boolean {
  return event?.type === "limit.reached" && event.phase === undefined && event.limit === limit && event.limit !== "time";
}

interface Watched {
  readonly decision: Decision;
  readonly settings: SupervisionSettings;
}

function watched(state: RunState, now: Now, { decision, settings }: Watched): Decision {
  const idle = idleAt(state, now, decision);
  const activeMs = Math.min(decision.deadline?.activeMs ?? Infinity, idle, timeNoticeAt(state, settings));
  return activeMs === Infinity ? decision : { ...decision, deadline: { ...decision.deadline, activeMs } };
}
