/** What a tool returns to have its call wait. */
import type { QuestionOptions, Suspension, SuspensionBody } from "../ports/waiting.ts";

/** Registered by name, so that a suspension of another copy of this package is known too. */
const MARK = Symbol.for("executus.suspension");

export function ask(text: string, options: QuestionOptions = {}): Suspension {
  return mark({ type: "question", ...options, text });
}

export function waitFor(name: string, options: { readonly deadlineMs?: number } = {}): Suspension {
  return mark({ type: "event", ...options, name });
}

export function sleep(ms: number): Suspension {
  return mark({ type: "time", inMs: ms });
}

export function sleepUntil(at: number | { getTime(): number }): Suspension {
  return mark({ type: "time", at: typeof at === "number" ? at : at.getTime() });
}

export function isSuspension(value: unknown): value is Suspension {
  return typeof value === "object" && value !== null && MARK in value;
}

function mark(body: SuspensionBody): Suspension {
  return Object.assign(body, { [MARK]: true }) as unknown as Suspension;
}
