import { expect, it } from "vitest";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { EventBody, EventHeader, RunStarted } from "../ports/events.ts";
import { childIntent } from "./children.ts";
import { evolve, initialState } from "./evolve.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { RunState } from "./state.ts";

const header: EventHeader = { seq: 0, epoch: 1, at: 0, activeMs: 0 };
const helper: ToolSnapshot = {
  name: "agent__helper",
  description: "helps",
  inputSchema: { type: "object" },
  effect: "read",
  onUnknown: "report",
  reconcile: false,
  delegate: "agent",
};
const started: RunStarted = {
  type: "run.started",
  run: "r",
  agent: { name: "a", instructions: "", tier: "fast", settings: {}, tools: [helper], ownTools: 1, fingerprint: "f" },
  request: { input: [{ type: "text", text: "x" }] },
  limits: { ...DEFAULT_LIMITS, costUsd: 12, tokens: 1_200 },
  models: ["m"],
};
const answered: EventBody = {
  type: "model.answered",
  step: 0,
  model: "m",
  content: [0, 1, 2].map((i) => ({ type: "tool-call", toolCallId: `c${i}`, toolName: helper.name, input: { prompt: "x" } })),
  finish: "tool-calls",
  usage: { inputTokens: 0, outputTokens: 0 },
  costUsd: 0,
  durationMs: 1,
};
const add = (state: RunState, event: EventBody): RunState => evolve(state, { ...header, seq: state.seq + 1 }, event);

it("CH2 what open children may still use is kept back: those that begin one by one get no more than those that begin at once", () => {
  let state = add(initialState(header, started), answered);
  const shares: (number | undefined)[][] = [];
  for (const call of state.calls) {
    const intent = childIntent(state, call);
    shares.push([intent.costUsd, intent.tokens]);
    state = add(state, intent);
  }
  expect(shares).toEqual([
    [4, 400],
    [4, 400],
    [4, 400],
  ]);
});
