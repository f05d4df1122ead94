/** What the events of waiting say to somebody who watches. */
import type { CallState, RunState } from "../../../kernel/state.ts";
import type { RunEvent } from "../../../ports/events.ts";
import type { JsonValue } from "../../../ports/json.ts";
import type { ApprovalAnswered, QuestionAnswered, ToolWoken } from "../../../ports/waiting.ts";
import { duration, callArguments } from "./figures.ts";

/** Undefined for events of another kind. */
export function waitingText(event: RunEvent, before: RunState, columns: number): string | undefined {
  const name = (id: string | undefined): string => before.calls.find((call) => call.id === id)?.name ?? `call ${id ?? ""}`;
  switch (event.type) {
    case "run.dequeued":
      return `${event.process} began it after ${duration(event.waitedMs)} in its lane`;
    case "approval.requested":
      return `${name(event.call)} waits for approval${because(event.reason)}${until(event.deadlineAt)}`;
    case "approval.answered":
      return approvalText(event, name(event.call), columns);
    case "question.asked": {
      const choices = event.choices === undefined ? "" : ` (${event.choices.join(", ")})`;
      return `${event.call === undefined ? "the run" : name(event.call)} asks: ${event.text}${choices}${until(event.deadlineAt)}`;
    }
    case "question.answered":
      return answerText(event, columns);
    case "tool.suspended":
      if (event.event === undefined) return `${name(event.call)} sleeps until ${clockTime(event.until ?? 0)}`;
      return `${name(event.call)} waits for ${event.event}${until(event.deadlineAt)}`;
    case "tool.woken":
      return wokenText(
        event,
        before.calls.find(({ id }) => id === event.call),
        columns,
      );
    case "signal.received":
      return `signal ${event.name}${by(event.from)}${value(event.payload, columns)}`;
    case "answer.refused":
      return `an answer${by(event.from)} changed nothing: ${event.message}`;
    case "wait.expired":
      return `the time for ${event.call === undefined ? "an answer" : name(event.call)} is over; it goes on waiting`;
    default:
      return undefined;
  }
}

function approvalText({ decision, by: how, from, note, input, always }: ApprovalAnswered, name: string, columns: number): string {
  if (how === "always") return `${name} was approved for the rest of the run`;
  if (how === "deadline") return `${name} ${decision}: nobody answered in time`;
  const edited = input === undefined ? "" : `, with other arguments: ${callArguments(input, columns)}`;
  const rest = always === true ? ", and from now on in this run" : "";
  return `${name} ${decision}${by(from)}${edited}${rest}${note === undefined ? "" : `: ${note}`}`;
}

function answerText({ by: how, from, answer }: QuestionAnswered, columns: number): string {
  if (how === "deadline") return `nobody answered in time${value(answer, columns)}`;
  return `answered${by(from)}${value(answer, columns)}`;
}

function wokenText({ by: how, payload }: ToolWoken, call: CallState | undefined, columns: number): string {
  const name = call?.name ?? "a call";
  if (how === "time") return `${name} has slept`;
  if (how === "deadline") return `${name} waited for ${call?.wait?.text ?? "something"} in vain`;
  return `${name} got ${call?.wait?.text ?? "what it waited for"}${value(payload, columns)}`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : `: ${reason}`;
}

function until(at: number | undefined): string {
  return at === undefined ? "" : ` (until ${clockTime(at)})`;
}

function by(from: string | undefined): string {
  return from === undefined ? "" : ` by ${from}`;
}

function value(payload: JsonValue | undefined, columns: number): string {
  if (payload === undefined) return "";
  return `: ${typeof payload === "string" ? payload : callArguments(payload, columns)}`;
}

/** `2026-01-31 09:15:00` in this machine's zone. */
export function clockTime(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "a time that cannot be said";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
