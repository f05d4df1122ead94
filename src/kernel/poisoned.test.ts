import { expect, it } from "vitest";
import type { ToolSnapshot } from "../ports/agent.ts";
import type { EventBody, EventHeader, RunStarted } from "../ports/events.ts";
import { childRunId } from "./children.ts";
import { decide } from "./decide.ts";
import { evolve, initialState } from "./evolve.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { NO_USAGE, type RunState } from "./state.ts";

const header: EventHeader = { seq: 0, epoch: 1, at: 0, activeMs: 0 };
const now = { activeMs: 0, at: 0 };
const toolOf = (name: string, more: Partial<ToolSnapshot>): ToolSnapshot => ({
  name,
  description: name,
  inputSchema: { type: "object" },
  effect: "read",
  onUnknown: "report",
  reconcile: false,
  ...more,
});
const tools = [toolOf("look", {}), toolOf("pay", { effect: "once", reconcile: true }), toolOf("agent__x", { delegate: "agent" })];
const started: RunStarted = {
  type: "run.started",
  run: "r",
  agent: { name: "a", instructions: "", tier: "fast", settings: {}, tools, ownTools: 3, fingerprint: "f" },
  request: { input: [{ type: "text", text: "x" }] },
  limits: { ...DEFAULT_LIMITS, recoveries: 2 },
  models: ["m"],
};
const call = (toolName: string): EventBody => ({
  type: "model.answered",
  step: 0,
  model: "m",
  content: [{ type: "tool-call", toolCallId: "1", toolName, input: { prompt: "do it" } }],
  finish: "tool-calls",
  usage: {},
  durationMs: 1,
});
const crash: EventBody = { type: "attempt.started", process: "p", after: "crash" };
const add = (state: RunState, event: EventBody): RunState => evolve(state, { ...header, seq: state.seq + 1 }, event);

/** Everything that the kernel decides by itself, from there on. */
function settled(...events: readonly EventBody[]): RunState {
  let state = events.reduce(add, initialState(header, started));
  for (let { append } = decide(state, now); append.length > 0; { append } = decide(state, now)) state = append.reduce(add, state);
  return state;
}

const child = childRunId("r", "0.0");
const cancelled: EventBody = {
  type: "child.ended",
  call: "0.0",
  run: child,
  status: "cancelled",
  output: { type: "text", value: "" },
  usage: NO_USAGE,
  costUsd: 0,
  steps: 0,
  toolCalls: 0,
  durationMs: 0,
};

it.each([
  ["a read that kills its process", [call("look"), crash, crash]],
  ["a reconcile that kills its process", [call("pay"), { type: "tool.started", call: "0.0" }, crash, crash]],
  ["a child whose parent dies", [call("agent__x"), { type: "child.started", call: "0.0", run: child }, crash, crash, cancelled]],
] satisfies [string, EventBody[]][])("crash after crash ends a run as poisoned, with its calls closed: %s", (_what, events) => {
  expect(settled(...events)).toMatchObject({ finished: true, settling: { status: "poisoned" }, calls: [] });
});
