/** How waiting changes a run: what is asked for, and what comes of it. */
import type {
  AnswerRefused,
  ApprovalAnswered,
  ApprovalRequested,
  QuestionAsked,
  SignalReceived,
  ToolSuspended,
  WaitingEvent,
} from "../ports/waiting.ts";
import { supervisorAnswered } from "./evolve-supervision.ts";
import type { CallState, Draft, OpenWait } from "./state.ts";

/** An answer that was refused changed nothing. */
type Waiting = Exclude<WaitingEvent, AnswerRefused>;
type RunEvent = Exclude<Waiting, SignalReceived>;

export function evolveWaiting(next: Draft, event: Waiting): void {
  if (event.type === "signal.received") {
    next.signals = [...next.signals, { name: event.name, payload: event.payload }];
    return;
  }
  if (event.call === undefined) return ofTheRun(next, event);
  const before = next.calls.find(({ id }) => id === event.call);
  const call = before === undefined ? undefined : ofCall(before, event);
  if (before === undefined || call === undefined) return;
  if (event.type === "tool.woken" && event.by === "event") takeSignal(next, before.wait?.text);
  if (event.type === "approval.answered") answered(next, before, event);
  next.calls = next.calls.map((other) => (other === before ? call : other));
}

/** Undefined for what comes at the wrong moment: it changes nothing. */
function ofCall(call: CallState, event: RunEvent): CallState | undefined {
  switch (event.type) {
    case "approval.requested":
      return call.status === "ready" ? waiting(call, "asked", toApproval(event)) : undefined;
    case "question.asked":
      return isRunning(call) ? waiting(call, "suspended", toQuestion(event)) : undefined;
    case "tool.suspended":
      return isRunning(call) ? waiting(call, "suspended", toSuspension(event)) : undefined;
    default:
      return call.wait?.id === waitOf(event) ? noLongerWaiting(call, event) : undefined;
  }
}

type Ending = Exclude<RunEvent, ApprovalRequested | QuestionAsked | ToolSuspended>;

function waitOf(event: Ending): string {
  if (event.type === "approval.answered") return event.approval;
  return event.type === "question.answered" ? event.question : event.wait;
}

function noLongerWaiting(call: CallState, event: Ending): CallState | undefined {
  if (event.type === "wait.expired") return { ...call, wait: call.wait && withoutEnd(call.wait) };
  if (event.type === "approval.answered") return call.status === "asked" ? decided(call, event) : undefined;
  if (call.status !== "suspended") return undefined;
  if (event.type === "tool.woken") return woken(call, { by: event.by, ...payload(event.payload) });
  return woken(call, { by: event.by === "person" ? "answer" : "deadline", ...payload(event.answer) });
}

function isRunning({ status }: CallState): boolean {
  return status === "ready" || status === "started";
}

function waiting(call: CallState, status: "asked" | "suspended", wait: OpenWait): CallState {
  return { ...call, status, wait, waits: call.waits + 1, woken: undefined };
}

/** A tool that makes the result is dispatched again, with what woke it; for the others that is the result. */
function woken(call: CallState, wake: NonNullable<CallState["woken"]>): CallState {
  return { ...call, status: call.wait?.resumes === true ? "ready" : "woken", woken: wake };
}

function payload<T>(value: T | undefined): { payload?: T } {
  return value === undefined ? {} : { payload: value };
}

function decided(call: CallState, { decision, by, note, input }: ApprovalAnswered): CallState {
  if (decision === "approved") return { ...call, status: "ready", wait: undefined, ...(input === undefined ? {} : { input }) };
  const why = by === "deadline" ? "nobody approved it in time" : "a person denied it";
  const value = `Not run: ${why}.${note === undefined ? "" : ` They said: ${note}`}`;
  return { ...call, status: "denied", wait: undefined, output: { type: "error-text", value } };
}

/** What the model cannot see from the result: other arguments than it gave, a remark. */
function answered(next: Draft, { name }: CallState, { decision, always, input, note }: ApprovalAnswered): void {
  if (decision !== "approved") return;
  if (always === true && !next.approvedTools.includes(name)) next.approvedTools = [...next.approvedTools, name];
  const notes: string[] = [];
  if (input !== undefined) notes.push(`A person changed the arguments of ${name} before it ran, to ${JSON.stringify(input)}.`);
  if (note !== undefined) notes.push(`A person approved ${name} and said: ${note}`);
  if (notes.length > 0) next.notes = [...next.notes, ...notes];
}

function takeSignal(next: Draft, name: string | undefined): void {
  const first = next.signals.findIndex((signal) => signal.name === name);
  next.signals = next.signals.filter((_, i) => i !== first);
}

function ofTheRun(next: Draft, event: RunEvent): void {
  if (event.type === "question.asked" || event.type === "question.answered") supervisorAnswered(next, event);
  if (event.type === "question.asked") next.question = toQuestion(event);
  else if (event.type === "question.answered" && next.question?.id === event.question) next.question = undefined;
  else if (event.type === "wait.expired" && next.question?.id === event.wait) next.question = withoutEnd(next.question);
}

function withoutEnd(wait: OpenWait): OpenWait {
  return { ...wait, at: undefined };
}

// --- what is waited for ----------------------------------------------------------------------------------------------

function toApproval({ approval, reason, deadlineAt, onDeadline = "deny" }: ApprovalRequested): OpenWait {
  const text = reason ?? "";
  return {
    id: approval,
    for: "approval",
    text,
    choices: undefined,
    at: deadlineAt,
    onDeadline,
    fallback: undefined,
    resumes: false,
  };
}

function toQuestion({ question, text, choices, deadlineAt, fallback, onDeadline, resumes }: QuestionAsked): OpenWait {
  return {
    id: question,
    for: "question",
    text,
    choices,
    at: deadlineAt,
    onDeadline: onDeadline ?? "wake",
    fallback,
    resumes: resumes === true,
  };
}

function toSuspension({ wait, until, event, deadlineAt, resumes }: ToolSuspended): OpenWait {
  return {
    id: wait,
    for: event === undefined ? "time" : "event",
    text: event ?? "",
    choices: undefined,
    at: until ?? deadlineAt,
    onDeadline: "wake",
    fallback: undefined,
    resumes: resumes === true,
  };
}
