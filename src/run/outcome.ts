/** What is delivered of a run, made once: from here on it is sent as it stands. */
import { type RunState, totalTokens } from "../kernel/state.ts";
import type { DeliveryMessage } from "../ports/delivery.ts";
import type { NewDelivery } from "../ports/store.ts";

/** The rows that commit with the end of a run; undefined for the many runs that are delivered nowhere. */
export function deliveriesOf(state: RunState, at: number): readonly NewDelivery[] | undefined {
  const targets = state.request.delivery;
  if (targets === undefined || targets.length === 0) return undefined;
  const body = JSON.stringify(toMessage(state, at));
  return targets.map((target, i) => ({ id: deliveryId(state.run, i), target, body }));
}

/** The same in every attempt and every process: it follows from the run and the place of the target in its request. */
export function deliveryId(run: string, index: number): string {
  return `${run}.d${index}`;
}

function toMessage(state: RunState, at: number): DeliveryMessage {
  const { run, agent, request, artifacts, settling } = state;
  const status = settling?.status ?? "failed";
  const { caller, channel, tenant, parent, labels } = request;
  return {
    type: `run.${status}`,
    timestamp: new Date(at).toISOString(),
    data: {
      run,
      agent: agent.name,
      status,
      output: state.output,
      ...(settling?.error === undefined ? {} : { error: settling.error }),
      ...(artifacts.length === 0 ? {} : { artifacts }),
      ...(caller === undefined ? {} : { caller }),
      ...(channel === undefined ? {} : { channel }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(parent === undefined ? {} : { parent }),
      ...(labels === undefined ? {} : { labels }),
      steps: state.step,
      toolCalls: state.toolCalls,
      tokens: totalTokens(state.usage),
      costUsd: state.costUsd,
      activeMs: state.activeMs,
    },
  };
}
