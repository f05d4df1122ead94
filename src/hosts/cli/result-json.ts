/** A result for programs: the field names that users of other agent command lines know, and ours. */
import type { RunResult } from "../../run/types.ts";
import type { ErrorDescription } from "./describe-error.ts";

export interface ResultJson {
  readonly type: "result";
  readonly v: 1;
  readonly subtype: string;
  readonly is_error: boolean;
  /** Running time over all attempts; waiting does not count. */
  readonly duration_ms: number;
  readonly num_turns: number;
  readonly result: string;
  /** A structured answer, once it was found valid. */
  readonly structured_output?: unknown;
  readonly session_id: string | null;
  /** US dollars; null when it is not known. */
  readonly total_cost_usd: number | null;
  readonly usage: Readonly<Record<string, number>>;
  readonly run_id: string | null;
  readonly status: string;
  readonly stop_reason: string;
  readonly seq: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly waiting_for?: RunResult["waitingFor"];
}

const SUBTYPES: Readonly<Partial<Record<RunResult["status"], string>>> = {
  completed: "success",
  failed: "error_during_execution",
  out_of_steps: "error_max_turns",
  over_budget: "error_max_budget",
};

export function toResultJson(result: RunResult): ResultJson {
  const { usage, error, waitingFor, status } = result;
  return {
    type: "result",
    v: 1,
    subtype: SUBTYPES[status] ?? `error_${status}`,
    is_error: status !== "completed",
    duration_ms: Math.round(result.activeMs),
    num_turns: result.steps.length,
    result: result.output,
    ...(result.data === undefined ? {} : { structured_output: result.data }),
    session_id: result.run,
    total_cost_usd: result.costUsd === "unknown" ? null : result.costUsd,
    usage: {
      input_tokens: Math.max(0, usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens),
      cache_read_input_tokens: usage.cacheReadTokens,
      cache_creation_input_tokens: usage.cacheWriteTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
      unknown_calls: usage.unknownCalls,
    },
    run_id: result.run,
    status,
    stop_reason: error?.code ?? waitingFor?.kind ?? status,
    seq: result.seq,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...(waitingFor === undefined ? {} : { waiting_for: waitingFor }),
  };
}

/** For a run that never came to be. */
export function toErrorJson({ code, message, hint }: ErrorDescription): ResultJson {
  return {
    type: "result",
    v: 1,
    subtype: "error_not_started",
    is_error: true,
    duration_ms: 0,
    num_turns: 0,
    result: "",
    session_id: null,
    total_cost_usd: 0,
    usage: {},
    run_id: null,
    status: "failed",
    stop_reason: code,
    seq: -1,
    error: { code, message, ...(hint === undefined ? {} : { hint }) },
  };
}
