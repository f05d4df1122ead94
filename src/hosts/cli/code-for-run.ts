/** The code of a journaled run on this machine: its agent as it is now, tools and models. */
import { fileTools } from "../../adapters/tools/files.ts";
import { createTools } from "../../adapters/tools/registry.ts";
import { isExecutusError } from "../../kernel/errors.ts";
import type { RunState } from "../../kernel/state.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Models } from "../../ports/models.ts";
import { type AgentSetup, setUpAgent } from "./agent-setup.ts";
import type { Store } from "../../ports/store.ts";
import { type BoundOptions, boundsOf } from "./bounds.ts";
import { loadState, rootOf } from "./continue.ts";
import { keptBounds } from "./kept-bounds.ts";
import { configuredModels } from "./models.ts";
import type { ExecutorOptions } from "./open.ts";
import { paletteFor } from "./palette.ts";

export interface RunCode {
  readonly options: ExecutorOptions & { readonly models: Models };
  /** The module that the run was started from is not there any more. */
  readonly isAgentMissing: boolean;
}

export interface CodeOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly modelsFile?: string;
  /** Before those that the run was started with, and beside what the file of models says. */
  readonly bounds?: BoundOptions;
  /** MCP servers may be started. `"unused"`: the run is only looked at, so nothing is. */
  readonly trustMcp: boolean | "unused";
}

/**
 * A module's tools are looked for where the run was started from. A Markdown agent is wholly in the journal; its file is read only
 * to see whether it changed, so one that is gone or broken keeps no run from going on.
 */
export async function codeForRun(state: RunState, options: CodeOptions): Promise<RunCode> {
  const code = await findCode(state, options);
  const { modelsFile, bounds } = options;
  const bound = await boundsOf(code.options.models, {
    ...keptBounds(state, bounds),
    ...(modelsFile === undefined ? {} : { modelsFile }),
  });
  return { ...code, options: { ...code.options, ...bound } };
}

async function findCode(state: RunState, options: CodeOptions): Promise<RunCode> {
  const { store, blobs, modelsFile } = options;
  // A child finds its code where its root does.
  const top = state.request.root === undefined ? state : ((await loadState(store, state.request.root)) ?? state);
  const { source } = top.agent;
  const root = rootOf(state);
  // What the run may hand on to was settled when it started.
  const setUp = (file: string): Promise<AgentSetup> =>
    setUpAgent(file, {
      blobs,
      root: () => root,
      trustSkills: true,
      trustMcp: options.trustMcp !== false,
      ...(modelsFile === undefined ? {} : { modelsFile }),
    });
  if (source === undefined || source.endsWith(".md")) {
    const setup = source === undefined ? undefined : await setUp(source).catch(unlessUntrusted);
    const models = setup?.models ?? (await configuredModels(modelsFile, blobs));
    return {
      options: { models, ...filesOf(source, root), ...(setup === undefined ? {} : codeOf(setup)) },
      isAgentMissing: false,
    };
  }
  try {
    const setup = await setUp(source);
    return { options: { models: setup.models, ...codeOf(setup) }, isAgentMissing: false };
  } catch (error) {
    if (!isExecutusError(error) || error.code !== "agent_unknown") throw error;
    const models = await configuredModels(modelsFile, blobs).catch(() => NO_MODELS);
    return { options: { models, ...filesOf(source, root), agents: [] }, isAgentMissing: true };
  }
}

function unlessUntrusted(error: unknown): undefined {
  if (isExecutusError(error) && error.code === "mcp_untrusted") throw error;
}

function codeOf({ tools, delegates, sources, agent }: AgentSetup): ExecutorOptions {
  return { tools, delegates, sources, agents: [agent] };
}

function filesOf(source: string | undefined, root: string): ExecutorOptions {
  const tools = fileTools({ root });
  const names = tools.map(({ name }) => name);
  const file = source === undefined ? {} : { file: source };
  return { tools: createTools(tools), delegates: paletteFor({ ...file, project: root, trust: true, tools: names }) };
}

const NO_MODELS: Models = { resolve: () => Promise.resolve([]) };
