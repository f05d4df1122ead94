/** How model calls and compactions change a run. */
import type {
  CompactionFailed,
  ContextCompacted,
  EventHeader,
  ModelAnswered,
  ModelFailed,
  ModelStarted,
} from "../ports/events.ts";
import type { Message, ToolCallPart, UserPart } from "../ports/messages.ts";
import type { TokenUsage } from "../ports/models.ts";
import type { UsageTotal } from "../ports/view.ts";
import { closeStep } from "./evolve-calls.ts";
import { callKey } from "./guards.ts";
import { append, emptyList, type List, toArray } from "./list.ts";
import { backoffMs } from "./retry.ts";
import { callId, type CallState, IDLE_MODEL, type PendingSteer, type RunState } from "./state.ts";

type ModelEvent = ModelStarted | ModelAnswered | ModelFailed | ContextCompacted | CompactionFailed;

export function evolveModel(state: RunState, header: EventHeader, event: ModelEvent): RunState {
  switch (event.type) {
    case "model.started":
      return modelStarted(state, event);
    case "model.answered":
      return modelAnswered(state, event);
    case "model.failed":
      return modelFailed(state, header, event);
    case "context.compacted":
      return compacted(state, event);
    case "compaction.failed":
      return withoutCompaction(state);
  }
}

/** What waited for the next step enters the conversation here, in order and once. */
function modelStarted(state: RunState, event: ModelStarted): RunState {
  const due = state.steers.filter((steer) => isDue(steer, state));
  const entering = [...due.map((steer) => steer.content), ...state.notes.map(toText)].filter((parts) => parts.length > 0);
  let messages = state.messages;
  for (const content of entering) messages = append(messages, { role: "user", content });
  return {
    ...state,
    messages,
    steers: due.length === 0 ? state.steers : state.steers.filter((steer) => !isDue(steer, state)),
    notes: state.notes.length === 0 ? state.notes : [],
    model: { ...state.model, attempts: event.attempt, candidateAttempts: state.model.candidateAttempts + 1, inFlight: true },
    answered: false,
  };
}

function toText(text: string): readonly UserPart[] {
  return [{ type: "text", text }];
}

export function isDue(steer: PendingSteer, state: RunState): boolean {
  return steer.afterStep === undefined || state.step >= steer.afterStep;
}

function modelAnswered(state: RunState, event: ModelAnswered): RunState {
  const parts = event.content.filter(isOwnCall);
  const calls = parts.map((part, ordinal) => toCall(part, callId(event.step, ordinal), refusalOf(event, ordinal)));
  const text = textOf(event);
  const wrappedUp = state.ending !== undefined;
  return closeStep({
    ...state,
    step: event.step + 1,
    messages: append(state.messages, { role: "assistant", content: event.content }),
    calls: wrappedUp ? calls.map(leftUnrun) : calls,
    model: { ...IDLE_MODEL, candidate: state.model.candidate },
    usage: addUsage(state.usage, event.usage),
    costUsd: state.costUsd === "unknown" || event.costUsd === undefined ? "unknown" : state.costUsd + event.costUsd,
    lastCallTokens: (event.usage.inputTokens ?? 0) + (event.usage.outputTokens ?? 0),
    lastCallCostUsd: event.costUsd ?? 0,
    toolCalls: state.toolCalls + calls.length,
    output: text === "" && (calls.length > 0 || wrappedUp) ? state.output : text,
    answered: calls.length === 0 || wrappedUp,
  });
}

function isOwnCall(part: { readonly type: string; readonly providerExecuted?: boolean }): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}

function refusalOf(event: ModelAnswered, ordinal: number): string | undefined {
  return event.refused?.find((refusal) => refusal.call === ordinal)?.message;
}

function toCall(part: ToolCallPart, id: string, refusal: string | undefined): CallState {
  const call: CallState = {
    id,
    toolCallId: part.toolCallId,
    name: part.toolName,
    input: part.input,
    key: callKey(part.toolName, part.input),
    status: "ready",
    interruptions: 0,
  };
  if (refusal === undefined) return call;
  return { ...call, status: "ended", outcome: "invalid", output: { type: "error-text", value: refusal } };
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

function addUsage(total: UsageTotal, usage: TokenUsage): UsageTotal {
  const known = usage.inputTokens !== undefined || usage.outputTokens !== undefined;
  return {
    inputTokens: total.inputTokens + (usage.inputTokens ?? 0),
    cacheReadTokens: total.cacheReadTokens + (usage.cacheReadTokens ?? 0),
    cacheWriteTokens: total.cacheWriteTokens + (usage.cacheWriteTokens ?? 0),
    outputTokens: total.outputTokens + (usage.outputTokens ?? 0),
    reasoningTokens: total.reasoningTokens + (usage.reasoningTokens ?? 0),
    unknownCalls: total.unknownCalls + (known ? 0 : 1),
  };
}

function modelFailed(state: RunState, header: EventHeader, event: ModelFailed): RunState {
  const { model, limits } = state;
  const again = event.retryable && model.candidateAttempts < limits.modelAttempts;
  const fallback = !again && event.retryable && model.candidate + 1 < state.models.length;
  return {
    ...state,
    usage: { ...state.usage, unknownCalls: state.usage.unknownCalls + 1 },
    model: {
      attempts: model.attempts,
      candidate: fallback ? model.candidate + 1 : model.candidate,
      candidateAttempts: fallback ? 0 : model.candidateAttempts,
      inFlight: false,
      lastError: event.error,
      exhausted: !again && !fallback,
      ...(again ? { retryAt: header.at + backoffMs(limits.retryBaseMs, model.candidateAttempts, event) } : {}),
    },
  };
}

/**
 * Older messages give way to their summary. A tool message at the start of the kept tail would have lost its calls, so the
 * tail is extended to the answer it belongs to.
 */
function compacted(state: RunState, event: ContextCompacted): RunState {
  let start = Math.max(0, state.messages.length - event.keep);
  while (start > 0 && state.messages.items[start]?.role === "tool") start--;
  let messages: List<Message> = append(emptyList(), { role: "user", content: toText(event.summary) });
  for (const message of toArray(state.messages, start)) messages = append(messages, message);
  return { ...withoutCompaction(state), messages };
}

function withoutCompaction(state: RunState): RunState {
  const { compaction: _done, ...rest } = state;
  return rest;
}
