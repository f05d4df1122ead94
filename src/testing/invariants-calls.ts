/** Invariants 2 and 3: of calls and of the conversation they are part of. */
import { isChildCall } from "../kernel/children.ts";
import { toolOf } from "../kernel/effects.ts";
import { callId, type RunState } from "../kernel/state.ts";
import type { ModelAnswered, RunEvent, ToolEnded } from "../ports/events.ts";
import type { AssistantPart, Message, ToolCallPart } from "../ports/messages.ts";
import type { Check, Report, Step } from "./invariants.ts";

interface Call {
  readonly name: string;
  readonly isOnce: boolean;
  /** `open`: started, and nothing known of its outcome; `doubt`: its attempt is over. */
  start: "none" | "open" | "doubt" | "settled";
  child: string | undefined;
  /** Where its result is; -1: in the answer itself. */
  result: number | undefined;
}

export const callsAreSettled: Check = (report) => {
  const calls = new Map<string, Call>();
  const background = new Set<string>();
  const paired: Paired = { items: undefined, length: 0 };
  let answered = 0;
  return (step) => {
    const { event, before, after } = step;
    if (event.type === "model.answered") {
      if (event.step !== answered) report(2, event.seq, `it answers step ${event.step}, and step ${answered} is next`);
      answered = event.step + 1;
      noteCalls(calls, event, step);
    } else if (event.type === "model.started") {
      noCallIsOpen(report, calls, event.seq);
      conversationIsPaired(report, event.seq, after, paired);
    } else if (event.type === "attempt.started") {
      for (const call of calls.values()) if (call.start === "open" && call.child === undefined) call.start = "doubt";
    } else if (isOfCall(event) && !isInBackground(background, event)) noteEvent(report, calls, { event, before });
  };
};

function isOfCall(event: RunEvent): event is RunEvent & { readonly call: string } {
  return "call" in event && typeof event.call === "string";
}

/** Its call has its result since it began: what comes later ends the child alone. */
function isInBackground(background: Set<string>, event: RunEvent & { readonly call: string }): boolean {
  if (event.type === "child.started" && event.background === true) return !background.add(event.call);
  if (!background.has(event.call)) return false;
  if (event.type === "child.ended" || event.type === "tool.ended") background.delete(event.call);
  return true;
}

function noteCalls(calls: Map<string, Call>, event: RunEvent & ModelAnswered, { before, after }: Step): void {
  const refused = new Set(event.refused?.map(({ call }) => call));
  const isLast = before?.ending !== undefined;
  for (const [ordinal, part] of event.content.filter(isOwnCall).entries()) {
    const id = callId(event.step, ordinal);
    const state = after.calls.find((call) => call.id === id);
    const isChild = state !== undefined && isChildCall(after, state);
    const isOnce = !isChild && toolOf(after, part.toolName)?.effect === "once";
    const isAnswered = isLast || refused.has(ordinal);
    calls.set(id, { name: part.toolName, isOnce, start: "none", child: undefined, result: isAnswered ? -1 : undefined });
  }
}

function isOwnCall(part: AssistantPart): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}

function noCallIsOpen(report: Report, calls: Map<string, Call>, seq: number): void {
  for (const [id, { name, result }] of calls) {
    if (result === undefined) report(3, seq, `the model is called while the call ${id} of ${name} has no result`);
  }
  calls.clear();
}

// --- starts and results ----------------------------------------------------------------------------------------------

interface CallEvent {
  readonly event: RunEvent & { readonly call?: string };
  readonly before: RunState | undefined;
}

