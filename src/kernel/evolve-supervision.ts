/** How stalls and what a supervisor decides about them change a run. */
import type { PastDecision, Stall, StallNoticed, SupervisionEvent, SupervisorDecided } from "../ports/supervision.ts";
import type { LimitName } from "../ports/events.ts";
import type { QuestionAnswered, QuestionAsked } from "../ports/waiting.ts";
import { extended } from "./evolve-input.ts";
import { addUsage } from "./usage.ts";
import type { Draft } from "./state.ts";
import { limitKey } from "./watchdog.ts";

export interface Supervision {
  /** What the supervisor is being asked about. */
  readonly stall: Stall | undefined;
  /** Stalls so far. */
  readonly noticed: number;
  readonly decided: readonly PastDecision[];
  /** Steps that bring nothing are not noticed again before this one. */
  readonly quietUntilStep: number;
  /** A person is to be asked, or is being asked; `limit`: it is about a limit, which waits for the answer. */
  readonly question: SupervisorQuestion | undefined;
  /** Limits, as they stood, that the supervisor was asked about. */
  readonly askedAbout: readonly string[];
}

export interface SupervisorQuestion {
  readonly id: string;
  readonly text: string;
  readonly deadlineAt: number | undefined;
  readonly isAsked: boolean;
  readonly limit: LimitName | undefined;
}

/** Where a run begins, watched or not. */
export const NO_SUPERVISION: Supervision = {
  stall: undefined,
  noticed: 0,
  decided: [],
  quietUntilStep: 0,
  question: undefined,
  askedAbout: [],
};

export function evolveSupervision(next: Draft, event: SupervisionEvent): void {
  if (event.type === "stall.noticed") noticed(next, event);
  else if (event.stall === next.supervision.stall?.stall) decided(next, event, next.supervision.stall);
}

function noticed(next: Draft, { stall, kind, message, limit }: StallNoticed): void {
  const { supervision, agent } = next;
  const isOfSteps = kind !== "idle" && kind !== "limit";
  next.supervision = {
    ...supervision,
    stall: { stall, kind, message, ...(limit === undefined ? {} : { limit }) },
    noticed: stall + 1,
    quietUntilStep: isOfSteps ? next.step + (agent.supervision?.afterSteps ?? 1) : supervision.quietUntilStep,
    askedAbout: limit === undefined ? supervision.askedAbout : [...supervision.askedAbout, limitKey(next, limit)],
  };
}

function decided(next: Draft, event: SupervisorDecided, { stall, kind, limit }: Stall): void {
  const { supervision } = next;
  next.supervision = { ...supervision, stall: undefined, decided: [...supervision.decided, { kind, action: event.action }] };
  spent(next, event);
  switch (event.action) {
    case "nudge":
      if (event.message !== undefined) next.notes = [...next.notes, event.message];
      return;
    case "extend":
      if (event.extend !== undefined) extended(next, event.extend);
      return;
    case "kill":
      next.cancel = { mode: "kill", reason: event.reason };
      return;
    case "ask":
      next.supervision = {
        ...next.supervision,
        question: { id: `supervise:${stall}`, text: event.question ?? "", deadlineAt: event.deadlineAt, isAsked: false, limit },
      };
      return;
    case "leave":
  }
}

/** A person's word: `stop` ends the run, anything else is for the model. */
export function supervisorAnswered(next: Draft, event: QuestionAsked | QuestionAnswered): void {
  const { question } = next.supervision;
  if (question?.id !== event.question || event.call !== undefined) return;
  const isAsked = event.type === "question.asked";
  next.supervision = { ...next.supervision, question: isAsked ? { ...question, isAsked } : undefined };
  if (isAsked || event.answer === undefined) return;
  const answer = typeof event.answer === "string" ? event.answer : JSON.stringify(event.answer);
  if (answer.trim().toLowerCase() === "stop")
    next.cancel = { mode: "cancel", reason: `a person was asked and said stop: ${question.text}` };
  else next.notes = [...next.notes, `A person was asked: ${question.text} They said: ${answer}`];
}

/** What a model was paid for its opinion counts like any other call. */
function spent(next: Draft, { usage, costUsd }: SupervisorDecided): void {
  if (usage === undefined) return;
  next.usage = addUsage(next.usage, usage);
  // An ask that was broken off: its cost is as unknown as that of any call, and no reason to stop.
  if (usage.inputTokens === undefined && usage.outputTokens === undefined) return;
  next.costUsd = next.costUsd === "unknown" || costUsd === undefined ? "unknown" : next.costUsd + costUsd;
}
