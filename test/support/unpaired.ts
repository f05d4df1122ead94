import type { Message } from "../../src/ports/messages.ts";

/** Ids of calls that have no result before the next message of anybody else, and of results without their call. */
export function unpaired(messages: readonly Message[]): readonly string[] {
  const open = new Set<string>();
  const wrong: string[] = [];
  for (const { role, content } of messages) {
    if (role !== "tool") wrong.push(...open);
    for (const part of content) {
      if (part.type === "tool-call") open.add(part.toolCallId);
      if (part.type === "tool-result" && !open.delete(part.toolCallId)) wrong.push(part.toolCallId);
    }
  }
  return [...wrong, ...open];
}
