/** Which calls of an answer can be run; the others are answered at once, as data for the model. */
import { nearest } from "../kernel/errors.ts";
import { callId } from "../kernel/state.ts";
import type { CallRefusal } from "../ports/events.ts";
import type { AssistantPart, ToolCallPart } from "../ports/messages.ts";
import type { FinishReason } from "../ports/models.ts";
import type { Session } from "./session.ts";

export interface CheckedCalls {
  readonly content: readonly AssistantPart[];
  readonly refused: readonly CallRefusal[];
}

export async function checkCalls(
  session: Session,
  content: readonly AssistantPart[],
  finish: FinishReason,
): Promise<CheckedCalls> {
  const refused: CallRefusal[] = [];
  let ordinal = 0;
  for (const part of content) {
    if (part.type !== "tool-call" || part.providerExecuted === true) continue;
    const call = ordinal++;
    const cut = cutOff(finish);
    if (cut !== undefined) refused.push({ call, message: cut, outcome: "cancelled" });
    const problem = cut === undefined ? await problemOf(session, part, callId(session.state.step, call)) : undefined;
    if (problem !== undefined) refused.push({ call, message: problem });
  }
  return { content, refused };
}

/** Calls of an answer that was cut may be incomplete: they are never run. */
function cutOff(finish: FinishReason): string | undefined {
  if (finish !== "length" && finish !== "content-filter") return undefined;
  const why = finish === "length" ? "reached its length limit" : "was stopped by a content filter";
  return `Not run: the answer ${why}, so this call may be incomplete. Make it again if it is still needed, in a shorter answer.`;
}

async function problemOf(session: Session, part: ToolCallPart, call: string): Promise<string | undefined> {
  const tool = session.tools.get(part.toolName);
  if (tool === undefined) return unknownTool(part.toolName, [...session.tools.keys()]);
  try {
    const checking = tool.validate(part.input);
    const check = checking instanceof Promise ? await checking : checking;
    if (check.ok) session.keepInput(call, check.value);
    return check.ok ? undefined : `Not run: the arguments of ${part.toolName} do not fit its schema. ${check.problem}`;
  } catch (error) {
    return `Not run: the arguments of ${part.toolName} could not be checked: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function unknownTool(name: string, names: readonly string[]): string {
  if (names.length === 0) return `Not run: there is no tool ${name}; this agent has no tools.`;
  const near = nearest(name, names);
  return `Not run: there is no tool ${name}.${near === undefined ? "" : ` Did you mean ${near}?`} Tools: ${names.join(", ")}.`;
}
