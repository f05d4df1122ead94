/** How a run can ask where it stands. */
import type { Tool } from "../../ports/tools.ts";
import type { RunStatusView } from "../../ports/view.ts";

/**
 * A tool `run_status` that tells the model its step, its limits, what it has used and what is left. Registered by name like any
 * other.
 *
 * @example
 * const executor = createExecutor({ models, tools: createTools([statusTool()]) });
 */
export function statusTool(options: { readonly name?: string } = {}): Tool {
  return {
    name: options.name ?? "run_status",
    description: "Where this run stands: step, limits, what was used and what is left.",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    effect: "read",
    onUnknown: "report",
    visibility: "public",
    validate: () => ({ ok: true, value: {} }),
    execute: async (_input, context) => toReport(context.status()),
  };
}

/** The step that asks is answered already, so it counts as used. */
function toReport({ run, agent, step, limits, usage, costUsd, activeMs, toolCalls, toolErrors }: RunStatusView): object {
  const { maxSteps, timeMs, tokens, costUsd: mostUsd } = limits;
  const tokensUsed = usage.inputTokens + usage.outputTokens;
  return {
    run,
    agent,
    step,
    used: { seconds: seconds(activeMs), tokens: tokensUsed, costUsd, toolCalls, toolErrors },
    limits: {
      steps: maxSteps,
      seconds: seconds(timeMs),
      ...(tokens === undefined ? {} : { tokens }),
      ...(mostUsd === undefined ? {} : { costUsd: mostUsd }),
    },
    left: {
      steps: Math.max(0, maxSteps - step),
      seconds: seconds(Math.max(0, timeMs - activeMs)),
      ...(tokens === undefined ? {} : { tokens: Math.max(0, tokens - tokensUsed) }),
      ...(mostUsd === undefined || costUsd === "unknown" ? {} : { costUsd: Math.max(0, mostUsd - costUsd) }),
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
