/** What a tool is given besides its input, and where a run stands, without there being a run. */
import { resolveLimits } from "../kernel/limits.ts";
import { NO_USAGE } from "../kernel/state.ts";
import { ask, sleep, sleepUntil, waitFor } from "../kernel/suspension.ts";
import type { ToolContext } from "../ports/tools.ts";
import type { RunStatusView } from "../ports/view.ts";

/** A run in the middle of its work. */
export function statusView(run = "r"): RunStatusView {
  return {
    run,
    agent: "tester",
    status: "running",
    seq: 30,
    step: 9,
    limits: resolveLimits(),
    usage: NO_USAGE,
    costUsd: 0,
    activeMs: 60_000,
    toolCalls: 9,
    toolErrors: 0,
  };
}

export interface CallOptions {
  readonly run?: string;
  /** Default `0.0`. */
  readonly call?: string;
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

/** Of one call; what it attaches and leaves goes nowhere. */
export function callContext({ run = "r", call = "0.0", attempt = 1, signal }: CallOptions = {}): ToolContext {
  return {
    run,
    call,
    toolCallId: `call_${call}`,
    idempotencyKey: `${run}:${call}`,
    attempt,
    signal: signal ?? new AbortController().signal,
    status: () => statusView(run),
    attach: async () => {},
    attachImages: async () => {},
    addArtifact: async () => {},
    ask,
    waitFor,
    sleep,
    sleepUntil,
  };
}
