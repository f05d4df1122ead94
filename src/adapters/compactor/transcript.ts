/** A conversation as text, for a model that is to read it and not to go on with it. */
import type { FilePart, Message, ToolOutput } from "../../ports/messages.ts";

/** One text per message, each value in it at most `longest` characters. */
export function toTranscript(messages: readonly Message[], longest: number): readonly string[] {
  return messages
    .map((message) =>
      message.content
        .map((part) => line(message.role, part, longest))
        .filter(isSaid)
        .join("\n"),
    )
    .filter(isSaid);
}

type Part = Message["content"][number];

function line(role: Message["role"], part: Part, longest: number): string {
  switch (part.type) {
    case "text":
      return part.text === "" ? "" : `${role.toUpperCase()}: ${cut(part.text, longest)}`;
    case "tool-call":
      return `CALL ${part.toolName} ${cut(JSON.stringify(part.input), longest)}`;
    case "tool-result":
      return `RESULT of ${part.toolName}: ${cut(outputText(part.output), longest)}`;
    case "file":
      return `${role.toUpperCase()}: ${fileText(part)}`;
    case "reasoning":
    case "opaque":
      return "";
  }
}

function outputText(output: ToolOutput): string {
  if (output.type === "content")
    return output.value.map((part) => (part.type === "text" ? part.text : fileText(part))).join("\n");
  return typeof output.value === "string" ? output.value : JSON.stringify(output.value);
}

function fileText({ mediaType, filename }: FilePart): string {
  return `[${filename === undefined ? "" : `${filename}, `}${mediaType}]`;
}

/** The beginning says what it is, the end how it came out. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const half = Math.floor(longest / 2);
  return `${text.slice(0, half)} [... ${text.length - 2 * half} characters ...] ${text.slice(-half)}`;
}

function isSaid(text: string): boolean {
  return text !== "";
}