function noteEvent(report: Report, calls: Map<string, Call>, { event, before }: CallEvent): void {
  const { seq, type } = event;
  const call = calls.get(event.call ?? "");
  if (call === undefined) {
    // Said too late, by a person or by a deadline: it is recorded and changes nothing.
    if (type !== "call.resolved" && type !== "guard.tripped" && type !== "artifact.added")
      report(2, seq, `${type} is about the call ${event.call}, which the last answer does not have`);
    return;
  }
  switch (event.type) {
    case "tool.started":
      return started(report, call, event);
    case "child.started":
      return handedOn(report, call, event);
    case "tool.interrupted":
      if (call.start !== "open") report(2, seq, `the call ${event.call} is interrupted and was not under way`);
      call.start = "doubt";
      return;
    case "tool.reconciled":
      if (call.start !== "doubt") report(2, seq, `the call ${event.call} is reconciled and was not in doubt`);
      if (event.outcome === "not-done") call.start = "settled";
      return;
    case "tool.suspended":
    case "question.asked":
      call.start = "settled";
      return;
    case "call.resolved":
      return resolved(report, call, event);
    case "tool.ended":
      toolEnded(report, call, { event, before });
      return result(report, call, event);
    case "child.ended":
      if (call.child === undefined) report(2, seq, `the call ${event.call} has the end of a child that was never started`);
      return result(report, call, event);
    default:
  }
}

function started(report: Report, call: Call, { seq, call: id }: { readonly seq: number; readonly call: string }): void {
  if (call.result !== undefined) report(2, seq, `the call ${id} of ${call.name} is started and has its result already`);
  else if (call.start === "open") report(2, seq, `the call ${id} of ${call.name} is started while it is under way`);
  else if (call.start === "doubt")
    report(2, seq, `the call ${id} of ${call.name} is repeated, and nobody knows whether it happened`);
  call.start = "open";
}

function handedOn(report: Report, call: Call, event: Extract<RunEvent, { readonly type: "child.started" }>): void {
  if (call.child !== undefined) report(2, event.seq, `the call ${event.call} is handed on a second time`);
  call.child = event.run;
  call.start = "open";
  if (event.background === true) result(report, call, event);
}

function resolved(report: Report, call: Call, event: Extract<RunEvent, { readonly type: "call.resolved" }>): void {
  if (call.start !== "doubt" || call.result !== undefined) return;
  if (event.outcome === "retry") call.start = "settled";
  else result(report, call, event);
}

/** A result that says it ran has a start, and one that was in doubt does not just come about. */
function toolEnded(
  report: Report,
  call: Call,
  { event, before }: { readonly event: RunEvent & ToolEnded; readonly before: RunState | undefined },
): void {
  const { seq, outcome, stub, reconciled } = event;
  if (!call.isOnce || outcome !== "ok" || stub !== undefined) return;
  if (call.start === "none") report(2, seq, `the call ${event.call} of ${call.name} has a result and was never started`);
  else if (call.start === "doubt" && reconciled !== true && before?.calls.some(({ id }) => id === event.call) === true)
    report(2, seq, `the call ${event.call} of ${call.name} was in doubt, and has a result that nobody vouches for`);
}

function result(report: Report, call: Call, { seq, type, ...event }: RunEvent & { readonly call?: string }): void {
  if (call.result !== undefined)
    report(2, seq, `${type} is a second result of the call ${event.call}; the first is at ${call.result}`);
  call.result ??= seq;
}

// --- the conversation ------------------------------------------------------------------------------------------------

/** How much of which conversation was found in order. */
interface Paired {
  items: readonly Message[] | undefined;
  length: number;
}

function conversationIsPaired(report: Report, seq: number, { messages, head }: RunState, known: Paired): void {
  const { items, length } = messages;
  const from = known.items === items && known.length <= length ? known.length : head;
  const unpaired = findUnpaired(items.slice(from, length));
  if (unpaired !== undefined) report(3, seq, unpaired);
  known.items = items;
  known.length = length;
}

/**
 * What is wrong with a conversation as a provider gets it; undefined when every call is followed by its result and every result
 * follows its call.
 */
export function findUnpaired(messages: readonly Message[]): string | undefined {
  let open: readonly string[] = [];
  for (const message of messages) {
    if (message.role === "tool") {
      const given = message.content.map(({ toolCallId }) => toolCallId);
      if (given.join("\n") !== open.join("\n"))
        return `the conversation has results of [${given.join(", ")}] where those of [${open.join(", ")}] are due`;
      open = [];
      continue;
    }
    if (open.length > 0) return `the conversation goes on without results of [${open.join(", ")}]`;
    if (message.role === "assistant") open = message.content.filter(isOwnCall).map(({ toolCallId }) => toolCallId);
  }
  return open.length === 0 ? undefined : `the conversation ends without results of [${open.join(", ")}]`;
}
