/** Code for a journaled run: the tools of the agent and of its phases, and the check of its answer. */
import type { OutputSchema } from "../ports/output.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import type { Tool } from "../ports/tools.ts";
import { wantedOutput } from "../kernel/output.ts";
import type { RunState } from "../kernel/state.ts";
import type { Core } from "./core.ts";
import { findAgent, type Origin, sourcesInCode, toolsInCode } from "./find-agent.ts";
import { bindOutput } from "./output.ts";
import { openPhases, type PhaseAgent } from "./phases.ts";
import { bindTools, type Binding } from "./toolbox.ts";

export interface RunBinding extends Binding {
  readonly phaseTools: readonly ReadonlyMap<string, Tool>[] | undefined;
  readonly output: OutputSchema | undefined;
  readonly sources: ReadonlyMap<string, ToolSource> | undefined;
}

/** Code for the run's tools and its answer: from the agent as this process knows it, and from the registry. */
export async function bind(core: Core, state: RunState): Promise<RunBinding> {
  const output = wantedOutput(state) && (await bindOutput(core, state, await findAgent(core, toOrigin(state))));
  const sources = await sourcesInCode(core, toOrigin(state));
  const bound: Binding[] = [];
  for (const phase of openPhases(state)) {
    bound.push(phase === undefined ? NOTHING : await bindOne(core, state, phase));
  }
  const missing = [...new Set(bound.flatMap((binding) => binding.missing))];
  if (bound.length > 0) return { ...NOTHING, phaseTools: bound.map(({ tools }) => tools), missing, output, sources };
  return { ...(await bindOne(core, state, { snapshot: state.definition })), phaseTools: undefined, output, sources };
}

const NOTHING: Binding = { tools: new Map(), missing: [] };

function toOrigin({ definition, request }: RunState): Origin {
  return { agent: definition, request };
}

async function bindOne(core: Core, state: RunState, { snapshot, phase }: PhaseAgent): Promise<Binding> {
  const own = await toolsInCode(core, toOrigin(state), phase);
  const names = snapshot.tools.map((tool) => tool.name).filter((name) => !own.some((tool) => tool.name === name));
  return bindTools(snapshot, [...own, ...(await fromRegistry(core, names, state))], core.ports.redaction);
}

async function fromRegistry(core: Core, names: readonly string[], state: RunState): Promise<readonly Tool[]> {
  const registry = core.config.tools;
  if (registry === undefined) return [];
  const tools: Tool[] = [];
  for (const name of names) {
    try {
      tools.push(...(await registry.resolve([name], state.request)));
    } catch {
      // Not there: `bindTools` reports it by name as missing.
    }
  }
  return tools;
}
