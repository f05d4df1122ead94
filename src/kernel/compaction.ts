/**
 * When a conversation is shortened, and what stays of it.
 *
 * M1 The run's first turn, pinned messages and the last messages stay as they are; a call is never parted from its result.
 * M2 By the ratio, once per step; after a provider's refusal, a bounded number of times per step. So it always ends.
 */
import type { CompactionRequested } from "../ports/events.ts";
import type { Message, UserMessage } from "../ports/messages.ts";
import { contextTokens } from "./context-size.ts";
import { type List, toArray } from "./list.ts";
import type { PendingCompaction, RunState } from "./state.ts";

/** Compactions in one step because a provider refused the conversation as too long. */
export const MOST_OVERFLOWS = 2;

/** After a compaction that failed, the conversation must have grown by this much before the next is tried. */
const GROWTH_AFTER_FAILURE = 1.1;

/** The code of a model's error that a shorter conversation would mend. */
export const OVERFLOW = "model_context_overflow";

/** Asked before a model call: the request that should be recorded now. */
export function compactionWanted(state: RunState): CompactionRequested | undefined {
  if (state.windows === undefined) return undefined;
  if (state.model.overflowed && state.compaction?.reason !== "overflow") {
    return { type: "compaction.requested", reason: "overflow", tokens: contextTokens(state) };
  }
  if (state.compaction !== undefined) return undefined;
  const window = windowOf(state);
  if (window === undefined || state.compactedStep === state.step || state.ending !== undefined) return undefined;
  const tokens = contextTokens(state);
  const threshold = Math.max(window * state.limits.compactionRatio, state.compactionFailedAt * GROWTH_AFTER_FAILURE);
  if (tokens < threshold) return undefined;
  return { type: "compaction.requested", reason: "ratio", tokens, window };
}

/** What was requested is to be done now, before the next model call. On the way to an end, only where that call needs it. */
export function compactionDue(state: RunState): PendingCompaction | undefined {
  const { compaction } = state;
  if (compaction === undefined || state.model.inFlight || state.step < (compaction.afterStep ?? 0)) return undefined;
  if (state.calls.length > 0 || (state.answered && state.steers.length === 0)) return undefined;
  return state.ending === undefined || compaction.reason === "overflow" ? compaction : undefined;
}

/** Longest summary that is reckoned with. */
const SUMMARY_TOKENS = 2_000;

/** Tokens that a compaction is expected to use: it reads the conversation and writes something shorter. */
export function compactionTokens(state: RunState): number {
  const tokens = contextTokens(state);
  return tokens + Math.min(SUMMARY_TOKENS, tokens);
}

/** Tokens, of the model that is called next; undefined when it is not known. */
export function windowOf(state: RunState): number | undefined {
  const model = state.models[state.model.candidate];
  return model === undefined ? undefined : state.windows?.[model];
}

export interface Compacted {
  readonly messages: readonly Message[];
  /** Index of the run's first turn in them. */
  readonly head: number;
}

/** The conversation with a summary in place of everything that may go. */
export function compactedMessages(state: RunState, summary: string, keep: number): Compacted {
  const { before, start } = split(state, keep);
  const told: UserMessage = { role: "user", content: [{ type: "text", text: summary }] };
  const headBefore = before.findIndex(({ index }) => index === state.head);
  const kept = before.map(({ message }) => message);
  const head = headBefore >= 0 ? headBefore : kept.length + 1 + Math.max(0, state.head - start);
  return { messages: [...kept, told, ...toArray(state.messages, start)], head };
}

/** What the summary has to stand for. */
export function summarised(state: RunState, keep: number): readonly Message[] {
  const { before, start } = split(state, keep);
  const stays = new Set(before.map(({ index }) => index));
  return toArray(state.messages)
    .slice(0, start)
    .filter((_, index) => !stays.has(index));
}

interface Kept {
  readonly index: number;
  readonly message: Message;
}

function split(state: RunState, keep: number): { readonly before: readonly Kept[]; readonly start: number } {
  const start = tailStart(state.messages, keep);
  const messages = toArray(state.messages).slice(0, start);
  const stays = (index: number): boolean =>
    index === state.head || isPinned(messages[index]) || isPinned(partnerOf(messages, index));
  const before = messages.map((message, index) => ({ message, index })).filter(({ index }) => stays(index));
  return { before, start };
}

/** An answer with calls and the message with their results: neither stays without the other. */
function partnerOf(messages: readonly Message[], index: number): Message | undefined {
  const [one, next, previous] = [messages[index], messages[index + 1], messages[index - 1]];
  if (one?.role === "tool") return previous;
  return one?.role === "assistant" && next?.role === "tool" ? next : undefined;
}

function isPinned(message: Message | undefined): boolean {
  if (message === undefined || message.pinned === true) return message !== undefined;
  return message.role === "tool" && message.content.some((part) => part.pinned === true);
}

/** A tool message at the start of the tail would have lost its calls, so the tail begins with their answer. */
function tailStart(messages: List<Message>, keep: number): number {
  let start = Math.max(0, messages.length - Math.max(0, keep));
  while (start > 0 && start < messages.length && messages.items[start]?.role === "tool") start--;
  return start;
}
