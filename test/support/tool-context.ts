import { ask, sleep, sleepUntil, waitFor } from "../../src/kernel/suspension.ts";
import type { ToolContext } from "../../src/ports/tools.ts";

/** The context of one call, for tools that are called without a run. */
export function toolContext(call: Partial<ToolContext> = {}): ToolContext {
  const run = call.run ?? "run_1";
  const id = call.call ?? "0.0";
  return {
    run,
    call: id,
    toolCallId: `provider-${id}`,
    idempotencyKey: `${run}:${id}`,
    attempt: 1,
    signal: new AbortController().signal,
    status: () => {
      throw new Error("there is no run behind this call");
    },
    attachImages: () => Promise.reject(new Error("there is no run behind this call")),
    addArtifact: () => Promise.reject(new Error("there is no run behind this call")),
    attach: () => Promise.reject(new Error("there is no run behind this call")),
    ask,
    waitFor,
    sleep,
    sleepUntil,
    ...call,
  };
}
