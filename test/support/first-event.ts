/** The first event of a run, for tests that fold events by hand. */
import { DEFAULT_LIMITS } from "../../src/kernel/limits.ts";
import type { EventHeader, RunStarted } from "../../src/ports/events.ts";

export const header: EventHeader = { seq: 0, epoch: 1, at: 0, activeMs: 0 };

export const started: RunStarted = {
  type: "run.started",
  run: "r",
  agent: { name: "a", instructions: "", tier: "fast", settings: {}, tools: [], ownTools: 0, fingerprint: "f" },
  request: { input: [{ type: "text", text: "x" }] },
  limits: DEFAULT_LIMITS,
  models: ["m"],
};
