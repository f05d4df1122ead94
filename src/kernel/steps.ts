/**
 * The steps of a run as they appear on a result: every call with exactly one outcome, in call order.
 *
 * Text, arguments and outputs are in the conversation already, so while a run is under way only what is not there is kept
 * beside it: models, outcomes, durations. Messages that a compaction or the next phase takes away are turned into views just before.
 */
import type { EventBody, ModelAnswered } from "../ports/events.ts";
import type { JsonValue } from "../ports/json.ts";
import type { AssistantMessage, Message, ToolCallPart, ToolMessage } from "../ports/messages.ts";
import type { CallOutcome, CallView, StepView } from "../ports/view.ts";
import { isInBackground, outcomeOfChild } from "./children.ts";
import { toArray } from "./list.ts";
import { callId, type RunState } from "./state.ts";

export class StepLog {
  /** Steps whose messages are gone. */
  #compacted: readonly StepView[] = [];
  /** The first message that is not in `#compacted`, nor in the request's history. */
  #from: number;
  #models: string[] = [];
  /** Per call, over all steps since `#from`. */
  #outcomes: (CallOutcome | undefined)[] = [];
  #durations: (number | undefined)[] = [];
  #children: Map<number, string> | undefined;
  /** What a person had a call run with instead of the model's arguments. */
  #edited: Map<number, JsonValue> | undefined;
  /** Calls before those of the last step. */
  #before = 0;
  /** That of the messages from `#from` on. */
  #phase: string | undefined;

  constructor(start: RunState) {
    this.#from = start.messages.length;
    this.#phase = start.phase?.name;
  }

  /** Told of every event, with the states before and after it. */
  record(before: RunState, after: RunState, event: EventBody): void {
    switch (event.type) {
      case "model.answered":
        this.#answered(event, before.ending !== undefined);
        break;
      case "tool.ended":
        if (isInBackground(before, event.call)) break;
        this.#ended(event.call, event.outcome, event.durationMs);
        break;
      case "call.resolved":
        if (event.outcome !== "retry") this.#ended(event.call, event.outcome === "done" ? "ok" : "error");
        break;
      case "approval.answered":
        if (event.input !== undefined) (this.#edited ??= new Map()).set(this.#at(event.call), event.input);
        break;
      case "child.started":
        (this.#children ??= new Map()).set(this.#at(event.call), event.run);
        if (event.background === true) this.#ended(event.call, "ok");
        break;
      case "child.ended":
        // Of an earlier step, and answered there.
        if (isInBackground(before, event.call)) break;
        this.#ended(event.call, outcomeOfChild(event), event.durationMs);
        break;
      case "phase.started":
      case "context.compacted":
        this.#compacted = this.views(before);
        this.#from = after.messages.length;
        this.#models = [];
        this.#outcomes = [];
        this.#durations = [];
        this.#children = undefined;
        this.#edited = undefined;
        this.#phase = after.phase?.name;
        break;
      default:
    }
  }

  #answered(event: ModelAnswered, wrapUp: boolean): void {
    this.#models.push(event.model);
    this.#before = this.#outcomes.length;
    let ordinal = 0;
    for (const part of event.content) {
      if (!isOwnCall(part)) continue;
      const refusal = event.refused?.find(({ call }) => call === ordinal);
      if (refusal === undefined) this.#outcomes.push(wrapUp ? "cancelled" : undefined);
      else this.#outcomes.push(refusal.outcome ?? "invalid");
      ordinal++;
    }
  }

  #ended(call: string, outcome: CallOutcome, durationMs?: number): void {
    const at = this.#at(call);
    this.#outcomes[at] = outcome;
    if (durationMs !== undefined) this.#durations[at] = durationMs;
  }

  /** Where a call of the last step stands. */
  #at(call: string): number {
    return this.#before + Number(call.slice(call.indexOf(".") + 1));
  }

  /** All steps so far, of the run whose state this is. */
  views(state: RunState): readonly StepView[] {
    const views = [...this.#compacted];
    const messages = toArray(state.messages, this.#from);
    let seen = 0;
    for (const [i, message] of messages.entries()) {
      if (message.role !== "assistant") continue;
      const step = views.length;
      const calls = message.content.filter(isOwnCall);
      const outputs = outputsAfter(messages[i + 1], state, step);
      const view = (call: ToolCallPart, ordinal: number): CallView =>
        this.#toCall(call, callId(step, ordinal), { at: seen + ordinal, output: outputs[ordinal] });
      views.push({
        step,
        ...(this.#phase === undefined ? {} : { phase: this.#phase }),
        model: this.#models[step - this.#compacted.length] ?? "",
        text: textOf(message),
        calls: calls.map(view),
      });
      seen += calls.length;
    }
    return views;
  }

  #toCall(part: ToolCallPart, call: string, { at, output }: { readonly at: number; readonly output: unknown }): CallView {
    const durationMs = this.#durations[at];
    const outcome = this.#outcomes[at];
    const child = this.#children?.get(at);
    return {
      call,
      name: part.toolName,
      input: this.#edited?.get(at) ?? part.input,
      ...(outcome === undefined ? {} : { outcome }),
      ...(output === undefined ? {} : { output }),
      ...(durationMs === undefined ? {} : { durationMs }),
      ...(child === undefined ? {} : { child }),
    };
  }
}

/** Of a step that is closed they are in the next message, of an open one in the calls. */
function outputsAfter(next: Message | undefined, state: RunState, step: number): readonly unknown[] {
  if (next?.role === "tool") return (next satisfies ToolMessage).content.map((part) => part.output.value);
  return step === state.step - 1 ? state.calls.map((call) => call.output?.value) : [];
}

function textOf(message: AssistantMessage): string {
  let text = "";
  for (const part of message.content) if (part.type === "text") text += part.text;
  return text;
}

function isOwnCall(part: { readonly type: string; readonly providerExecuted?: boolean }): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}
