/** How model calls change a run. */
import type {
  CallRefusal,
  CompactionFailed,
  ContextCompacted,
  EventHeader,
  ModelAnswered,
  ModelFailed,
  ModelStarted,
} from "../ports/events.ts";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { ToolCallPart, UserPart } from "../ports/messages.ts";
import { closeStep } from "./evolve-calls.ts";
import { compacted, compactionFailed, isMendable, measure, overflowed } from "./evolve-compaction.ts";
import { callKey } from "./guards.ts";
import { append } from "./list.ts";
import { addUsage } from "./usage.ts";
import { backoffMs } from "./retry.ts";
import { callId, type CallState, type Draft, IDLE_MODEL, type PendingSteer, type RunState } from "./state.ts";

type ModelEvent = ModelAnswered | ModelFailed | ContextCompacted | CompactionFailed;

export function evolveModel(next: Draft, header: EventHeader, event: ModelEvent): void {
  switch (event.type) {
    case "model.answered":
      return modelAnswered(next, event);
    case "model.failed":
      return modelFailed(next, header, event);
    case "context.compacted":
      return compacted(next, event);
    case "compaction.failed":
      return compactionFailed(next, event);
  }
}

/** What waited for the next step enters the conversation here, in order and once. */
export function modelStarted(next: Draft, event: ModelStarted): void {
  if (next.steers.length > 0) {
    const due = next.steers.filter((steer) => isDue(steer, next));
    for (const { content, pinned } of due) {
      if (content.length === 0) continue;
      next.messages = append(next.messages, { role: "user", content, ...(pinned === true ? { pinned } : {}) });
    }
    next.steers = next.steers.filter((steer) => !isDue(steer, next));
    if (due.length > 0) {
      next.verdict = undefined;
      next.repairs = 0;
    }
  }
  const isLast = next.ending?.wrapUp === true ? ({ lastStep: true } as const) : {};
  for (const note of next.notes) next.messages = append(next.messages, { role: "user", content: toText(note), ...isLast });
  if (next.notes.length > 0) next.notes = [];
  const { model } = next;
  next.model = { ...model, attempts: event.attempt, candidateAttempts: model.candidateAttempts + 1, inFlight: true };
  next.answered = false;
}

function toText(text: string): readonly UserPart[] {
  return [{ type: "text", text }];
}

export function isDue(steer: PendingSteer, state: RunState): boolean {
  return steer.afterStep === undefined || state.step >= steer.afterStep;
}

function modelAnswered(next: Draft, event: ModelAnswered): void {
  const wrappedUp = next.ending !== undefined;
  const calls = callsOf(event, next.agent.tools, next.request.unguarded === true);
  const text = textOf(event);
  next.step = event.step + 1;
  measure(next, event);
  next.messages = append(next.messages, { role: "assistant", content: event.content });
  next.calls = wrappedUp ? calls.map(leftUnrun) : calls;
  next.model = next.model.candidate === 0 ? IDLE_MODEL : { ...IDLE_MODEL, candidate: next.model.candidate };
  next.usage = addUsage(next.usage, event.usage);
  next.costUsd = next.costUsd === "unknown" || event.costUsd === undefined ? "unknown" : next.costUsd + event.costUsd;
  next.lastCallTokens = (event.usage.inputTokens ?? 0) + (event.usage.outputTokens ?? 0);
  next.lastCallCostUsd = event.costUsd ?? 0;
  next.toolCalls += calls.length;
  next.overflows = 0;
  if (text !== "" || (calls.length === 0 && !wrappedUp)) next.output = text;
  next.answered = calls.length === 0 || wrappedUp;
  next.verdict = event.output;
  closeStep(next);
}

function callsOf(event: ModelAnswered, tools: readonly ToolSnapshot[], unguarded: boolean): CallState[] {
  const calls: CallState[] = [];
  for (const part of event.content) {
    if (!isOwnCall(part)) continue;
    const ordinal = calls.length;
    const id = callId(event.step, ordinal);
    const key = unguarded ? "" : keyOf(tools, part, id);
    calls.push(toCall(part, { id, key, refusal: refusalOf(event, ordinal) }));
  }
  return calls;
}

/** A polling call is like no other: it is repeated on purpose, and ends every pattern. */
function keyOf(tools: readonly ToolSnapshot[], part: ToolCallPart, id: string): string {
  const key = callKey(part.toolName, part.input);
  return tools.find(({ name }) => name === part.toolName)?.polling === true ? `${key} ${id}` : key;
}

function isOwnCall(part: { readonly type: string; readonly providerExecuted?: boolean }): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}

function refusalOf(event: ModelAnswered, ordinal: number): CallRefusal | undefined {
  return event.refused?.find((refusal) => refusal.call === ordinal);
}

function toCall(
  part: ToolCallPart,
  given: { readonly id: string; readonly key: string; readonly refusal: CallRefusal | undefined },
): CallState {
  const { id, key, refusal } = given;
  return {
    id,
    toolCallId: part.toolCallId,
    name: part.toolName,
    input: part.input,
    key,
    status: refusal === undefined ? "ready" : "ended",
    interruptions: 0,
    unanswered: 0,
    reconciled: false,
    pinned: false,
    waits: 0,
    wait: undefined,
    woken: undefined,
    outcome: refusal === undefined ? undefined : (refusal.outcome ?? "invalid"),
    output: refusal === undefined ? undefined : { type: "error-text", value: refusal.message },
    child: undefined,
  };
}

/** The wrap-up step was asked not to call tools; what it asked for all the same is not run. */
function leftUnrun(call: CallState): CallState {
  const value = "Not run: the run is at its limit and this was its last step.";
  return { ...call, status: "ended", outcome: "cancelled", output: { type: "error-text", value } };
}

function textOf(event: ModelAnswered): string {
  let text = "";
  for (const part of event.content) if (part.type === "text") text += part.text;
  return text;
}

function modelFailed(next: Draft, header: EventHeader, event: ModelFailed): void {
  const { model, limits } = next;
  if (isMendable(next, event)) return overflowed(next, event);
  const isLast = model.candidate + 1 >= next.models.length;
  const again = event.retryable && model.candidateAttempts < limits.modelAttempts && (event.passedOver !== true || isLast);
  const fallback = !again && event.retryable && !isLast;
  if (event.usageUnknown === true) next.usage = { ...next.usage, unknownCalls: next.usage.unknownCalls + 1 };
  next.model = {
    attempts: model.attempts,
    candidate: fallback ? model.candidate + 1 : model.candidate,
    candidateAttempts: fallback ? 0 : model.candidateAttempts,
    inFlight: false,
    retryAt: again ? header.at + backoffMs(limits.retryBaseMs, model.candidateAttempts, event) : undefined,
    lastError: event.error,
    overflowed: false,
    exhausted: !again && !fallback,
  };
}
