/** The code of a journaled run: its agent as this process knows it, and every tool that it may have been given. */
import type { AgentSnapshot, RequestSnapshot } from "../ports/agent.ts";
import type { ToolSource } from "../ports/tool-source.ts";
import type { Tool } from "../ports/tools.ts";
import type { Core } from "./core.ts";
import { delegatesOf, delegateTools, isSkill, readersOf } from "./palette.ts";
import { agentIn } from "./phase-agent.ts";
import { bindSources } from "./resolve-sources.ts";
import type { Agent } from "./types.ts";

/** What of a run says where its code is. */
export interface Origin {
  readonly agent: AgentSnapshot;
  readonly request: Pick<RequestSnapshot, "parent" | "parentCall" | "caller" | "channel" | "tenant">;
}

/**
 * Tools in code: those of the agent, and for a child those of its parent as well, because a skill works with them. An agent that
 * is nowhere by its name is looked for among the delegates of the parent's. With a phase: those that the agent has in it.
 */
export async function toolsInCode(core: Core, origin: Origin, phase?: string): Promise<readonly Tool[]> {
  const found = await findAgent(core, origin);
  const agent = found === undefined || phase === undefined ? found : agentIn(found, phase);
  const own = agent === undefined ? [] : await toolsOf(core, agent, origin);
  const above = await parentOf(core, origin);
  const parent = above && (await findAgent(core, above));
  if (above === undefined || parent === undefined) return own;
  // What sources have opened for the parent is nowhere else than in the process that drives it.
  const live = core.live.get(origin.request.parent ?? "")?.session.tools.values() ?? [];
  const brought = [...live].filter((tool) => tool.delegate === undefined);
  const inherited = [...(await toolsOf(core, parent, above)), ...brought];
  return [...own, ...[...inherited, ...readersOf(inherited)].filter((tool) => !own.some(({ name }) => name === tool.name))];
}

/** Tool sources in code: the executor's, and those of the agent. */
export async function sourcesInCode(core: Core, origin: Origin): Promise<ReadonlyMap<string, ToolSource> | undefined> {
  if ((origin.agent.sources ?? []).length === 0) return undefined;
  return bindSources(core, await findAgent(core, origin), origin.agent);
}

export async function findAgent(core: Core, origin: Origin): Promise<Agent | undefined> {
  // A child's agent is the one its parent has: another agent may have that name as well.
  const found = (await amongDelegates(core, origin)) ?? (await fromPalette(core, origin)) ?? (await known(core, origin.agent));
  return found ?? core.begun.get(keyOf(origin.agent)) ?? core.begun.get(origin.agent.name);
}

/** Agents made on the fly must not pile up. */
const MOST_BEGUN = 2_000;

const keyOf = ({ name, fingerprint }: AgentSnapshot): string => `${name} ${fingerprint}`;

/**
 * A run that waits goes on in the process that began it, also when nobody told the executor about its agent: with that very agent,
 * whatever others of its name began since, or with the last of its name where its definition was changed on the way.
 */
export function rememberAgent({ begun }: Pick<Core, "begun">, agent: Agent, snapshot: AgentSnapshot): void {
  for (const key of [keyOf(snapshot), agent.name]) {
    if (begun.get(key) === agent) continue;
    begun.delete(key);
    begun.set(key, agent);
    const [oldest] = begun.keys();
    if (begun.size > MOST_BEGUN && oldest !== undefined) begun.delete(oldest);
  }
}

async function known(core: Core, snapshot: AgentSnapshot): Promise<Agent | undefined> {
  const { agents } = core.config;
  if (typeof agents === "function") return agents(snapshot);
  return agents?.find((agent) => agent.name === snapshot.name);
}

async function fromPalette(core: Core, { agent, request }: Origin): Promise<Agent | undefined> {
  if (request.parentCall === undefined) return undefined;
  try {
    const [found] = (await core.config.delegates?.resolve([`agent__${agent.name}`], request)) ?? [];
    return found === undefined || isSkill(found) ? undefined : found;
  } catch {
    // Not there by that name: it may be a delegate that its parent holds itself.
    return undefined;
  }
}

async function amongDelegates(core: Core, origin: Origin): Promise<Agent | undefined> {
  const above = await parentOf(core, origin);
  const parent = above && (await findAgent(core, above));
  const delegates = (parent?.delegates ?? []).filter((delegate) => typeof delegate !== "string");
  return delegates.find((delegate): delegate is Agent => !isSkill(delegate) && delegate.name === origin.agent.name);
}

async function parentOf(core: Core, { request }: Origin): Promise<Origin | undefined> {
  if (request.parent === undefined || request.parentCall === undefined) return undefined;
  const [started] = await core.store.journal.read(request.parent, { limit: 1 });
  return started?.type === "run.started" ? started : undefined;
}

/** One delegate that is not there any more leaves the others usable. */
async function toolsOf(core: Core, agent: Agent, { request }: Origin): Promise<readonly Tool[]> {
  const tools = (agent.tools ?? []).filter((tool): tool is Tool => typeof tool !== "string");
  for (const delegate of delegatesOf(agent)) {
    try {
      const { name, instructions } = agent;
      tools.push(...(await delegateTools({ name, instructions, delegates: [delegate] }, core.config.delegates, request)));
    } catch {
      // `bindTools` reports it by name as missing.
    }
  }
  return tools;
}
