/** Edits of the part that a fork copies: checked first, then made in the copied events. */
import { fingerprintOf } from "../kernel/definition.ts";
import { ExecutusError, nearest } from "../kernel/errors.ts";
import type { AgentSnapshot } from "../ports/agent.ts";
import type { RunEvent } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { AssistantPart, ToolOutput, UserPart } from "../ports/messages.ts";
import { listOf } from "./attachments.ts";

export interface ForkEdit {
  /** The whole system prompt. */
  readonly instructions?: string;
  /** Text of the first user turn. */
  readonly input?: string;
  /** Tier or `provider/model` from here on. */
  readonly model?: string;
  /** Text of a message, by the sequence number of its event: a steer, an answer of the model, a summary. */
  readonly messages?: readonly { readonly seq: number; readonly text: string }[];
  /** What the model is told that a call brought. */
  readonly results?: readonly { readonly call: string; readonly output: JsonValue; readonly outcome?: "ok" | "error" }[];
}

const FIELDS = ["instructions", "input", "model", "messages", "results"];
const FIELDS_OF_ITEM = { messages: ["seq", "text"], results: ["call", "output", "outcome"] } as const;

/** Throws `request_invalid` for what is no edit, naming the nearest field. */
export function checkEdit(edit: unknown): ForkEdit {
  const fields = checkFields(edit, FIELDS, "an edit");
  for (const key of ["instructions", "input", "model"]) checkText(fields[key], key);
  for (const key of ["messages", "results"] as const) {
    const items = fields[key] ?? [];
    if (!Array.isArray(items))
      throw invalid(`\`${key}\` of an edit is not a list`, `Give it as [{ ${FIELDS_OF_ITEM[key].join(", ")} }].`);
    for (const item of items) checkItem(checkFields(item, FIELDS_OF_ITEM[key], `\`${key}\` of an edit`), key);
  }
  return fields;
}

function checkItem(item: Readonly<Record<string, unknown>>, key: "messages" | "results"): void {
  if (key === "messages") {
    if (!Number.isInteger(item["seq"])) throw invalid("a message of an edit has no `seq`", "Give the number of its event.");
    if (typeof item["text"] !== "string") throw invalid("a message of an edit has no `text`", "Give the new text.");
    return;
  }
  if (typeof item["call"] !== "string") throw invalid("a result of an edit has no `call`", "Give the id of the call, like 2.0.");
  if (item["output"] === undefined) throw invalid("a result of an edit has no `output`", "Give what the model is to be told.");
  const { outcome = "ok" } = item;
  if (outcome !== "ok" && outcome !== "error") throw invalid(`\`outcome\` is ${JSON.stringify(outcome)}`, "Use ok or error.");
}

function checkFields(value: unknown, known: readonly string[], what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${what} is not an object`, `Fields: ${known.join(", ")}.`);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw invalid(
      `\`${key}\` is not a field of ${what}`,
      near === undefined ? `Fields: ${known.join(", ")}.` : `Did you mean \`${near}\`?`,
    );
  }
  return value as Readonly<Record<string, unknown>>;
}

function checkText(value: unknown, key: string): void {
  if (value === undefined || typeof value === "string") return;
  throw invalid(`\`${key}\` of an edit is ${JSON.stringify(value)}`, "Use text.");
}

export interface Edited {
  readonly events: readonly RunEvent[];
  /** What was changed, one sentence each. */
  readonly edits: readonly string[];
}

/** Throws `request_invalid` for a message or a call that is not in that part. `model` is not made here: it has to be resolved. */
export function applyEdit(events: readonly RunEvent[], edit: ForkEdit): Edited {
  let edited = events;
  const edits: string[] = [];
  const { instructions, input, messages = [], results = [] } = edit;
  if (instructions !== undefined || input !== undefined) {
    edited = edited.map((event) => (event.type === "run.started" ? withStart(event, edit) : event));
    if (instructions !== undefined) edits.push("other instructions");
    if (input !== undefined) edits.push("another first message");
  }
  for (const { seq, text } of messages) {
    edited = replaced(
      edited,
      (event) => (event.seq === seq ? withText(event, text) : undefined),
      `event ${seq} is no message in that part`,
    );
    edits.push(`another text in event ${seq}`);
  }
  for (const { call, output, outcome = "ok" } of results) {
    const told = toOutput(output, outcome);
    edited = replaced(
      edited,
      (event) => (event.type === "tool.ended" && event.call === call ? { ...event, outcome, output: told } : undefined),
      `call ${call} has no result in that part`,
    );
    edits.push(`another result of call ${call}`);
  }
  return { events: edited, edits };
}

function replaced(
  events: readonly RunEvent[],
  change: (event: RunEvent) => RunEvent | undefined,
  missing: string,
): readonly RunEvent[] {
  let found = false;
  const edited = events.map((event) => {
    const changed = change(event);
    found ||= changed !== undefined;
    return changed ?? event;
  });
  if (!found) throw invalid(missing, "Look for it: executus tail RUN, or fork at a later event.");
  return edited;
}

function withStart(event: Extract<RunEvent, { type: "run.started" }>, { instructions, input }: ForkEdit): RunEvent {
  const { fingerprint: _old, ...before } = event.agent;
  const agent = instructions === undefined ? before : { ...before, instructions, edited: true as const };
  const snapshot: AgentSnapshot = { ...agent, fingerprint: fingerprintOf(agent) };
  const [list] = listOf(event.request.attachments ?? []);
  const files = event.request.input.filter((part) => part.type !== "text" || (list?.type === "text" && part.text === list.text));
  const parts: readonly UserPart[] = input === undefined || input === "" ? files : [{ type: "text", text: input }, ...files];
  return { ...event, agent: snapshot, request: input === undefined ? event.request : { ...event.request, input: parts } };
}

function withText(event: RunEvent, text: string): RunEvent | undefined {
  switch (event.type) {
    case "steer.received":
      return { ...event, content: [{ type: "text", text }, ...event.content.filter((part) => part.type !== "text")] };
    case "model.answered": {
      const rest = event.content.filter((part) => part.type !== "text");
      const said: readonly AssistantPart[] = text === "" ? [] : [{ type: "text", text }];
      return { ...event, content: [...said, ...rest] };
    }
    case "context.compacted":
      return { ...event, summary: text };
    default:
      return undefined;
  }
}

function toOutput(value: JsonValue, outcome: "ok" | "error"): ToolOutput {
  if (typeof value === "string") return { type: outcome === "ok" ? "text" : "error-text", value };
  return { type: outcome === "ok" ? "json" : "error-json", value };
}

function invalid(problem: string, hint: string): ExecutusError {
  return new ExecutusError("request_invalid", problem, { hint });
}
