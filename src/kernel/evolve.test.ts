import { expect, it } from "vitest";
import { evolve, initialState } from "./evolve.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const HEADER = { seq: 0, epoch: 1, at: 0, activeMs: 0 };

it("a state has the same fields from its first event on, few enough to be copied as one block", () => {
  const agent = { name: "a", instructions: "", tier: "fast", settings: {}, tools: [], fingerprint: "", ownTools: 0 };
  const request = { input: [] };
  const state = initialState(HEADER, { type: "run.started", run: "r", agent, request, limits: DEFAULT_LIMITS, models: ["m"] });
  const next = evolve(state, { ...HEADER, seq: 1 }, { type: "model.started", step: 0, attempt: 1, model: "m" });
  expect(Object.keys(next)).toEqual(Object.keys(state));
  expect(Object.keys(state).length).toBeLessThanOrEqual(65);
});
