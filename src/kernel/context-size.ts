/**
 * How much of a model's window a conversation takes.
 *
 * X1 What a provider reported is taken as it is; only what came since is estimated.
 * X2 Nothing is measured for a run that cannot be compacted.
 */
import type { JsonValue } from "../ports/json.ts";
import type { FilePart, Message, ToolOutput } from "../ports/messages.ts";
import type { RunState } from "./state.ts";

/** Characters of English prose or JSON to a token; other text takes more tokens, which the provider's figures will say. */
const CHARACTERS_PER_TOKEN = 4;
/** Around each message: role, separators. */
const MESSAGE_TOKENS = 4;
/** An image or a document, whose price depends on its pixels or pages. */
const FILE_TOKENS = 1_500;

/** Tokens the next prompt would have, without what waits to enter it. */
export function contextTokens(state: RunState): number {
  let tokens = state.measuredTokens;
  const { items, length } = state.messages;
  for (let i = state.measuredMessages; i < length; i++) {
    const message = items[i];
    if (message !== undefined) tokens += messageTokens(message);
  }
  return tokens;
}

export function messagesTokens(messages: readonly Message[]): number {
  return messages.reduce((tokens, message) => tokens + messageTokens(message), 0);
}

export function messageTokens(message: Message): number {
  let size = 0;
  for (const part of message.content) {
    switch (part.type) {
      case "text":
      case "reasoning":
        size += part.text.length;
        break;
      case "tool-call":
        size += part.toolName.length + jsonSize(part.input);
        break;
      case "tool-result":
        size += part.toolName.length + outputSize(part.output);
        break;
      case "file":
        size += fileSize(part);
        break;
      case "opaque":
        size += jsonSize(part.part);
    }
  }
  return MESSAGE_TOKENS + Math.ceil(size / CHARACTERS_PER_TOKEN);
}

/** What goes with every prompt: instructions and tools. */
export function overheadTokens({ agent }: RunState): number {
  let size = agent.instructions.length;
  for (const tool of agent.tools) size += tool.name.length + tool.description.length + jsonSize(tool.inputSchema);
  return Math.ceil(size / CHARACTERS_PER_TOKEN);
}

function outputSize(output: ToolOutput): number {
  if (output.type !== "content") return jsonSize(output.value);
  return output.value.reduce((size, part) => size + (part.type === "text" ? part.text.length : fileSize(part)), 0);
}

function fileSize({ data }: FilePart): number {
  return data.type === "text" ? data.text.length : FILE_TOKENS * CHARACTERS_PER_TOKEN;
}

/** About as long as its JSON, which is not made for it. */
function jsonSize(value: JsonValue): number {
  if (typeof value === "string") return value.length + 2;
  if (value === null || typeof value !== "object") return 5;
  let size = 2;
  if (Array.isArray(value)) for (const item of value) size += 1 + jsonSize(item as JsonValue);
  else for (const [key, field] of Object.entries(value)) size += key.length + 4 + jsonSize(field);
  return size;
}
