import { expect, it } from "vitest";
import { header, started } from "../../test/support/first-event.ts";
import type { EventBody } from "../ports/events.ts";
import { evolve, initialState } from "./evolve.ts";
import type { RunState } from "./state.ts";

const called: EventBody = {
  type: "model.answered",
  step: 0,
  model: "m",
  content: [{ type: "tool-call", toolCallId: "1", toolName: "t", input: {} }],
  finish: "tool-calls",
  usage: {},
  durationMs: 1,
};
const fold = (...events: EventBody[]): RunState =>
  events.reduce((state, event) => evolve(state, { ...header, seq: state.seq + 1 }, event), initialState(header, started));
const statusAfter = (...events: EventBody[]): string | undefined => fold(called, ...events).calls[0]?.status;

const asked: EventBody = { type: "approval.requested", call: "0.0", approval: "first" };
const approved = (approval: string): EventBody => ({
  type: "approval.answered",
  approval,
  call: "0.0",
  decision: "approved",
  by: "person",
});
const asks: EventBody = { type: "question.asked", question: "second", call: "0.0", text: "sure?" };
const answered = (question: string): EventBody => ({
  type: "question.answered",
  question,
  call: "0.0",
  by: "person",
  answer: "yes",
});

it("E2 an answer to another request than the one that is open changes nothing", () => {
  expect(statusAfter(asked, approved("other"))).toBe("asked");
  expect(statusAfter(asked, approved("first"))).toBe("ready");
  expect(statusAfter(asked, approved("first"), asks, answered("first"))).toBe("suspended");
  expect(statusAfter(asked, approved("first"), asks, answered("second"))).toBe("woken");
});
