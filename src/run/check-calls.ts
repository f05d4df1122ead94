/** Which calls of an answer can be run; the others are answered at once, as data for the model. */
import { nearest } from "../kernel/errors.ts";
import { callId } from "../kernel/state.ts";
import type { CallRefusal } from "../ports/events.ts";
import type { AssistantPart, ToolCallPart } from "../ports/messages.ts";
import type { JsonObject, JsonValue } from "../ports/json.ts";
import type { FinishReason } from "../ports/models.ts";
import type { ToolInputCheck } from "../ports/tools.ts";
import type { ApprovalRequested } from "../ports/waiting.ts";
import { clear, type Clearance } from "./approvals.ts";
import { toolsOf } from "../kernel/file-tool.ts";
import { toolNamed } from "./file-tool.ts";
import { inTime } from "./in-time.ts";
import { isTooDeep } from "./json.ts";
import type { Session } from "./session.ts";

export interface CheckedCalls {
  readonly content: readonly AssistantPart[];
  readonly refused: readonly CallRefusal[];
  /** Calls that a person must approve first. */
  readonly requests: readonly ApprovalRequested[];
}

export async function checkCalls(
  session: Session,
  content: readonly AssistantPart[],
  finish: FinishReason,
): Promise<CheckedCalls> {
  const refused: CallRefusal[] = [];
  const requests: ApprovalRequested[] = [];
  let ordinal = 0;
  const cut = cutOff(finish);
  for (const part of content) {
    if (part.type !== "tool-call" || part.providerExecuted === true) continue;
    const call = ordinal++;
    if (cut !== undefined) {
      refused.push({ call, message: cut, outcome: "cancelled" });
      continue;
    }
    const checking = checkCall(session, part, callId(session.state.step, call));
    const check = checking instanceof Promise ? await checking : checking;
    if (check?.type === "refused") refused.push({ call, message: check.message });
    else if (check?.type === "denied") refused.push({ call, message: check.message, outcome: "denied" });
    else if (check?.type === "ask") requests.push(check.request);
  }
  return { content, refused, requests };
}

/** Calls of an answer that was cut may be incomplete: they are never run. */
function cutOff(finish: FinishReason): string | undefined {
  if (finish !== "length" && finish !== "content-filter") return undefined;
  const why = finish === "length" ? "reached its length limit" : "was stopped by a content filter";
  return `Not run: the answer ${why}, so this call may be incomplete. Make it again if it is still needed, in a shorter answer.`;
}

/** In the place of arguments that cannot be kept; known by identity. */
const LEFT_OUT: JsonObject = Object.freeze({});

/** An answer as it can be journaled: arguments that are nested without end are left out, and their call is refused. */
export function withoutDepth(content: readonly AssistantPart[]): readonly AssistantPart[] {
  if (!content.some((part) => part.type === "tool-call" && isTooDeep(part.input))) return content;
  return content.map((part) => (part.type === "tool-call" && isTooDeep(part.input) ? { ...part, input: LEFT_OUT } : part));
}

type Check = Clearance | { readonly type: "refused"; readonly message: string };

/** Undefined for a call that runs and that nobody has said anything about. At once where nobody has to be waited for. */
function checkCall(session: Session, part: ToolCallPart, call: string): Check | undefined | Promise<Check | undefined> {
  const { input, toolName } = part;
  if (input === LEFT_OUT) return refusal(`Not run: the arguments of ${toolName} are nested too deeply and were left out.`);
  const tool = toolNamed(session, toolName);
  if (tool === undefined) {
    const names = toolsOf(session.state).map(({ name }) => name);
    return refusal(unknownTool(toolName, names));
  }
  const unchecked = (error: unknown): Check => {
    const message = error instanceof Error ? error.message : String(error);
    return refusal(`Not run: the arguments of ${toolName} could not be checked: ${message}`);
  };
  const checked = (check: ToolInputCheck): Check | undefined | Promise<Check | undefined> => {
    if (!check.ok) return refusal(`Not run: the arguments of ${toolName} ${notJson(input) ?? unfit(check.problem)}`);
    session.keepInput(call, input, check.value);
    return clear(session, { call, part, tool, input: check.value });
  };
  try {
    const checking = tool.validate(input);
    return checking instanceof Promise
      ? inTime(session, () => checking)
          .then(checked)
          .catch(unchecked)
      : checked(checking);
  } catch (error) {
    return unchecked(error);
  }
}

/** Arguments that could not be read are still the text that the model wrote: what their schema says of a text would mislead it. */
function notJson(input: JsonValue): string | undefined {
  if (typeof input !== "string") return undefined;
  try {
    JSON.parse(input);
    return undefined;
  } catch (error) {
    return `are not valid JSON: ${(error as Error).message}`;
  }
}

function unfit(problem: string): string {
  return `do not fit its schema. ${problem}`;
}

function refusal(message: string): Check {
  return { type: "refused", message };
}

function unknownTool(name: string, names: readonly string[]): string {
  if (names.length === 0) return `Not run: there is no tool ${name}; this agent has no tools.`;
  const near = nearest(name, names);
  return `Not run: there is no tool ${name}.${near === undefined ? "" : ` Did you mean ${near}?`} Tools: ${names.join(", ")}.`;
}
