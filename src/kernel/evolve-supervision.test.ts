import { expect, it } from "vitest";
import type { EventBody, EventHeader, RunStarted } from "../ports/events.ts";
import type { SupervisorDecided } from "../ports/supervision.ts";
import { evolve, initialState } from "./evolve.ts";
import { DEFAULT_LIMITS, DEFAULT_SUPERVISION } from "./limits.ts";
import type { RunState } from "./state.ts";

const header: EventHeader = { seq: 0, epoch: 1, at: 0, activeMs: 0 };
const started: RunStarted = {
  type: "run.started",
  run: "r",
  agent: {
    name: "a",
    instructions: "",
    tier: "fast",
    settings: {},
    tools: [],
    ownTools: 0,
    fingerprint: "f",
    supervision: DEFAULT_SUPERVISION,
  },
  request: { input: [{ type: "text", text: "x" }] },
  limits: DEFAULT_LIMITS,
  models: ["m"],
};
const fold = (...events: EventBody[]): RunState =>
  events.reduce((state, event) => evolve(state, { ...header, seq: state.seq + 1 }, event), initialState(header, started));
const stall: EventBody = { type: "stall.noticed", stall: 0, kind: "idle", message: "silence" };
const decided = (more: Partial<SupervisorDecided>): EventBody => ({
  type: "supervisor.decided",
  stall: 0,
  action: "kill",
  reason: "enough",
  by: "rules",
  durationMs: 1,
  ...more,
});

it("E2 a decision about another stall, or about none, changes nothing", () => {
  expect(fold(decided({})).cancel).toBeUndefined();
  expect(fold(stall, decided({ stall: 1 })).cancel).toBeUndefined();
  expect(fold(stall, decided({}), decided({ action: "extend", extend: { steps: 5 } })).limits.maxSteps).toBe(12);
  expect(fold(stall, decided({})).cancel).toEqual({ mode: "kill", reason: "enough" });
});

it("S25 an extension is the run's from the moment it was decided", () => {
  const { limits } = fold(stall, decided({ action: "extend", extend: { steps: 5, timeMs: 1_000, tokens: 9 } }));
  expect(limits).toMatchObject({ maxSteps: 17, timeMs: 61_000 });
  expect(limits.tokens).toBeUndefined();
});
