/**
 * What people and the outside tell a waiting run, turned into facts by its owner.
 *
 * A1 An answer names the request it is for. The first that fits counts; any other changes nothing and is recorded as refused. A decision
 *    about a call in doubt may leave out which of its doubts it is about.
 * A2 Edited arguments enter only after the tool's own check of them. Of a tool that has no code here, because its source is not open yet
 *    or it is missing, the journaled schema checks them, and the tool itself before they are run.
 */
import type { CallState, OpenWait, RunState } from "../kernel/state.ts";
import type { EventBody } from "../ports/events.ts";
import { toolOf } from "../kernel/effects.ts";
import type { JsonObject, JsonValue } from "../ports/json.ts";
import type { Schemas } from "../ports/output.ts";
import type { PendingEntry } from "../ports/store.ts";
import type { Tool, ToolInputCheck } from "../ports/tools.ts";
import type { AnswerBody } from "../ports/waiting.ts";
import { inTime } from "./in-time.ts";
import type { Session } from "./session.ts";

export type AnswerEntry = Extract<PendingEntry, AnswerBody>;

/** Signals kept for calls that have not begun to wait yet; more than that are nobody's. */
const MOST_SIGNALS = 100;

/** What the tool said to edited arguments, by inbox entry. */
export interface Edits {
  editOf(entry: string): ToolInputCheck | undefined;
}

export function answerEvent(entry: AnswerEntry, state: RunState, edits: Edits): EventBody {
  switch (entry.kind) {
    case "approve":
      return approved(entry, state, edits.editOf(entry.id));
    case "deny":
      return denied(entry, state);
    case "answer":
      return answered(entry, state);
    case "signal": {
      const { id, name, payload } = entry;
      if (state.signals.length >= MOST_SIGNALS) return refused(entry, name, `${MOST_SIGNALS} signals are waiting already`);
      return { type: "signal.received", id, name, ...(payload === undefined ? {} : { payload }), ...from(entry) };
    }
  }
}

type Entry<K extends AnswerBody["kind"]> = Extract<AnswerEntry, { readonly kind: K }>;

function approved(entry: Entry<"approve">, state: RunState, edit: ToolInputCheck | undefined): EventBody {
  const { id, approval, input, note, always } = entry;
  const call = asked(state, approval);
  if (call === undefined) return refused(entry, approval, stale(state, approval));
  if (input !== undefined && edit?.ok !== true) {
    const problem = edit === undefined ? "they were not checked" : edit.problem;
    return refused(entry, approval, `the edited arguments do not fit ${call.name}: ${problem}`);
  }
  return {
    type: "approval.answered",
    id,
    approval,
    call: call.id,
    decision: "approved",
    by: "person",
    ...(note === undefined || note === "" ? {} : { note }),
    ...(input === undefined ? {} : { input }),
    ...(always === true ? { always } : {}),
    ...from(entry),
  };
}

function denied(entry: Entry<"deny">, state: RunState): EventBody {
  const { id, approval, note } = entry;
  const call = asked(state, approval);
  if (call === undefined) return refused(entry, approval, stale(state, approval));
  const remark = note === undefined || note === "" ? {} : { note };
  return { type: "approval.answered", id, approval, call: call.id, decision: "denied", by: "person", ...remark, ...from(entry) };
}

function asked(state: RunState, approval: string): CallState | undefined {
  return state.calls.find(({ status, wait }) => status === "asked" && wait?.id === approval);
}

function stale(state: RunState, approval: string): string {
  return asksNow(state, approval)
    ? "it waits for something else"
    : "nobody is asked for that: it was answered before, or never asked";
}

function asksNow({ calls, question }: RunState, id: string): boolean {
  return (
    question?.id === id || calls.some(({ status, wait }) => (status === "asked" || status === "suspended") && wait?.id === id)
  );
}

function answered(entry: Entry<"answer">, state: RunState): EventBody {
  const { id, question, answer } = entry;
  const call = state.calls.find(({ status, wait }) => status === "suspended" && wait?.for === "question" && wait.id === question);
  const wait = call?.wait ?? (state.question?.id === question ? state.question : undefined);
  if (wait === undefined) return refused(entry, question, stale(state, question));
  const problem = unfit(wait, answer);
  if (problem !== undefined) return refused(entry, question, problem);
  return {
    type: "question.answered",
    id,
    question,
    ...(call === undefined ? {} : { call: call.id }),
    by: "person",
    answer,
    ...from(entry),
  };
}

/** What a person says became of a call: of the doubt that it is in now, or of the one that was looked at. */
export function resolutionEvent(entry: Extract<PendingEntry, { readonly kind: "resolve" }>, state: RunState): EventBody {
  const { id, call, outcome, output, doubt } = entry;
  const problem = doubt === undefined ? undefined : staleDoubt(state, call, doubt);
  if (problem !== undefined) return refused(entry, call, problem);
  return { type: "call.resolved", id, call, outcome, ...(output === undefined ? {} : { output }), ...from(entry) };
}

function staleDoubt({ calls, background }: RunState, id: string, doubt: number): string | undefined {
  const call = [...calls, ...background].find((open) => open.id === id);
  if (call?.status !== "in-doubt") return `the call ${id} is not in doubt: that was decided before, or never open`;
  if (call.interruptions === doubt) return undefined;
  return `it is about doubt ${doubt} of the call ${id}, and what waits is doubt ${call.interruptions}`;
}

/** Why the question cannot be answered like that. */
export function unfit({ choices }: { readonly choices?: OpenWait["choices"] }, answer: JsonValue): string | undefined {
  if (choices === undefined || (typeof answer === "string" && choices.includes(answer))) return undefined;
  return `the answer is one of ${choices.join(", ")}`;
}

function refused(entry: PendingEntry, about: string, message: string): EventBody {
  return { type: "answer.refused", id: entry.id, about, message, ...from(entry) };
}

function from(entry: PendingEntry): { from?: string } {
  return entry.from === undefined ? {} : { from: entry.from };
}

/** Asked of the tool before the entry can enter, because a check may take its time. */
export async function checkEdits(session: Session, entries: readonly PendingEntry[]): Promise<void> {
  for (const entry of entries) {
    if (entry.kind !== "approve" || entry.input === undefined) continue;
    const call = asked(session.state, entry.approval);
    if (call !== undefined) session.keepEdit(entry.id, await check(session, call, entry.input));
  }
}

async function check(session: Session, { name }: CallState, input: JsonValue): Promise<ToolInputCheck> {
  const { tools, state, ports } = session;
  const edited = { name, tool: tools.get(name), schema: toolOf(state, name)?.inputSchema, schemas: ports.schemas };
  try {
    return await inTime(session, () => checkEdit(edited, input));
  } catch (error) {
    return unchecked(error);
  }
}

interface EditedTool {
  readonly name: string;
  readonly tool: Tool | undefined;
  /** As it is journaled. */
  readonly schema: JsonObject | undefined;
  readonly schemas: Schemas | undefined;
}

export async function checkEdit({ name, tool, schema, schemas }: EditedTool, input: JsonValue): Promise<ToolInputCheck> {
  try {
    if (tool !== undefined) return await tool.validate(input);
    if (schema === undefined || schemas === undefined) {
      return { ok: false, problem: `there is no tool ${name} in this process` };
    }
    return await (await schemas.read(schema, `the tool ${name}`)).validate(input);
  } catch (error) {
    return unchecked(error);
  }
}

function unchecked(error: unknown): ToolInputCheck {
  return { ok: false, problem: error instanceof Error ? error.message : String(error) };
}
