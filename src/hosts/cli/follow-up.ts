/** `run --continue`: which finished run a new one goes on from, and the runs of a thread. */
import { ExecutusError } from "../../kernel/errors.ts";
import { FINAL_STATUSES } from "../../kernel/status.ts";
import type { RunRow, Store } from "../../ports/store.ts";
import { commandLine } from "./command-line.ts";
import { findRun } from "./find-run.ts";

export interface FollowUpOptions {
  readonly continue?: string | true;
  readonly last?: true;
  readonly db: string;
}

/**
 * `-c "And now?"` takes the next word for a run, as options do. What cannot be the id of one is what is to be said, where
 * nothing else is.
 */
export function sortOut<T extends FollowUpOptions>(
  input: string | undefined,
  options: T,
): { readonly input: string | undefined; readonly options: T } {
  const given = options.continue;
  if (input !== undefined || typeof given !== "string" || /^[\w.:-]{1,128}$/.test(given)) return { input, options };
  return { input: given, options: { ...options, continue: true } };
}

/** The run to go on from; undefined when none was asked for. Rejects with `run_unknown` or `usage`. */
export async function continuedRun(store: Store, agent: string, options: FollowUpOptions): Promise<string | undefined> {
  if (typeof options.continue === "string") return (await findRun(store, options.continue)).run;
  if (options.continue === undefined && options.last === undefined) return undefined;
  const [last] = await store.runs.list({ agent, status: FINAL_STATUSES, limit: 1 });
  if (last !== undefined) return last.run;
  throw new ExecutusError("run_unknown", `no run of ${agent} has ended yet, so there is nothing to continue`, {
    hint: `See what there is: ${commandLine(["ls"], options.db)}`,
  });
}

/** All runs of the thread that a run belongs to, the oldest first: a run may have several follow-ups. */
export async function threadOf(store: Store, row: RunRow): Promise<readonly RunRow[]> {
  let root = row;
  const seen = new Set([root.run]);
  while (root.continues !== undefined && !seen.has(root.continues)) {
    seen.add(root.continues);
    const before = await store.runs.get(root.continues);
    if (before === undefined) break;
    root = before;
  }
  const thread = [root];
  for (const one of thread) thread.push(...(await store.runs.list({ continues: one.run, limit: Infinity })));
  return thread.toSorted((a, b) => a.createdAt - b.createdAt);
}
