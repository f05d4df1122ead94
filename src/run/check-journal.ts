/** Refuses to act on a journal that is not understood whole. */
import { ExecutusError } from "../kernel/errors.ts";
import { type JournalProblem, journalProblem } from "../kernel/readable.ts";
import type { RunState } from "../kernel/state.ts";
import type { RunEvent } from "../ports/events.ts";

/** Throws `journal_damaged` or `journal_newer`, naming run and seq. `before`: what the events follow. */
export function checkJournal(run: string, events: readonly RunEvent[], before?: RunState): void {
  const problem = journalProblem(events, before);
  if (problem !== undefined) throw refusal(run, problem);
}

/**
 * Throws `run_finished` for a run that has ended, whatever else is to be said about its journal, or about those of its thread: nothing
 * follows from them any more.
 */
export function checkUnfinished(run: string, events: readonly RunEvent[]): void {
  if (events.at(-1)?.type === "run.finished") throw finishedRun(run);
  checkJournal(run, events);
}

export function finishedRun(run: string): ExecutusError {
  return new ExecutusError("run_finished", `run ${run} has already ended`, { run, hint: `See how: executus show ${run}` });
}

function refusal(run: string, { code, seq, what }: JournalProblem): ExecutusError {
  if (code === "journal_damaged") {
    const hint = "Run `executus store check`; other runs are not affected. Restore this one from a backup.";
    return new ExecutusError(code, `The journal of run ${run} is damaged at seq ${seq}: ${what}`, { run, hint });
  }
  const hint = `Go on with the version of executus that wrote it, or a later one. What is understood of it: executus show ${run}`;
  return new ExecutusError(code, `The journal of run ${run} was written by a later version of executus; at seq ${seq}: ${what}`, {
    run,
    hint,
  });
}
