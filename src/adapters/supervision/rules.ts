/** The supervisor of rules: a ladder, one rung higher each time the same kind of stall comes again. */
import type {
  Extension,
  StallKind,
  Supervisor,
  SupervisorAction,
  SupervisorDecision,
  SupervisorView,
} from "../../ports/supervision.ts";

export interface RulesOptions {
  /** Rungs of the ladder, by kind of stall; the last one is stayed on. */
  readonly ladders?: Partial<Readonly<Record<StallKind, readonly SupervisorAction[]>>>;
  /** What a rung `extend` gives. Default: 5 steps at the limit of steps, a quarter more of any other. */
  readonly extend?: Extension;
  /** Steps without anything new at which a run is not worth more room. Default 2. */
  readonly staleSteps?: number;
  /** What a `nudge` says; default: words for each kind of stall. */
  readonly nudge?: (view: SupervisorView) => string;
}

/** A person is asked only where somebody says so with `ladders`: not every host has somebody to ask. */
const LADDERS: Readonly<Record<StallKind, readonly SupervisorAction[]>> = {
  "no-progress": ["nudge", "nudge", "kill"],
  repeats: ["nudge", "kill"],
  cost: ["nudge", "kill"],
  idle: ["leave", "nudge", "kill"],
  limit: ["extend", "leave"],
};

/**
 * Decides by thresholds and a ladder, without asking anybody. Defaults: a run that brings nothing new is told so twice, then killed;
 * one that repeats itself or grows dear is told once; one that is silent is left, told, killed; at a limit, a run that still makes
 * progress gets room once.
 *
 * @example
 * const executor = createExecutor({ models, supervisor: rulesSupervisor({ ladders: { "no-progress": ["nudge", "ask", "kill"] } }) });
 */
export function rulesSupervisor(options: RulesOptions = {}): Supervisor {
  return { name: "rules", decide: async (view) => decideByRules(view, options) };
}

/** For supervisors that fall back to the rules. */
export function decideByRules(view: SupervisorView, options: RulesOptions = {}): SupervisorDecision {
  const { kind, message } = view.stall;
  if (kind === "limit" && view.staleSteps >= (options.staleSteps ?? 2)) {
    return { action: "leave", reason: `${message} ${view.staleSteps} steps in a row have brought nothing new.`, by: "rules" };
  }
  const ladder = options.ladders?.[kind] ?? LADDERS[kind];
  const before = view.decided.filter((past) => past.kind === kind).length;
  const rung = Math.min(before, ladder.length - 1);
  const reason = before === 0 ? message : `${message} (${before + 1}. time)`;
  return { ...toDecision(ladder[rung] ?? "leave", view, options), reason, by: "rules" };
}

function toDecision(action: SupervisorAction, view: SupervisorView, options: RulesOptions): SupervisorDecision {
  const reason = "";
  switch (action) {
    case "nudge":
      return { action, message: options.nudge?.(view) ?? nudgeOf(view), reason };
    case "extend":
      return { action, extend: options.extend ?? moreOf(view), reason };
    case "ask":
      return { action, question: `${view.stall.message} How should it go on?`, reason };
    case "kill":
    case "leave":
      return { action, reason };
  }
}

const ADVICE: Readonly<Record<StallKind, string>> = {
  "no-progress": "Say in one sentence what is still missing, then take another way to it, or answer with what you have.",
  repeats: "Do not make these calls again. Take another way, or answer with what you have.",
  cost: "Keep it short: no large results, no repetition. Answer with what you have if nothing new is to be expected.",
  idle: "Do not wait for what does not come: take another way, or answer with what you have.",
  limit: "Come to an end: answer with what you have.",
};

function nudgeOf({ stall }: SupervisorView): string {
  return `${stall.message} ${ADVICE[stall.kind]}`;
}

const MORE_STEPS = 5;

function moreOf({ stall, status }: SupervisorView): Extension {
  const { limits } = status;
  switch (stall.limit) {
    case "time":
      return { timeMs: Math.ceil(limits.timeMs / 4) };
    case "tokens":
      return { tokens: Math.ceil((limits.tokens ?? 0) / 4) };
    case "usd":
      return { costUsd: (limits.costUsd ?? 0) / 4 };
    default:
      return { steps: MORE_STEPS };
  }
}
