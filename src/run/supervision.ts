/** Asks the supervisor about a stall. Whatever it does, the run goes on: what is no decision counts as `leave`. */
import type { SuperviseEffect } from "../kernel/effects.ts";
import { toArray } from "../kernel/list.ts";
import { DEFAULT_SUPERVISION } from "../kernel/limits.ts";
import type { EventBody } from "../ports/events.ts";
import type {
  Extension,
  SupervisionInput,
  SupervisionSettings,
  SupervisorDecided,
  SupervisorDecision,
  SupervisorView,
} from "../ports/supervision.ts";
import { settleOrAbandon } from "./abandonable.ts";
import type { Session } from "./session.ts";
import { toStatusView } from "./status.ts";
import { describeStop } from "./stop-reason.ts";
import type { Stopper } from "./stopper.ts";

/** After its deadline a supervisor may still say what it falls back to. */
const LAST_WORD_MS = 250;
/** Messages that a supervisor is shown. */
const RECENT_MESSAGES = 12;

export async function performSupervision(
  session: Session,
  effect: SuperviseEffect,
  stopper: Stopper,
): Promise<readonly EventBody[]> {
  const { clock, supervisor } = session.ports;
  if (supervisor === undefined) return [undecided(effect, "no supervisor is set in this process")];
  const startedAt = clock.monotonic();
  const { deadlineMs } = session.state.agent.supervision ?? DEFAULT_SUPERVISION;
  const stop = session.timers.after(deadlineMs, () => stopper.stop({ type: "timeout", limit: "supervisor", ms: deadlineMs }));
  const work = (): Promise<SupervisorDecision> => supervisor.decide(viewOf(session, effect, stopper));
  const settled = await settleOrAbandon(work, { stopper, graceMs: LAST_WORD_MS, timers: session.timers });
  stop();
  const reason = stopper.reason;
  if (reason !== undefined && reason.type !== "timeout") return [];
  const durationMs = Math.round(clock.monotonic() - startedAt);
  if (settled.type === "value")
    return [toDecided(effect, settled.value, { name: supervisor.name, durationMs, at: session.now().at })];
  const why = settled.type === "error" ? messageOf(settled.error) : "it did not answer";
  return [{ ...undecided(effect, reason === undefined ? why : describeStop(reason)), durationMs }];
}

function viewOf(session: Session, { stall }: SuperviseEffect, stopper: Stopper): SupervisorView {
  const { state } = session;
  const settings = state.agent.supervision ?? DEFAULT_SUPERVISION;
  return {
    stall,
    status: toStatusView(state, session.now().activeMs),
    request: state.request.input,
    recent: toArray(state.messages, Math.max(0, state.messages.length - RECENT_MESSAGES)),
    underWay: state.calls.filter(({ status }) => status === "ready" || status === "started").map(({ name }) => name),
    staleSteps: state.progress.stale,
    decided: state.supervision.decided,
    left: Math.max(1, settings.decisions - state.supervision.decided.length),
    get signal() {
      return stopper.signal;
    },
  };
}

/** Nobody decided: the run is left as it is. */
export function undecided({ stall }: SuperviseEffect, why: string): SupervisorDecided {
  const reason = `The supervisor did not decide: ${why}.`;
  return { type: "supervisor.decided", stall: stall.stall, action: "leave", reason, by: "nobody", durationMs: 0 };
}

interface From {
  readonly name: string;
  readonly durationMs: number;
  readonly at: number;
}

/** A supervisor is a stranger's code: what it gives back is checked before it is journaled. */
function toDecided(effect: SuperviseEffect, decision: SupervisorDecision, { name, durationMs, at }: From): SupervisorDecided {
  const what = whatOf(decision, at);
  if (what === undefined) return { ...undecided(effect, "what it gave back is no decision"), durationMs };
  const { action, reason, by = name, usage, costUsd } = decision;
  return {
    type: "supervisor.decided",
    stall: effect.stall.stall,
    action,
    reason: typeof reason === "string" && reason !== "" ? reason : "no reason was given",
    by,
    ...what,
    ...(usage === undefined ? {} : { usage }),
    ...(usage === undefined || costUsd === undefined ? {} : { costUsd }),
    durationMs,
  };
}

type What = Pick<SupervisorDecided, "message" | "question" | "deadlineAt" | "extend">;

function whatOf(decision: SupervisorDecision | undefined, at: number): What | undefined {
  switch (decision?.action) {
    case "nudge":
      return isText(decision.message) ? { message: decision.message } : undefined;
    case "ask":
      if (!isText(decision.question)) return undefined;
      return {
        question: decision.question,
        ...(isAmount(decision.deadlineMs) ? { deadlineAt: at + decision.deadlineMs } : {}),
      };
    case "extend":
      return isExtension(decision.extend) ? { extend: decision.extend } : undefined;
    case "kill":
    case "leave":
      return {};
    default:
      return undefined;
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

function isExtension(extend: Extension | undefined): boolean {
  const amounts = Object.values(extend ?? {}) as unknown[];
  return amounts.length > 0 && amounts.every(isAmount);
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Undefined: the runs of this agent are not watched. */
export function resolveSupervision(input: SupervisionInput = {}): SupervisionSettings | undefined {
  if (input.enabled === false) return undefined;
  const { afterSteps, costFactor, decisions, deadlineMs, atLimits } = { ...DEFAULT_SUPERVISION, ...dropUndefined(input) };
  return { afterSteps, costFactor, decisions, deadlineMs, atLimits };
}

function dropUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
