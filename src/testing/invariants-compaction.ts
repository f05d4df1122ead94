/** Invariant 3: what a summary must not take out of a conversation. */
import { toArray } from "../kernel/list.ts";
import type { Message } from "../ports/messages.ts";
import type { Check } from "./invariants.ts";

export const compactionKeeps: Check =
  (report) =>
  ({ event, before, after }) => {
    if (event.type !== "context.compacted" || before === undefined) return;
    const left = new Set(toArray(after.messages));
    const first = before.messages.items[before.head];
    if (first !== undefined && after.messages.items[after.head] !== first)
      report(3, event.seq, "the first turn is not in the conversation any more, or not known to be it");
    const lost = toArray(before.messages).find((message) => isPinned(message) && !left.has(message));
    if (lost !== undefined) report(3, event.seq, `a pinned message (${lost.role}) is not in the conversation any more`);
  };

function isPinned(message: Message): boolean {
  if (message.pinned === true) return true;
  return message.role === "tool" && message.content.some((part) => part.pinned === true);
}
