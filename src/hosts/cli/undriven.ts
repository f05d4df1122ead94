/** Ending a run that nobody drives. */
import { loadAgent } from "../../adapters/agents/module.ts";
import { isExecutusError } from "../../kernel/errors.ts";
import type { Agent } from "../../ports/definition.ts";
import type { RunResult } from "../../run/types.ts";
import type { Host } from "./open.ts";

/**
 * Drives a run whose inbox or journal holds a cancel or a kill to its end, in this process: that needs neither models nor tools,
 * only the code of tool sources, which may have something to clean up.
 * Resolves to undefined when somebody else drives it by now, who then does the same.
 */
export async function endHere(host: Host, run: string): Promise<RunResult | undefined> {
  try {
    const handle = await host.executorWith({ agents: withSources }).resume(run);
    return await handle.result;
  } catch (error) {
    if (isExecutusError(error) && error.code === "run_owned") return undefined;
    if (isExecutusError(error) && error.code === "run_finished") return host.executor.result(run);
    throw error;
  }
}

/** What cannot be found any more is named in the journal as not cleaned up. */
async function withSources(snapshot: { readonly name: string; readonly source?: string }): Promise<Agent | undefined> {
  if (!("sources" in snapshot) || snapshot.source === undefined) return undefined;
  try {
    return (await loadAgent(snapshot.source)).agent;
  } catch {
    return undefined;
  }
}
