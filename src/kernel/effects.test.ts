import { describe, expect, it } from "vitest";
import { header, started } from "../../test/support/first-event.ts";
import type { EventBody } from "../ports/events.ts";
import { type Effect, isAwaited } from "./effects.ts";
import { evolve, initialState } from "./evolve.ts";
import type { CallState, RunState } from "./state.ts";

const fold = (...events: EventBody[]): RunState =>
  events.reduce((state, event) => evolve(state, { ...header, seq: state.seq + 1 }, event), initialState(header, started));

const asks = (step: number, attempt: number): EventBody => ({ type: "model.started", step, attempt, model: "m" });
const call: EventBody = {
  type: "model.answered",
  step: 0,
  model: "m",
  content: [{ type: "tool-call", toolCallId: "1", toolName: "t", input: {} }],
  finish: "tool-calls",
  usage: {},
  durationMs: 1,
};
const callOf = (state: RunState): CallState => {
  const [found] = state.calls;
  if (found === undefined) throw new Error("there is no call");
  return found;
};

describe("what a run waits for", () => {
  it("is not what an earlier try of the same call brings, after it was interrupted", () => {
    const before = fold(asks(0, 1), call, { type: "tool.started", call: "0.0" });
    const first: Effect = { kind: "tool", id: "tool:0.0#0", call: callOf(before) };
    expect(isAwaited(before, first)).toBe(true);
    const again = fold(
      asks(0, 1),
      call,
      { type: "tool.started", call: "0.0" },
      { type: "tool.interrupted", call: "0.0", reason: "lost" },
      { type: "tool.reconciled", call: "0.0", outcome: "not-done" },
      { type: "tool.started", call: "0.0" },
    );
    expect(isAwaited(again, first)).toBe(false);
    expect(isAwaited(again, { kind: "tool", id: "tool:0.0#1", call: callOf(again) })).toBe(true);
  });

  it("is not what a call brings that has waited and was dispatched again since", () => {
    const before = fold(asks(0, 1), call);
    const first: Effect = { kind: "tool", id: "tool:0.0#0", call: callOf(before) };
    const again = fold(
      asks(0, 1),
      call,
      { type: "tool.suspended", call: "0.0", wait: "w", until: 5, resumes: true },
      { type: "tool.woken", call: "0.0", wait: "w", by: "time" },
    );
    expect(callOf(again).status).toBe("ready");
    expect(isAwaited(again, first)).toBe(false);
    expect(isAwaited(again, { kind: "tool", id: "tool:0.0#0.1", call: callOf(again) })).toBe(true);
  });

  it("is not the answer of a model call that was given up, nor of an earlier step", () => {
    const effect = (step: number, attempt: number): Effect => ({
      kind: "model",
      id: `model:${step}.${attempt}`,
      step,
      attempt,
      model: "m",
      toolChoice: "auto",
    });
    const taken: EventBody = { type: "attempt.started", process: "p", after: "crash" };
    const again = fold(asks(0, 1), taken, asks(0, 2));
    expect([isAwaited(again, effect(0, 1)), isAwaited(again, effect(0, 2))]).toEqual([false, true]);
    const next = fold(
      asks(0, 1),
      call,
      { type: "tool.ended", call: "0.0", outcome: "ok", output: { type: "text", value: "" } },
      asks(1, 1),
    );
    expect([isAwaited(next, effect(0, 1)), isAwaited(next, effect(1, 1))]).toEqual([false, true]);
  });
});
