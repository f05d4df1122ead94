/** An agent whose tools take time, can be cut off by a crash, and are counted. */
import type { Agent, Phase } from "../../ports/definition.ts";
import type { Skill } from "../../ports/delegates.ts";
import type { Tool, ToolContext, Tools } from "../../ports/tools.ts";
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
  /** Probability that a tool throws, and that it takes longer than a lease. */
  readonly trouble: { toolFails: number; toolIsSlow: number };
}

export function observedAgent(agent: Agent, place: Place): Agent {
  const { tools, delegates, phases } = agent;
  return {
    ...agent,
    ...(tools === undefined ? {} : { tools: tools.map((tool) => observedTool(tool, place)) }),
    ...(delegates === undefined ? {} : { delegates: delegates.map((delegate) => observedDelegate(delegate, place)) }),
    ...(phases === undefined ? {} : { phases: phases.map((phase) => observedPhase(phase, place)) }),
  };
}

function observedDelegate(delegate: string | Agent | Skill, place: Place): string | Agent | Skill {
  return typeof delegate === "string" || "kind" in delegate ? delegate : observedAgent(delegate, place);
}

function observedPhase(phase: Phase, place: Place): Phase {
  const { tools } = phase;
  return tools === undefined ? phase : { ...phase, tools: tools.map((tool) => observedTool(tool, place)) };
}

export function observedTools(tools: Tools, place: Place): Tools {
  return {
    names: (invocation) => tools.names(invocation),
    resolve: async (names, invocation) =>
      (await tools.resolve(names, invocation)).map((tool) => observedTool(tool, place) as Tool),
  };
}

function observedTool(tool: string | Tool, place: Place): string | Tool {
  if (typeof tool === "string") return tool;
  const { oracle, outside, schedule, trouble } = place;
  const resume = tool.resume?.bind(tool);
  const reconcile = tool.reconcile?.bind(tool);
  return {
    ...tool,
    validate: (value) => outside.do(() => tool.validate(value)),
    execute: async (input, context) => {
      oracle.called(tool, context, place.host);
      await takesTime(place, context);
      oracle.tookEffect(tool, context, place.host);
      const fails = schedule.random.chance(trouble.toolFails);
      const result = await outside.do(() => tool.execute(input, context));
      await takesTime(place, context);
      if (fails) throw new Error(`${tool.name} failed in the simulation`);
      return result;
    },
    ...(resume === undefined ? {} : { resume: (input, wake, context) => outside.do(() => resume(input, wake, context)) }),
    ...(reconcile === undefined
      ? {}
      : {
          reconcile: async (input, context) => {
            await takesTime(place, context);
            return outside.do(() => reconcile(input, context));
          },
        }),
  };
}

const TOOL_MS = 150;

/** Half of the tools heed their signal. */
function takesTime({ host, schedule, leaseMs, trouble }: Place, { signal }: Pick<ToolContext, "signal">): Promise<void> {
  const { random } = schedule;
  const ms = random.chance(trouble.toolIsSlow) ? leaseMs * (1 + random.next()) : random.next() * TOOL_MS;
  const heeds = random.chance(0.5);
  return new Promise((resolve, reject) => {
    schedule.after(ms, host, resolve);
    if (heeds) signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
