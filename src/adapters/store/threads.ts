/** What every store makes of runs that go on from each other. */
import { ExecutusError } from "../../kernel/errors.ts";

/** A follow-up needs the run that it goes on from. */
export function goneRun(run: string): ExecutusError {
  return new ExecutusError("run_unknown", `there is no run ${run} to continue`, {
    run,
    hint: "It may have been removed just now. List the runs: executus ls --all",
  });
}

/** Removes one run: what it went on from, or undefined where it is not to be removed. */
type RemoveRun = (run: string) => { readonly continues: string | undefined } | undefined;

/** A thread goes from its end: once a run is gone, the one before it may. Each is looked at once for every follow-up it has. */
export function removeFromTheEnd(runs: readonly string[], remove: RemoveRun): number {
  const wanted = new Set(runs);
  let removed = 0;
  for (const run of runs) {
    for (let next: string | undefined = run; next !== undefined && wanted.has(next);) {
      const gone = remove(next);
      if (gone === undefined) break;
      wanted.delete(next);
      removed++;
      next = gone.continues;
    }
  }
  return removed;
}
