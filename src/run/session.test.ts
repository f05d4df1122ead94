import { expect, it } from "vitest";
import { header, started } from "../../test/support/first-event.ts";
import { createMemoryBlobs } from "../adapters/blobs/memory.ts";
import { createMemoryStore } from "../adapters/store/memory.ts";
import type { ToolCallEffect } from "../kernel/effects.ts";
import { evolve, initialState } from "../kernel/evolve.ts";
import { StepLog } from "../kernel/steps.ts";
import type { ModelAnswered } from "../ports/events.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { Circuits } from "./circuits.ts";
import { Session } from "./session.ts";
import { ToolUses } from "./tool-uses.ts";
import { Turns } from "./turns.ts";

const answered: ModelAnswered = {
  type: "model.answered",
  step: 0,
  model: "m",
  content: [{ type: "tool-call", toolCallId: "1", toolName: "pay", input: {} }],
  finish: "tool-calls",
  usage: {},
  durationMs: 1,
};

it("starts no call a second time, should anything ever ask for it twice", () => {
  const state = evolve(initialState(header, started), { ...header, seq: 1 }, answered);
  const [call] = state.calls;
  if (call === undefined) throw new Error("there is no call");
  const clock = createFakeClock();
  const session = new Session({
    ports: {
      store: createMemoryStore(),
      blobs: createMemoryBlobs(),
      clock,
      children: { perform: async () => [] },
      observers: [],
      turns: new Turns(clock),
      circuits: new Circuits(),
      toolUses: new ToolUses(),
    },
    state,
    epoch: 1,
    steps: new StepLog(state),
    tools: new Map(),
    candidates: new Map(),
    sources: undefined,
  });
  const effect = (interruptions: number): ToolCallEffect => ({ kind: "tool", id: `tool:${call.id}#${interruptions}`, call });
  expect([session.mayStart(effect(0)), session.mayStart(effect(0))]).toEqual([true, false]);
  // Asked for again after an interruption it is another effect.
  expect(session.mayStart(effect(1))).toBe(true);
});
