/** Scenarios of the project's own crash tests, for `crashEverywhere`: agents made of tools that log what they do. */
import { expect } from "vitest";
import type { LimitsInput } from "../../src/ports/limits.ts";
import type { Tool } from "../../src/ports/tools.ts";
import type { Agent } from "../../src/run/types.ts";
import { type CrashReport, crashEverywhere } from "../../src/testing/crash-everywhere.ts";
import type { CrashConfig, CrashOptions, Scene } from "../../src/testing/crash-scenario.ts";
import type { Script } from "../../src/testing/scripted-model.ts";
import { makeAgent } from "./world.ts";

export interface Scenario extends Omit<CrashOptions, "config" | "limits"> {
  readonly script: Script;
  readonly tools: (effects: string[], scene: () => Scene) => readonly Tool[];
  readonly limits?: LimitsInput;
  /** What the agent has besides its tools and limits. */
  readonly agent?: Partial<Agent>;
  /** The same, where it needs the scenario's tools: delegates that use them. */
  readonly agentWith?: (tools: readonly Tool[], effects: string[]) => Partial<Agent>;
  /** What the executor of each process has. */
  readonly config?: (effects: string[]) => CrashConfig;
}

/** Stops the scenario at each of its writes; returns how many points there were. */
export async function survivesEverywhere(scenario: Scenario): Promise<number> {
  return (await crashReport(scenario)).points;
}

export async function crashReport({
  script,
  tools,
  limits,
  agent,
  agentWith,
  config,
  ...options
}: Scenario): Promise<CrashReport> {
  let effects: string[] = [];
  const make = (scene: Scene): Agent => {
    effects = [];
    const own = tools(effects, () => scene);
    return { ...makeAgent(own, limits), ...agent, ...agentWith?.(own, effects) };
  };
  const isOnce = isAllOnce(tools);
  const report = await crashEverywhere(make, script, {
    ...(isOnce ? { outside: () => effects } : {}),
    ...options,
    afterwards: async (world) => {
      if (isOnce) expect(effects.filter((key, i) => effects.indexOf(key) !== i)).toEqual([]);
      await options.afterwards?.(world);
    },
    ...(config === undefined ? {} : { config: () => config(effects) }),
  });
  // `CRASH_POINTS=1 npx vitest run test/crash` counts them.
  if (process.env["CRASH_POINTS"] !== undefined)
    console.log(`crash points of ${expect.getState().currentTestName}: ${JSON.stringify(report)}`);
  return report;
}

/** Then nothing may be in the log twice; other calls may run again. */
function isAllOnce(tools: Scenario["tools"]): boolean {
  return tools([], () => {
    throw new Error("not needed");
  }).every(({ effect }) => effect === "once");
}
