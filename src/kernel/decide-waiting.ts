/** What becomes of calls that wait, when they are to be looked at again, and how a run's waiting looks from outside. */
import type { EventBody } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { ToolOutput } from "../ports/messages.ts";
import type { WaitingFor } from "../ports/view.ts";
import type { Wait } from "../ports/waiting.ts";
import { isOpenChild } from "./children.ts";
import type { Now } from "./decide.ts";
import type { CallState, OpenWait, RunState } from "./state.ts";

/** Of a call that is asked for, suspended or about to end after that. */
export function decideWaiting(state: RunState, call: CallState, now: Now): readonly EventBody[] {
  const { wait } = call;
  switch (call.status) {
    case "denied":
      return [{ type: "tool.ended", call: call.id, outcome: "denied", output: call.output ?? NOTHING }];
    case "woken":
      return [{ type: "tool.ended", call: call.id, outcome: "ok", output: outputOf(call) }];
    case "asked":
      if (wait === undefined) return [];
      if (state.approvedTools.includes(call.name)) return [approval(call, wait, { decision: "approved", by: "always" })];
      return isOver(wait, now) ? [approvalOver(call, wait)] : [];
    case "suspended":
      return wait === undefined ? [] : decideSuspended(state, { call, wait, now });
    default:
      return [];
  }
}

/** A question about the run itself whose time is over. */
export function decideQuestion({ question }: RunState, now: Now): EventBody | undefined {
  return question !== undefined && isOver(question, now) ? questionOver(question) : undefined;
}

interface Suspended {
  readonly call: CallState;
  readonly wait: OpenWait;
  readonly now: Now;
}

function decideSuspended(state: RunState, { call, wait, now }: Suspended): readonly EventBody[] {
  const woken = { type: "tool.woken", call: call.id, wait: wait.id } as const;
  if (wait.for === "event") {
    const signal = state.signals.find(({ name }) => name === wait.text);
    // Each signal is for one call: the first that waits for it.
    const first = state.calls.find(
      (other) => other.status === "suspended" && other.wait?.for === "event" && other.wait.text === wait.text,
    );
    if (signal !== undefined && first === call) {
      return [{ ...woken, by: "event", ...(signal.payload === undefined ? {} : { payload: signal.payload }) }];
    }
  }
  if (!isOver(wait, now)) return [];
  if (wait.for === "question") return [questionOver(wait, call.id)];
  return [{ ...woken, by: wait.for === "time" ? "time" : "deadline" }];
}

function isOver({ at }: OpenWait, now: Now): boolean {
  return at !== undefined && now.at >= at;
}

function approval(
  call: CallState,
  wait: OpenWait,
  how: { readonly decision: "approved" | "denied"; readonly by: "deadline" | "always" },
): EventBody {
  return { type: "approval.answered", approval: wait.id, call: call.id, ...how };
}

function approvalOver(call: CallState, wait: OpenWait): EventBody {
  if (wait.onDeadline === "wait") return { type: "wait.expired", wait: wait.id, call: call.id };
  return approval(call, wait, { decision: wait.onDeadline === "approve" ? "approved" : "denied", by: "deadline" });
}

function questionOver(wait: OpenWait, call?: string): EventBody {
  const of = call === undefined ? {} : { call };
  if (wait.onDeadline === "wait") return { type: "wait.expired", wait: wait.id, ...of };
  const answer = wait.fallback === undefined ? {} : { answer: wait.fallback };
  return { type: "question.answered", question: wait.id, ...of, by: "deadline", ...answer };
}

// --- results ---------------------------------------------------------------------------------------------------------

const NOTHING: ToolOutput = { type: "text", value: "" };

/** What the model is told when the tool has nothing to say to it. */
function outputOf({ wait, woken }: CallState): ToolOutput {
  const payload = woken?.payload;
  if (woken === undefined || woken.by === "time") return text("The time has come.");
  if (woken.by === "deadline") return text(tooLate(wait, payload));
  return payload === undefined ? text(`${wait?.text ?? "The event"} has happened.`) : toOutput(payload);
}

function tooLate(wait: OpenWait | undefined, fallback: JsonValue | undefined): string {
  if (wait?.for !== "question") return `Nothing was heard of ${wait?.text ?? "the event"} in time.`;
  if (fallback === undefined) return "Nobody answered in time.";
  const answer = typeof fallback === "string" ? fallback : JSON.stringify(fallback);
  return `Nobody answered in time. Take this for the answer: ${answer}`;
}

function toOutput(value: JsonValue): ToolOutput {
  return typeof value === "string" ? text(value) : { type: "json", value };
}

function text(value: string): ToolOutput {
  return { type: "text", value };
}

// --- from outside ----------------------------------------------------------------------------------------------------

/** When time alone changes what is waited for, wall ms. */
export function nextWaitAt({ calls, question }: RunState): number | undefined {
  let earliest = question?.at;
  for (const { status, wait } of calls) {
    if (status !== "asked" && status !== "suspended") continue;
    if (wait?.at !== undefined && (earliest === undefined || wait.at < earliest)) earliest = wait.at;
  }
  return earliest;
}

/** What a person must do comes first; children wake their parent by themselves. */
const PRESSING: readonly Exclude<Wait["for"], "child">[] = ["approval", "question", "resolution", "event", "time"];

export function toWaitingFor(state: RunState): WaitingFor {
  const waits = waitsOf(state);
  const kind = PRESSING.find((kind) => waits.some((wait) => wait.for === kind));
  if (kind === undefined) return { kind: "child", runs: waits.map(({ id }) => id) };
  const calls = waits.flatMap((wait) => (wait.for === kind && wait.call !== undefined ? [wait.call] : []));
  return { kind, calls, waits };
}

function waitsOf({ calls, background, question }: RunState): readonly Wait[] {
  const waits: Wait[] = question === undefined ? [] : [toWait(question)];
  for (const call of background.length === 0 ? calls : [...calls, ...background]) {
    const of = { call: call.id, tool: call.name };
    if (isOpenChild(call) && call.child !== undefined) waits.push({ for: "child", id: call.child.run, ...of });
    else if (call.status === "in-doubt") waits.push({ for: "resolution", id: call.id, ...of, ...doubtOf(call) });
    else if ((call.status === "asked" || call.status === "suspended") && call.wait !== undefined) {
      waits.push({ ...toWait(call.wait), ...of });
    }
  }
  return waits;
}

/** The first goes without saying. */
function doubtOf({ interruptions }: CallState): { readonly doubt?: number } {
  return interruptions > 1 ? { doubt: interruptions } : {};
}

function toWait({ id, for: kind, text, choices, at }: OpenWait): Wait {
  return {
    for: kind,
    id,
    ...(text === "" ? {} : { text }),
    ...(choices === undefined ? {} : { choices }),
    ...(at === undefined ? {} : { at }),
  };
}
