/** A tool that takes time, can be cut off by a crash, and is counted. */
import { UnknownOutcomeError } from "../../kernel/unknown-outcome.ts";
import type { Tool, ToolContext } from "../../ports/tools.ts";
import type { Host } from "./host.ts";
import type { Oracle } from "./oracle.ts";
import type { Outside } from "./outside.ts";
import type { Schedule } from "./schedule.ts";

/** Where an agent runs. */
export interface Place {
  readonly host: Host;
  readonly schedule: Schedule;
  readonly oracle: Oracle;
  readonly outside: Outside;
  readonly leaseMs: number;
  readonly trouble: PlaceTrouble;
}

/** Probabilities. */
export interface PlaceTrouble {
  /** That a tool throws. */
  toolFails: number;
  /** That a tool, a source, an adapter, a compactor or a supervisor takes longer than a lease. */
  toolIsSlow: number;
  /** That a source cannot be opened, told or cleaned up. */
  sourceFails: number;
  /** That an attempt at a delivery fails, half of the time after it has arrived. */
  deliveryFails: number;
  /** That no summary is made. */
  compactorFails: number;
  /** That a supervisor throws. */
  supervisorFails: number;
}

export function observedTool(tool: Tool, place: Place): Tool {
  const { oracle, outside, schedule, trouble } = place;
  const { lateSchema } = tool;
  const resume = tool.resume?.bind(tool);
  const reconcile = tool.reconcile?.bind(tool);
  return {
    ...tool,
    ...(lateSchema === undefined ? {} : { lateSchema: { read: () => outside.do(() => lateSchema.read()) } }),
    validate: (value) => outside.do(() => tool.validate(value)),
    execute: async (input, context) => {
      oracle.called(tool, context, place.host);
      await takesTime(place, context);
      oracle.tookEffect(tool, context, place.host);
      const fails = schedule.random.chance(trouble.toolFails);
      const result = await outside.do(() => tool.execute(input, context));
      oracle.hasDone(context);
      await takesTime(place, context);
      if (fails && tool.effect === "once" && schedule.random.chance(0.5))
        throw new UnknownOutcomeError(`nobody answered ${tool.name} in the simulation`);
      if (fails) throw new Error(`${tool.name} failed in the simulation`);
      return result;
    },
    ...(resume === undefined ? {} : { resume: (input, wake, context) => outside.do(() => resume(input, wake, context)) }),
    ...(reconcile === undefined
      ? {}
      : {
          reconcile: async (input, context) => {
            await takesTime(place, context);
            const before = oracle.becameOf(context);
            const found = await outside.do(() => reconcile(input, context));
            oracle.reconciled(tool, context, { found: found.outcome, before });
            return found;
          },
        }),
  };
}

const TOOL_MS = 150;

/** Half of the tools heed their signal. */
export function takesTime({ host, schedule, leaseMs, trouble }: Place, { signal }: Pick<ToolContext, "signal">): Promise<void> {
  const { random } = schedule;
  const ms = random.chance(trouble.toolIsSlow) ? leaseMs * (1 + random.next()) : random.next() * TOOL_MS;
  const heeds = random.chance(0.5);
  return new Promise((resolve, reject) => {
    schedule.after(ms, host, resolve);
    if (heeds) signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
