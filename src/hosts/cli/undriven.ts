/** Ending a run that nobody drives. */
import { isExecutusError } from "../../kernel/errors.ts";
import type { RunResult } from "../../run/types.ts";
import type { Host } from "./open.ts";

/**
 * Drives a run whose inbox or journal holds a cancel or a kill to its end, in this process: that needs neither models nor tools.
 * Resolves to undefined when somebody else drives it by now, who then does the same.
 */
export async function endHere(host: Host, run: string): Promise<RunResult | undefined> {
  try {
    const handle = await host.executorWith({}).resume(run);
    return await handle.result;
  } catch (error) {
    if (isExecutusError(error) && error.code === "run_owned") return undefined;
    if (isExecutusError(error) && error.code === "run_finished") return host.executor.result(run);
    throw error;
  }
}
