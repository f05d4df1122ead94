/** What a model says as a supervisor, read strictly: one JSON object, known fields only, amounts within bounds. */
import type { Extension, SupervisorAction, SupervisorDecision, SupervisorView } from "../../ports/supervision.ts";

export type AnswerRead =
  | { readonly ok: true; readonly decision: SupervisorDecision }
  | { readonly ok: false; readonly problem: string };

export interface AnswerTerms {
  readonly view: SupervisorView;
  readonly actions: readonly SupervisorAction[];
  readonly mostSteps: number;
}

const FIELDS: Readonly<Record<SupervisorAction, readonly string[]>> = {
  nudge: ["action", "reason", "message"],
  extend: ["action", "reason", "steps", "seconds", "tokens", "usd"],
  ask: ["action", "reason", "question"],
  kill: ["action", "reason"],
  leave: ["action", "reason"],
};

const LONGEST_TEXT = 2_000;

export function readAnswer(text: string, terms: AnswerTerms): AnswerRead {
  const answer = parse(text);
  if (answer === undefined) return problem("it is not a JSON object");
  const action = terms.actions.find((known) => known === answer["action"]);
  if (action === undefined) return problem(`its action is ${JSON.stringify(answer["action"])}`);
  const unknown = Object.keys(answer).find((key) => !FIELDS[action].includes(key));
  if (unknown !== undefined) return problem(`${JSON.stringify(unknown)} is no field of ${action}`);
  const { reason } = answer;
  if (!isText(reason)) return problem("it gives no reason");
  return toDecision(action, answer, { ...terms, reason });
}

/** Models like to put JSON into a code block. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  const bare = text.trim().replace(/^```(?:json)?\s*([\s\S]*?)\s*```$/, "$1");
  try {
    const value: unknown = JSON.parse(bare);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function toDecision(
  action: SupervisorAction,
  answer: Readonly<Record<string, unknown>>,
  { view, mostSteps, reason }: AnswerTerms & { readonly reason: string },
): AnswerRead {
  switch (action) {
    case "nudge":
      return isText(answer["message"]) ? decided({ action, message: answer["message"], reason }) : problem("it has no message");
    case "ask":
      return isText(answer["question"])
        ? decided({ action, question: answer["question"], reason })
        : problem("it has no question");
    case "extend": {
      const extend = toExtension(answer, view, mostSteps);
      return typeof extend === "string" ? problem(extend) : decided({ action, extend, reason });
    }
    case "kill":
    case "leave":
      return decided({ action, reason });
  }
}

/** The problem, or what is given: never more than half of a limit at once. */
function toExtension(
  answer: Readonly<Record<string, unknown>>,
  { status }: SupervisorView,
  mostSteps: number,
): Extension | string {
  const { timeMs, tokens = 0, costUsd = 0 } = status.limits;
  const bounds: readonly Bound[] = [
    { unit: "steps", most: mostSteps, isWhole: true },
    { unit: "seconds", most: timeMs / 2000, isWhole: false },
    { unit: "tokens", most: tokens / 2, isWhole: true },
    { unit: "usd", most: costUsd / 2, isWhole: false },
  ];
  const wrong = bounds.find((bound) => !fits(answer[bound.unit], bound));
  if (wrong !== undefined) return `its ${wrong.unit} is ${JSON.stringify(answer[wrong.unit])}`;
  const extend = Object.assign({}, ...bounds.map((bound) => given(answer[bound.unit], bound))) as Extension;
  return Object.keys(extend).length === 0 ? "it extends nothing that is limited" : extend;
}

interface Bound {
  readonly unit: "steps" | "seconds" | "tokens" | "usd";
  /** 0: there is no such limit. */
  readonly most: number;
  readonly isWhole: boolean;
}

function fits(amount: unknown, { isWhole }: Bound): boolean {
  if (amount === undefined) return true;
  return typeof amount === "number" && Number.isFinite(amount) && amount > 0 && (!isWhole || Number.isInteger(amount));
}

function given(amount: unknown, { unit, most }: Bound): Extension {
  if (typeof amount !== "number" || most <= 0) return {};
  const less = Math.min(amount, most);
  switch (unit) {
    case "steps":
      return { steps: less };
    case "seconds":
      return { timeMs: Math.round(less * 1000) };
    case "tokens":
      return { tokens: Math.floor(less) };
    case "usd":
      return { costUsd: less };
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= LONGEST_TEXT;
}

function decided(decision: SupervisorDecision): AnswerRead {
  return { ok: true, decision };
}

function problem(problem: string): AnswerRead {
  return { ok: false, problem };
}
